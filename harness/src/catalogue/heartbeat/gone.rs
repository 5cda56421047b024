//! Clients that are gone without a word: what they cost ends as promised.
//!
//! Nothing tells a server of a client whose packets vanish. Its system goes on sending again for a quarter of an hour
//! (RFC 9293 §3.8.3 asks for at least 100 s), and where a relay stands between, each octet is acknowledged as ever.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::{Asked, Promise, behind, heartbeat, promised, with_slack};
use crate::case::Case;
use crate::context::{Context, spell};
use crate::route::Route;
use crate::subject::FarEnd;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode};

/// Between two looks whether the subject has let go of its end.
const LOOK: Duration = Duration::from_millis(50);
/// Octets of a message whose echo is not read.
const MESSAGE: usize = 64 << 10;
/// So many are more than two systems keep for their processes, some ten MiB on Linux.
const MAX_MESSAGES: usize = 512;

pub(super) fn cases() -> [Case; 3] {
    let strength = Strength::Hardening;
    let section = "RFC 6455 §5.5.2, §7.1.7";
    [
        heartbeat("unanswered", "A client that answers no Ping", section, strength, unanswered),
        heartbeat("vanished", "A client that is gone without a word", section, strength, vanished),
        heartbeat(
            "unread",
            "A client that is gone while much waits for it",
            section,
            strength,
            unread,
        )
        .exhausting(),
    ]
}

async fn unanswered(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let expected = format!("a Ping, and a Close within {}", spell(promise.ping + promise.pong));
    let until = asked.opened + promise.end(&cx);
    let mut pings = 0;
    loop {
        let event = asked.client.next(until).await;
        let got = format!("{}, after {}", behind(pings), spell(asked.opened.elapsed()));
        match event {
            Event::Ping(_) => pings += 1,
            Event::Close { .. } if pings > 0 => {
                return Ok(Verdict::pass(expected, event.describe()).at(&got));
            }
            // §7.1.7: an endpoint SHOULD send a Close frame.
            Event::Ended if pings > 0 => {
                return Ok(Verdict::warn(expected, event.describe()).at(&got));
            }
            event => return Err(event.unexpected(expected).at(&got)),
        }
    }
}

/// To the subject this is what a relay does that has stopped passing anything on: what is sent is acknowledged, nobody
/// reads it, and nothing comes, not even an answer to Close.
async fn vanished(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let far_end = FarEnd::of(asked.client.connection());
    Timer::at(asked.opened + promise.end(&cx)).await;
    let held = stays_held(&cx, far_end).await;
    let expected = format!("the end within {}", spell(promise.ping + promise.pong));
    let (ended, got) = look_back(&cx, &mut asked.client).await;
    let (outcome, and) = match (ended, held) {
        (Some(End::Connection), None) => (Outcome::Pass, ""),
        (Some(End::Connection), Some(false)) => (Outcome::Pass, ", and its descriptor was free"),
        (Some(End::Connection), Some(true)) => (Outcome::Warn, ", but its descriptor is held"),
        (Some(End::Close), _) => (Outcome::Warn, ", and the end of the connection did not"),
        (None, _) => return Err(late(&cx, promise.end(&cx), expected, &got)),
    };
    Ok(Verdict::new(outcome, expected, got + and))
}

/// A Ping cannot reach who does not read, nor an answer come: only that nothing is taken any more can be seen.
async fn unread(cx: Context) -> Result<Verdict, Verdict> {
    let write = promised(&cx, "write", cx.limits().write, |write| write)?;
    let mut client = Client::open(&cx, Route::WsEcho, Source::Attacker).await?;
    client.answer_pings(false);
    let far_end = FarEnd::of(client.connection());
    client.connection().deafen();
    let message = Frame::new(opcode::BINARY, vec![b'x'; MESSAGE], client.key()).octets();
    for _ in 0..MAX_MESSAGES {
        // Who echoes and cannot write stops reading in the end; who reads on has all of it waiting.
        if !client.connection().send(&message, cx.answer_by()).await {
            break;
        }
    }
    let patience = with_slack(&cx, write);
    Timer::after(patience).await;
    let expected = format!("the end {} after the last octet that was taken", spell(write));
    // Before anything is read: what can be sent again is no reason to end any more, or brings one that was waiting.
    match stays_held(&cx, far_end).await {
        Some(false) => return Ok(Verdict::pass(expected, "its descriptor was free")),
        Some(true) => return Err(late(&cx, patience, expected, "its descriptor is held")),
        None => {}
    }
    let (ended, got) = look_back(&cx, &mut client).await;
    match ended {
        Some(_) => Ok(Verdict::pass(expected, got)),
        None => Err(late(&cx, patience, expected, &got)),
    }
}

/// Whether the subject still holds its end after some time for a last word, where that can be seen.
async fn stays_held(cx: &Context, far_end: Option<FarEnd>) -> Option<bool> {
    let far_end = far_end?;
    let by = cx.answer_by();
    while far_end.is_held() {
        if Instant::now() > by {
            return Some(true);
        }
        Timer::after(LOOK).await;
    }
    Some(false)
}

/// How the subject said that it was over.
#[derive(Clone, Copy)]
enum End {
    Close,
    Connection,
}

/// What the subject has sent by now, unread: it must end with an end. What it does from now on does not count, so
/// there is no waiting.
async fn look_back(cx: &Context, client: &mut Client) -> (Option<End>, String) {
    let mut end = None;
    let mut pings = 0;
    loop {
        let event = client.next(Instant::now() + cx.timing().quiet).await;
        match event {
            Event::Ping(_) => pings += 1,
            Event::Message { .. } => {}
            Event::Close { .. } => end = Some(End::Close),
            Event::Ended => return (Some(End::Connection), format!("{}: it ended", behind(pings))),
            _ if end.is_some() => return (end, format!("{}: a Close came", behind(pings))),
            event => return (end, format!("{}: {}", behind(pings), event.describe())),
        }
    }
}

fn late(cx: &Context, waited: Duration, expected: String, got: &str) -> Verdict {
    cx.trace().waited_in_vain(waited);
    Verdict::fail(expected, format!("{got}, after {}", spell(waited)))
}
