//! Fragmentation: where the network cuts the octets makes no difference.
//!
//! HTTP and WebSocket are defined on octets, not on segments. Each case sends the same
//! octets cut in two at every place, or octet by octet, and expects the answer that they get
//! in one piece. The first cut that makes a difference is named, and its trace kept.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{Answer, get, next_answer, post_echo};
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Read, Source, text};
use crate::ws::client::{Client, Event, handshake};
use crate::ws::frame::{Frame, opcode};

/// Cuts tried at a time: enough to hide the pauses, few enough for any connection cap.
const WIDTH: usize = 32;
/// The echoed content and payload.
const HELLO: &[u8] = b"hello";

/// What is sent in pieces, and what must come back.
#[derive(Clone, Copy, Debug)]
enum What {
    Get,
    PostLength,
    PostChunked,
    Handshake,
    /// A text message: 5 octets of payload behind a header of 6.
    Text,
    /// A text message of 200 octets: its length takes two octets more.
    LongText,
    /// A fragmented message with a Ping inside.
    Fragments,
    Close,
}

/// How it is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// In two, at every place.
    InTwo,
    /// Behind every octet.
    EveryOctet,
}

pub(super) fn cases() -> Vec<Case> {
    let subjects = [
        (What::Get, "get", "a GET"),
        (What::PostLength, "post-length", "a POST with a length"),
        (What::PostChunked, "post-chunked", "a chunked POST"),
        (What::Handshake, "ws-handshake", "an opening handshake"),
        (What::Text, "ws-text", "a text message"),
        (What::LongText, "ws-long-text", "a text message of 200 octets"),
        (What::Fragments, "ws-fragments", "a fragmented message with a Ping inside"),
        (What::Close, "ws-close", "a Close"),
    ];
    let mut cases = Vec::new();
    for (what, id, title) in subjects {
        let cuts = [
            (Cut::InTwo, "split", "Cut in two at every place"),
            (Cut::EveryOctet, "octets", "Octet by octet"),
        ];
        for (cut, cut_id, cut_title) in cuts {
            let id = format!("{id}-{cut_id}");
            let title = format!("{cut_title}: {title}");
            let run = move |cx| async move { what.run(&cx, cut).await };
            cases.push(case(Family::Fragmentation, &id, &title, &[what.route()], run));
        }
    }
    cases.push(case(
        Family::Fragmentation,
        "get-prefixes",
        "A head that is not complete is not answered",
        &[Route::Hello],
        prefixes,
    ));
    cases.push(case(
        Family::Fragmentation,
        "ws-coalesced",
        "A message in one segment with the opening handshake",
        &[Route::WsEcho],
        coalesced,
    ));
    cases.push(case(
        Family::Fragmentation,
        "ws-burst",
        "A thousand messages in one segment",
        &[Route::WsEcho],
        burst,
    ));
    cases.push(case(
        Family::Fragmentation,
        "ws-characters",
        "A text in two frames, cut in every place, inside characters too",
        &[Route::WsEcho],
        characters,
    ));
    cases
        .into_iter()
        .map(|case| {
            let (section, strength) = match case.id.as_str() {
                // No client may send it: what becomes of it is the server's choice.
                "fragmentation/ws-coalesced" => ("RFC 6455 §4.1", Strength::May),
                id if id.contains("/ws-") => ("RFC 6455 §5.4, §5.6", Strength::Must),
                _ => ("RFC 9112 §2.2", Strength::Must),
            };
            case.rule(section, strength)
        })
        .collect()
}

impl What {
    fn route(self) -> Route {
        match self {
            Self::Get => Route::Hello,
            Self::PostLength | Self::PostChunked => Route::Echo,
            Self::Handshake | Self::Text | Self::LongText | Self::Fragments | Self::Close => {
                Route::WsEcho
            }
        }
    }

    fn octets(self, cx: &Context) -> Vec<u8> {
        // Cut at each octet: none that says nothing.
        let cx = &cx.anonymous();
        let frame = |frame: Frame| {
            let mut out = Vec::new();
            frame.encode(&mut out);
            out
        };
        let key = cx.random().u32(..).to_be_bytes();
        match self {
            Self::Get => get(cx, Route::Hello, ""),
            Self::PostLength => post_echo(cx, HELLO),
            Self::PostChunked => {
                let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
                format!(
                    "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n\
                     2;x=y\r\nhe\r\n03\r\nllo\r\n0\r\nX-Sum: a\r\n\r\n"
                )
                .into_bytes()
            }
            Self::Handshake => handshake(cx, Route::WsEcho, ""),
            Self::Text => frame(Frame::new(opcode::TEXT, HELLO, key)),
            Self::LongText => frame(Frame::new(opcode::TEXT, HELLO.repeat(40), key)),
            Self::Fragments => [
                frame(Frame { fin: false, ..Frame::new(opcode::TEXT, &HELLO[..2], key) }),
                frame(Frame::new(opcode::PING, "ping", key)),
                frame(Frame::new(opcode::CONTINUATION, &HELLO[2..], key)),
            ]
            .concat(),
            Self::Close => frame(Frame::new(opcode::CLOSE, 1000_u16.to_be_bytes(), key)),
        }
    }

