//! Groups 9 and 10: large messages, messages in many frames or in many segments, many messages.
//!
//! The sizes, patterns and cuts are those that the field knows. Contents are compared, not only lengths; and a
//! subject that refuses a message of more than 64 KiB, or one in too many frames, with 1009 or 1008 has a limit,
//! which is its right.

use std::time::{Duration, Instant};

use futures_lite::future::yield_now;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::opcode;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Messages sent one after the other in 9.7 and 9.8.
const MESSAGES: usize = 1000;
/// No subject can do with less: 1.1.6 and 1.1.7 send as much.
const MUST_TAKE: usize = 64 * KIB;
/// Beyond the patience for an answer, each octet is given so long: a quarter of a MiB a second.
const PER_OCTET: Duration = Duration::from_micros(4);

/// What is sent, and must come back.
#[derive(Clone, Copy, Debug)]
struct Volume {
    opcode: u8,
    /// Repeated, and cut to the length.
    pattern: &'static [u8],
    /// Octets of a message.
    len: usize,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// One message in one frame.
    Frame,
    /// One message in frames of so many octets. Where they come out even, an empty one ends it.
    Fragments(usize),
    /// One message in one frame, in segments of so many octets.
    Segments(usize),
    /// So many messages, each when the one before it has come back.
    Messages(usize),
}

pub(super) fn cases() -> Vec<Case> {
    const SIZES: [usize; 6] = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
    const FRAGMENTS: [usize; 9] =
        [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
    const SEGMENTS: [usize; 6] = [64, 128, 256, 512, 1024, 2048];
    const SMALL: [usize; 6] = [0, 16, 64, 256, 1024, 4096];
    let mut cases = Vec::new();
    let mut add = |group: u8, volumes: Vec<Volume>| {
        for (volume, number) in volumes.into_iter().zip(1..) {
            cases.push(volume.case(&format!("9.{group}.{number}")));
        }
    };
    let kinds: [(u8, [&'static [u8]; 2]); 2] = [
        (opcode::TEXT, [b"BAsd7&jh23", b"*"]),
        (opcode::BINARY, [&[0x00, 0xfe, 0x23, 0xfa, 0xf0], &[0xfe]]),
    ];
    for ((opcode, [long, short]), second) in kinds.into_iter().zip(0..) {
        let of = |pattern, len, shape| Volume { opcode, pattern, len, shape };
        add(1 + second, SIZES.map(|len| of(long, len, Shape::Frame)).into());
        let fragments = FRAGMENTS.map(|size| of(short, 4 * MIB, Shape::Fragments(size)));
        add(3 + second, fragments.into());
        add(5 + second, SEGMENTS.map(|size| of(long, MIB, Shape::Segments(size))).into());
        add(7 + second, SMALL.map(|len| of(short, len, Shape::Messages(MESSAGES))).into());
    }
    let (opcode, pattern, len) = (opcode::TEXT, &b"*"[..], 64 * KIB);
    cases.push(Volume { opcode, pattern, len, shape: Shape::Fragments(1300) }.case("10.1.1"));
    cases.sort_by_key(|case| {
        case.short_id().split('.').map(str::parse::<u8>).map(Result::ok).collect::<Vec<_>>()
    });
    cases
}

impl Volume {
    fn case(self, id: &str) -> Case {
        let run = move |cx| async move { self.run(&cx).await };
        let section = match self.shape {
            Shape::Fragments(_) => "RFC 6455 §5.4",
            Shape::Frame | Shape::Segments(_) | Shape::Messages(_) => "RFC 6455 §5.2, §5.6",
        };
        case(Family::Ws, id, &self.title(), &[Route::WsEcho], run).rule(section, Strength::Must)
    }

    fn title(self) -> String {
        let kind = if self.opcode == opcode::TEXT { "text" } else { "binary" };
        let len = size(self.len);
        match self.shape {
            Shape::Frame => format!("A {kind} message of {len} in one frame"),
            Shape::Fragments(cut) => {
                format!("A {kind} message of {len} in frames of {}", size(cut))
            }
            Shape::Segments(cut) => {
                format!("A {kind} message of {len} in segments of {}", size(cut))
            }
            Shape::Messages(count) => format!("{count} {kind} messages of {len}, one by one"),
        }
    }

    async fn run(self, cx: &Context) -> Result<Verdict, Verdict> {
        let payload: Vec<u8> = self.pattern.iter().copied().cycle().take(self.len).collect();
        let count = if let Shape::Messages(count) = self.shape { count } else { 1 };
        let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
        let began = Instant::now();
        let echo = Event::Message { opcode: self.opcode, payload };
        for number in 1..=count {
            let late = cx.answer_by() + PER_OCTET * self.len as u32;
            self.send(&mut client, &echo, late).await;
            match client.next(late).await {
                event if event == echo => {}
                Event::Close { code: Some(code @ (1008 | 1009)), .. } if self.is_much() => {
                    let got = format!("Close {code}: the subject's limit lies below");
                    return Ok(Verdict::new(Outcome::Info, self.expected(), got));
                }
                event => {
                    let verdict = event.unexpected(self.expected());
                    return Err(if count > 1 {
                        verdict.at(&format!("message {number}"))
                    } else {
                        verdict
                    });
                }
            }
        }
        let took = began.elapsed();
        client.close(cx).await?;
        Ok(Verdict::pass(self.expected(), format!("so it was, in {} ms", took.as_millis())))
    }

    /// Whether it is more than what a subject must take.
    fn is_much(self) -> bool {
        self.len > MUST_TAKE
    }

    fn expected(self) -> &'static str {
        match self.shape {
            Shape::Messages(_) => "each message comes back, octet for octet",
            Shape::Frame | Shape::Fragments(_) | Shape::Segments(_) => {
                "the message comes back, octet for octet"
            }
        }
    }

    /// Sends one message. What the subject says to it in the meantime is read later.
    async fn send(self, client: &mut Client, message: &Event, late: Instant) {
        let Event::Message { opcode, payload } = message else { return };
        let cut = if let Shape::Fragments(cut) = self.shape { Some(cut) } else { None };
        let octets = client.message(*opcode, 0, payload, cut);
        let cut = if let Shape::Segments(cut) = self.shape { cut } else { octets.len() };
        for segment in octets.chunks(cut) {
            if !client.connection().send(segment, late).await {
                return;
            }
            if matches!(self.shape, Shape::Segments(_)) {
                yield_now().await; // so that the system may send it by itself
            }
        }
    }
}

/// `len` in the largest unit that divides it.
fn size(len: usize) -> String {
    match len {
        0 => "no octet".into(),
        len if len.is_multiple_of(MIB) => format!("{} MiB", len / MIB),
        len if len.is_multiple_of(KIB) => format!("{} KiB", len / KIB),
        len => format!("{len} octets"),
    }
}
