//! Floods over one WebSocket, and ends that nobody announced: what a client can do without breaking a rule, or
//! just before it is gone.

use std::time::{Duration, Instant};

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Read, Source};
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode};

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Info, Must, Should};
    vec![
        ws("08", "A thousand Pings between two fragments", "RFC 6455 §5.4, §5.5.3", Must, pings),
        ws(
            "15",
            "Who ends the connection behind both Closes, and how",
            "RFC 6455 §7.1.1",
            Info,
            end,
        ),
        ws("16", "Clients that end without a Close", "RFC 6455 §7.1.1", Hardening, gone),
        ws("17", "A MiB behind our Close", "RFC 6455 §5.5.1", Should, late),
        ws("20", "A message that does not end", "RFC 6455 §10.4", Hardening, endless).exclusive(),
        ws("21", "A message in 200 000 frames of an octet", "RFC 6455 §5.4", Hardening, octets)
            .exclusive(),
        ws("22", "A hundred thousand empty frames in a message", "RFC 6455 §5.4", Hardening, empty)
            .exclusive(),
        ws(
            "23",
            "A flood of Pings whose answers nobody reads",
            "RFC 6455 §5.5.3",
            Hardening,
            unread,
        )
        .exclusive(),
        ws("27", "A hundred clients at once", "RFC 6455 §5.5.2, §5.6", Hardening, crowd)
            .exclusive(),
    ]
}

fn ws<F, Fut>(number: &str, title: &str, section: &str, strength: Strength, run: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    let id = format!("frames/{number}");
    case(Family::Ws, &id, title, &[Route::WsEcho], run).rule(section, strength)
}

/// An endpoint may answer the latest Ping alone (§5.5.3), but no Ping may touch the message around it.
async fn pings(cx: Context) -> Result<Verdict, Verdict> {
    const PINGS: usize = 1000;
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let mut sent = first(&mut client, opcode::BINARY, b"one, ");
    for number in 1..=PINGS {
        sent.extend(client.message(opcode::PING, 0, number.to_string().as_bytes(), None));
    }
    sent.extend(Frame::new(opcode::CONTINUATION, "two", client.key()).octets());
    client.connection().send(&sent, cx.answer_by()).await;
    let expected = "the Pong to the last Ping at least, and the message";
    let (mut answered, mut last, mut echoed) = (0, 0, false);
    while last < PINGS || !echoed {
        match client.next(cx.answer_by()).await {
            Event::Pong(payload) => {
                let number = str::from_utf8(&payload).ok().and_then(|text| text.parse().ok());
                match number {
                    Some(number) if number > last && number <= PINGS => last = number,
                    _ => return Err(Event::Pong(payload).unexpected(expected)),
                }
                answered += 1;
            }
            Event::Message { opcode: opcode::BINARY, payload }
                if payload == b"one, two" && !echoed =>
            {
                echoed = true;
            }
            // Who is flooded may end it (RFC 6455 §7.3).
            event @ (Event::Close { code: Some(1008), .. } | Event::Ended) if answered > 1 => {
                let got = format!("behind {answered} Pongs: {}", event.describe());
                return Ok(Verdict::warn(expected, got));
            }
            event => {
                return Err(event.unexpected(expected).at(&format!("behind {answered} Pongs")));
            }
        }
    }
    client.close(&cx).await?;
    Ok(Verdict::pass(expected, format!("{answered} of {PINGS} Pongs, and the message")))
}

/// The server is to end the TCP connection first, so that it is not the one left waiting (§7.1.1).
async fn end(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    client.close(&cx).await?;
    let how = match client.connection().ended() {
        Some(Read::Reset) => "by a reset",
        _ => "in order",
    };
    let expected = "the subject ends the connection";
    Ok(Verdict::new(Outcome::Info, expected, format!("it did, {how}")))
}

/// None of this is a fault of the subject's. Only that it goes on serving is judged.
async fn gone(cx: Context) -> Result<Verdict, Verdict> {
    let mut silent = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    silent.echoes(&cx, "before the end").await?;
    silent.connection().finish();
    let expected = "the subject ends its side, and serves others";
    loop {
        match silent.next(cx.answer_by()).await {
            Event::Ended => break,
            Event::Close { .. } => {}
            event => return Err(event.unexpected(expected).at("behind a FIN without a Close")),
        }
    }
    for fin in [true, false] {
        let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
        let frame = Frame { fin, ..Frame::new(opcode::TEXT, "cut short", client.key()) }.octets();
        // In the middle of a frame; or of a message, behind a frame that is whole.
        let sent = if fin { &frame[..frame.len() - 3] } else { &frame };
        client.connection().send(sent, cx.answer_by()).await;
        client.into_connection().reset();
        let mut other = Client::open(&cx, Route::WsEcho, Source::Case).await?;
        other.echoes(&cx, "another client").await?;
        other.close(&cx).await?;
    }
    Ok(Verdict::pass(expected, "so it does"))
}

/// A server that closes while octets are unread resets the connection, and its own Close is lost with it.
async fn late(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let mut sent = client.message(opcode::CLOSE, 0, &1000_u16.to_be_bytes(), None);
    sent.extend(client.message(opcode::BINARY, 0, &vec![b'x'; 1 << 20], None));
    client.connection().send(&sent, cx.answer_by()).await;
    let expected = "Close 1000, no echo, and the end of the connection";
    match client.next(cx.answer_by()).await {
        Event::Close { code: None | Some(1000), .. } => {}
        event => return Err(event.unexpected(expected)),
    }
    match client.next(cx.answer_by()).await {
        Event::Ended => Ok(Verdict::pass(expected, "so it was")),
        event => Err(event.unexpected(expected)),
    }
}