    async fn run(self, cx: &Context, cut: Cut) -> Result<Verdict, Verdict> {
        let octets = self.octets(cx);
        let cuts: Vec<Vec<&[u8]>> = match cut {
            Cut::InTwo => (1..octets.len()).map(|at| vec![&octets[..at], &octets[at..]]).collect(),
            Cut::EveryOctet => vec![octets.chunks(1).collect()],
        };
        let total = cuts.len();
        for group in cuts.chunks(WIDTH) {
            let verdicts = side_by_side(group.iter().map(|pieces| self.send(cx, pieces))).await;
            for (verdict, pieces) in verdicts.into_iter().zip(group) {
                verdict.map_err(|verdict| match cut {
                    Cut::InTwo => verdict.at(&format!("cut behind octet {}", pieces[0].len())),
                    Cut::EveryOctet => verdict,
                })?;
            }
        }
        let pieces = match cut {
            Cut::InTwo => format!("{total} cuts"),
            Cut::EveryOctet => format!("{} segments", octets.len()),
        };
        Ok(Verdict::pass("the answer that it gets in one piece", format!("it came, in {pieces}")))
    }

    /// Sends the pieces one by one, on a connection of their own.
    async fn send(self, cx: &Context, pieces: &[&[u8]]) -> Result<(), Verdict> {
        let own = cx.untraced();
        let outcome = self.send_traced(&own, pieces).await;
        if outcome.is_err() {
            cx.trace().adopt(own.trace());
        }
        outcome
    }

    async fn send_traced(self, cx: &Context, pieces: &[&[u8]]) -> Result<(), Verdict> {
        match self {
            Self::Get | Self::PostLength | Self::PostChunked => {
                let mut connection = cx.connect(self.route(), Source::Case).await?;
                deliver(cx, &mut connection, pieces).await?;
                let answer = next_answer(&mut connection, "POST", cx.answer_by()).await;
                let content = if self.route() == Route::Echo { Some(HELLO) } else { None };
                judge(&answer, content)
            }
            Self::Handshake => {
                let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
                deliver(cx, &mut connection, pieces).await?;
                Client::accept(cx, connection).await?.echoes(cx, "hello").await
            }
            Self::Text | Self::LongText | Self::Fragments | Self::Close => {
                let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
                deliver(cx, client.connection(), pieces).await?;
                expect(cx, &mut client, &self.events()).await
            }
        }
    }

    fn events(self) -> Vec<Event> {
        let echo = |payload: Vec<u8>| Event::Message { opcode: opcode::TEXT, payload };
        match self {
            Self::Text => vec![echo(HELLO.to_vec())],
            Self::LongText => vec![echo(HELLO.repeat(40))],
            Self::Fragments => vec![Event::Pong(b"ping".to_vec()), echo(HELLO.to_vec())],
            Self::Close => {
                vec![Event::Close { code: Some(1000), reason: Vec::new() }, Event::Ended]
            }
            Self::Get | Self::PostLength | Self::PostChunked | Self::Handshake => Vec::new(),
        }
    }
}

/// Sends each piece by itself, with a pause for it to arrive.
///
/// # Errors
///
/// On a machine so busy that the pieces took longer than the subject has promised to wait: then
/// it was we who were the slow client, and are rightly cut off.
async fn deliver(
    cx: &Context,
    connection: &mut Connection,
    pieces: &[&[u8]],
) -> Result<(), Verdict> {
    let limit = cx.limits().shortest().unwrap_or(Duration::from_secs(4));
    let pause = cx.timing().pause.min(limit / 4 / pieces.len() as u32);
    let began = Instant::now();
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 {
            Timer::after(pause).await;
        }
        connection.send(piece, cx.answer_by()).await;
    }
    if began.elapsed() < limit * 3 / 4 {
        return Ok(());
    }
    let expected = format!("the pieces are sent well within {}", spell(limit));
    let got = format!("it took {}: this machine is too busy", spell(began.elapsed()));
    Err(Verdict::new(Outcome::Error, expected, got))
}

