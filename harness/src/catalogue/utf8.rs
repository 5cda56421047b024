//! Group 6.4, and a meter: how soon a subject notices that a text is not UTF-8.
//!
//! No rule says when it must: a connection that fails with the last octet conforms, with a warning, since it
//! has kept in memory what was lost from its first wrong octet. That nothing more comes is waited for only
//! where the subject does not fail at once.

use std::time::Instant;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode};

/// A Greek word; four octets beyond the last character that there is, of which the second cannot follow the
/// first; and some more.
const TEXT: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";

/// How the text comes in three pieces, of which the second shows that it is none.
#[derive(Clone, Copy, Debug)]
struct Pieces {
    /// Each is a frame; or they are segments of a single frame, and an empty one ends the message.
    frames: bool,
    /// Where the second and the third begin.
    at: [usize; 2],
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (id, title, frames, at) in [
        (
            "6.4.1",
            "The second of three frames has four octets that are no character",
            true,
            [11, 15],
        ),
        ("6.4.2", "The second of three frames is the octet that cannot follow", true, [12, 13]),
        (
            "6.4.3",
            "The second part of a frame has four octets that are no character",
            false,
            [11, 15],
        ),
        ("6.4.4", "The second part of a frame is the octet that cannot follow", false, [12, 13]),
    ] {
        let pieces = Pieces { frames, at };
        let run = move |cx| async move { pieces.run(&cx).await };
        let case = case(Family::Ws, id, title, &[Route::WsEcho], run);
        cases.push(case.rule("RFC 6455 §8.1", Strength::Must));
    }
    let title = "So many octets of a frame go unchecked until it is whole";
    let meter = case(Family::Ws, "frames/19", title, &[Route::WsEcho], meter);
    cases.push(meter.rule("RFC 6455 §8.1", Strength::Info));
    cases
}

impl Pieces {
    /// The octets of each piece.
    fn octets(self, client: &mut Client) -> [Vec<u8>; 3] {
        let [second, third] = self.at;
        let texts = [&TEXT[..second], &TEXT[second..third], &TEXT[third..]];
        if self.frames {
            let opcodes = [opcode::TEXT, opcode::CONTINUATION, opcode::CONTINUATION];
            let mut number = 0;
            return texts.map(|text| {
                let frame = Frame::new(opcodes[number], text, client.key());
                number += 1;
                Frame { fin: number == texts.len(), ..frame }.octets()
            });
        }
        let frame = Frame { fin: false, ..Frame::new(opcode::TEXT, TEXT, client.key()) }.octets();
        let head = frame.len() - TEXT.len();
        let last = Frame::new(opcode::CONTINUATION, "", client.key()).octets();
        [
            frame[..head + second].to_vec(),
            frame[head + second..head + third].to_vec(),
            [&frame[head + third..], &last].concat(),
        ]
    }

    async fn run(self, cx: &Context) -> Result<Verdict, Verdict> {
        let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
        let [first, second, third] = self.octets(&mut client);
        client.connection().send(&first, cx.answer_by()).await;
        match client.next(Instant::now() + cx.timing().quiet).await {
            Event::Silence => {}
            event => return Err(event.unexpected("nothing yet: so far all of it is UTF-8")),
        }
        client.connection().send(&second, cx.answer_by()).await;
        let expected = "the subject closes with 1007 as soon as it can know";
        match client.next(cx.answer_by()).await {
            Event::Close { code: Some(1007), .. } => {
                return Ok(Verdict::pass(expected, "so it did"));
            }
            event @ (Event::Close { code: None, .. } | Event::Ended) => {
                return Ok(Verdict::warn(expected, event.describe()));
            }
            Event::Silence => {}
            event => return Err(event.unexpected(expected)),
        }
        client.connection().send(&third, cx.answer_by()).await;
        client.fails(cx, &[1007]).await?;
        let when = if self.frames { "message" } else { "frame" };
        Ok(Verdict::warn(expected, format!("it closed, but not before the {when} was whole")))
    }
}

/// Octets that are UTF-8, before one that is not.
const VALID: [usize; 9] = [0, 1, 7, 125, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 17];
/// What is missing of each frame when the subject could know.
const MISSING: usize = 16;

async fn meter(cx: Context) -> Result<Verdict, Verdict> {
    let verdicts = side_by_side(VALID.map(|valid| notices(&cx, valid))).await;
    let mut late = Vec::new();
    for (noticed, valid) in verdicts.into_iter().zip(VALID) {
        if !noticed.map_err(|verdict| verdict.at(&format!("behind {valid} octets")))? {
            late.push(valid.to_string());
        }
    }
    let got = if late.is_empty() {
        "each was noticed before its frame was whole".into()
    } else {
        format!("only when the frame was whole, behind {} octets", late.join(", "))
    };
    Ok(Verdict::new(Outcome::Info, "the connection fails, now or with the whole frame", got))
}

/// Whether an octet that is not UTF-8 is noticed before its frame is whole, behind so many that are.
async fn notices(cx: &Context, valid: usize) -> Result<bool, Verdict> {
    let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
    let mut text = vec![b'a'; valid];
    text.push(0xff);
    text.resize(valid + 1 + MISSING, b'a');
    let frame = client.message(opcode::TEXT, 0, &text, None);
    let (now, then) = frame.split_at(frame.len() - MISSING);
    client.connection().send(now, cx.answer_by()).await;
    match client.next(cx.answer_by()).await {
        Event::Close { code: Some(1007) | None, .. } | Event::Ended => Ok(true),
        Event::Silence => {
            client.connection().send(then, cx.answer_by()).await;
            match client.fails(cx, &[1007]).await {
                Err(verdict) if verdict.outcome > Outcome::Warn => Err(verdict),
                _ => Ok(false),
            }
        }
        event => Err(event.unexpected("the subject closes with 1007")),
    }
}