/// A MiB in each frame, and none is the last: memory grows until somebody says no.
async fn endless(cx: Context) -> Result<Verdict, Verdict> {
    const FRAMES: usize = 64;
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let payload = vec![b'x'; 1 << 20];
    let expected = "Close 1009 where the subject's limit is";
    let mut sent = first(&mut client, opcode::BINARY, &payload);
    let mut frames = 0;
    while frames < FRAMES && client.connection().send(&sent, cx.answer_by() + SLOW).await {
        frames += 1;
        if client.connection().ended().is_some() || !client.connection().unread().is_empty() {
            break;
        }
        sent = Frame { fin: false, ..Frame::new(opcode::CONTINUATION, &payload[..], client.key()) }
            .octets();
    }
    let got = format!("behind {frames} MiB");
    match client.next(cx.answer_by()).await {
        Event::Close { code: Some(1009 | 1008), .. } => Ok(Verdict::pass(expected, got)),
        event @ (Event::Close { code: None, .. } | Event::Ended) => {
            Ok(Verdict::warn(expected, event.describe()).at(&got))
        }
        Event::Silence => Ok(Verdict::warn(expected, format!("none {got}"))),
        event => Err(event.unexpected(expected).at(&got)),
    }
}

async fn octets(cx: Context) -> Result<Verdict, Verdict> {
    many_frames(&cx, 200_000, b"x").await
}

async fn empty(cx: Context) -> Result<Verdict, Verdict> {
    many_frames(&cx, 100_000, b"").await
}

/// One message in so many frames with this payload: it comes back, or the subject has a limit and says so.
async fn many_frames(cx: &Context, count: usize, payload: &[u8]) -> Result<Verdict, Verdict> {
    let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
    let mut sent = first(&mut client, opcode::TEXT, payload);
    let key = client.key();
    let middle = Frame { fin: false, ..Frame::new(opcode::CONTINUATION, payload, key) }.octets();
    sent.extend(middle.repeat(count - 2));
    sent.extend(client.message(opcode::CONTINUATION, 0, payload, None));
    let expected = "the message comes back, or Close 1008 or 1009";
    client.connection().send(&sent, cx.answer_by() + SLOW).await;
    match client.next(cx.answer_by() + SLOW).await {
        Event::Message { opcode: opcode::TEXT, payload: echo } if echo == payload.repeat(count) => {
            client.close(cx).await?;
            Ok(Verdict::pass(expected, "it came back"))
        }
        Event::Close { code: Some(code @ (1008 | 1009)), .. } => {
            Ok(Verdict::pass(expected, format!("Close {code}: there is a limit")))
        }
        event @ (Event::Close { code: None, .. } | Event::Ended) => {
            Ok(Verdict::warn(expected, event.describe()))
        }
        event => Err(event.unexpected(expected)),
    }
}

/// The subject may stop reading, drop answers to older Pings, or close. What it sends stays sound, and others are
/// served meanwhile.
async fn unread(cx: Context) -> Result<Verdict, Verdict> {
    const PINGS: usize = 100_000;
    let mut client = Client::open(&cx, Route::WsEcho, Source::Attacker).await?;
    client.connection().deafen();
    let ping = client.message(opcode::PING, 0, &[b'p'; 125], None);
    let all = client.connection().send(&ping.repeat(PINGS), cx.answer_by()).await;
    let mut other = Client::open(&cx, Route::WsEcho, Source::Victim).await?;
    other.echoes(&cx, "another client").await.map_err(|verdict| verdict.at("beside the flood"))?;
    let expected = "Pongs, or the end of the connection; and others are served";
    let mut pongs = 0_usize;
    let end = loop {
        // The first may take its time; behind it they come one after the other, until there are no more.
        let patience = if pongs == 0 { cx.timing().answer } else { cx.timing().quiet };
        match client.next(Instant::now() + patience).await {
            Event::Pong(payload) if payload == [b'p'; 125] => pongs += 1,
            event @ (Event::Silence | Event::Ended | Event::Close { .. }) => break event,
            event => return Err(event.unexpected(expected)),
        }
        if all && pongs == PINGS {
            break Event::Silence;
        }
    };
    if pongs == 0 && end == Event::Silence {
        return Err(Verdict::fail(expected, "no Pong at all"));
    }
    let taken = if all { "all Pings were taken" } else { "it stopped reading" };
    Ok(Verdict::pass(expected, format!("{taken}, {pongs} Pongs came")))
}

async fn crowd(cx: Context) -> Result<Verdict, Verdict> {
    const CLIENTS: usize = 100;
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        clients.push(Client::open(&cx.untraced(), Route::WsEcho, Source::Case).await?);
    }
    let talks = clients.into_iter().zip(1..).map(|(mut client, number)| {
        let cx = &cx;
        async move {
            let text = format!("client {number}");
            client.echoes(cx, &text).await?;
            client.send(opcode::PING, text.clone(), cx.answer_by()).await;
            match client.next(cx.answer_by()).await {
                Event::Pong(payload) if payload == text.as_bytes() => {}
                event => return Err(event.unexpected("its own Pong")),
            }
            client.close(cx).await
        }
    });
    let verdicts = side_by_side(talks).await;
    for (verdict, number) in verdicts.into_iter().zip(1..) {
        verdict.map_err(|verdict| verdict.at(&format!("client {number} of {CLIENTS}")))?;
    }
    Ok(Verdict::pass("each has its own echo and Pong, and an orderly end", "so it was"))
}

/// The first frame of a message that goes on.
fn first(client: &mut Client, opcode: u8, payload: &[u8]) -> Vec<u8> {
    Frame { fin: false, ..Frame::new(opcode, payload, client.key()) }.octets()
}

/// Beyond the patience for an answer, where so much is sent that a slow subject must be forgiven.
const SLOW: Duration = Duration::from_secs(8);