fn judge(answer: &Answer, content: Option<&[u8]>) -> Result<(), Verdict> {
    let expected = match content {
        Some(content) => format!("2xx with content {}", text::quoted(content, 64)),
        None => "2xx".into(),
    };
    match answer {
        Answer::Response(response)
            if response.status / 100 == 2
                && content.is_none_or(|content| response.content == content) =>
        {
            Ok(())
        }
        _ => Err(Verdict::fail(expected, answer.describe())),
    }
}

/// A subject that answers before the head is complete cannot have understood it.
async fn prefixes(cx: Context) -> Result<Verdict, Verdict> {
    let request = get(&cx.anonymous(), Route::Hello, "");
    let ends: Vec<usize> =
        (1..request.len()).filter(|&at| at < 8 || at % 7 == 0 || at + 5 > request.len()).collect();
    let verdicts = side_by_side(ends.iter().map(|&end| prefix(&cx, &request, end))).await;
    for (verdict, end) in verdicts.into_iter().zip(&ends) {
        verdict.map_err(|verdict| {
            verdict.at(&format!("after {}", text::quoted(&request[..*end], 64)))
        })?;
    }
    Ok(Verdict::pass(
        "silence until the head is complete, then 2xx",
        format!("so it was with {} prefixes", ends.len()),
    ))
}

async fn prefix(cx: &Context, request: &[u8], end: usize) -> Result<(), Verdict> {
    let own = cx.untraced();
    let mut connection = own.connect(Route::Hello, Source::Case).await?;
    connection.send(&request[..end], cx.answer_by()).await;
    let early = connection.read(Instant::now() + cx.timing().quiet).await;
    if early != Read::Silence {
        cx.trace().adopt(own.trace());
        let got = if early == Read::Data {
            text::quoted(connection.unread(), 64)
        } else {
            "the connection was closed".into()
        };
        return Err(
            Verdict::fail("silence: the head is not complete", got).with(connection.unread())
        );
    }
    connection.send(&request[end..], cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    judge(&answer, None)
}

/// A client may not do so (RFC 6455 §4.1); a server that throws away what it read behind the head loses a message.
async fn coalesced(cx: Context) -> Result<Verdict, Verdict> {
    let mut octets = handshake(&cx, Route::WsEcho, "");
    octets.extend(What::Text.octets(&cx));
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    connection.send(&octets, cx.answer_by()).await;
    let mut client = Client::accept_hurried(&cx, connection).await?;
    expect(&cx, &mut client, &What::Text.events()).await?;
    Ok(Verdict::pass("the message is echoed", "it was"))
}

async fn burst(cx: Context) -> Result<Verdict, Verdict> {
    const MESSAGES: usize = 1000;
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let mut octets = Vec::new();
    let mut events = Vec::new();
    for i in 0..MESSAGES {
        let payload = i.to_string().into_bytes();
        Frame::new(opcode::TEXT, payload.clone(), client.key()).encode(&mut octets);
        events.push(Event::Message { opcode: opcode::TEXT, payload });
    }
    client.connection().send(&octets, cx.answer_by()).await;
    expect(&cx, &mut client, &events).await?;
    Ok(Verdict::pass("a thousand echoes, in order", "they came"))
}

async fn characters(cx: Context) -> Result<Verdict, Verdict> {
    let payload = "aµ€𐍈".as_bytes();
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    for at in 0..=payload.len() {
        let first = Frame { fin: false, ..Frame::new(opcode::TEXT, &payload[..at], client.key()) };
        let last = Frame::new(opcode::CONTINUATION, &payload[at..], client.key());
        let mut octets = Vec::new();
        first.encode(&mut octets);
        last.encode(&mut octets);
        client.connection().send(&octets, cx.answer_by()).await;
        let echo = Event::Message { opcode: opcode::TEXT, payload: payload.to_vec() };
        expect(&cx, &mut client, &[echo])
            .await
            .map_err(|v| v.at(&format!("cut behind octet {at}")))?;
    }
    Ok(Verdict::pass("the text comes back, wherever it was cut", "it did"))
}

async fn expect(cx: &Context, client: &mut Client, events: &[Event]) -> Result<(), Verdict> {
    for expected in events {
        let event = client.next(cx.answer_by()).await;
        if event != *expected {
            return Err(event.unexpected(expected.describe()));
        }
    }
    Ok(())
}
