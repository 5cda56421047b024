//! Heartbeats: a client that says nothing is asked whether it is still there, and one that does not answer is let go.
//!
//! WS-09. RFC 6455 says how to ask (§5.5.2) and how to answer (§5.5.3), not whether a server must ask, or when. So the
//! profile's promises `ping` and `pong` are what is judged here; without them there is nothing to wait for.

mod gone;

use std::time::{Duration, Instant};

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode};

/// What takes longer is left to `--thorough`: a run is to last seconds.
const MAX_WAIT: Duration = Duration::from_secs(15);
/// Intervals over which a client that answers must stay.
const INTERVALS: u32 = 3;
/// Between two fragments of a client that is at work on a message.
const FRAGMENT_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Info, Must};
    let ping = "RFC 6455 §5.5.2";
    let pong = "RFC 6455 §5.5.3";
    let mut cases = vec![
        heartbeat("silent", "A client that says nothing is sent Pings", ping, Hardening, silent),
        heartbeat("payload", "What Pings carry", pong, Info, payload),
        heartbeat("answered", "A client that answers each Ping", pong, Hardening, answered),
        heartbeat("late-pong", "Pongs that take half their time", pong, Hardening, late_pong),
        heartbeat("wrong-pong", "Pongs with another payload", pong, Hardening, wrong_pong),
        heartbeat("extra-pongs", "Pongs beside those that are due", pong, Must, extra_pongs),
        heartbeat(
            "in-message",
            "A client that is long at work on a message",
            "RFC 6455 §5.4",
            Must,
            in_message,
        ),
    ];
    cases.extend(gone::cases());
    cases
}

/// They wait more than they do, each on a connection of its own.
fn heartbeat<F, Fut>(id: &str, title: &str, section: &str, strength: Strength, action: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    case(Family::Heartbeat, id, title, &[Route::WsEcho], action).rule(section, strength).long()
}

/// What a profile promises of silent clients.
#[derive(Clone, Copy)]
struct Promise {
    ping: Duration,
    pong: Duration,
}

impl Promise {
    /// The promise, where a case that waits for so many intervals and an answer can wait for it.
    fn of(cx: &Context, intervals: u32) -> Result<Self, Verdict> {
        let limits = cx.limits();
        let ping = promised(cx, "ping", limits.ping, |ping| ping * intervals)?;
        let pong = promised(cx, "pong", limits.pong, |pong| ping * intervals + pong)?;
        Ok(Self { ping, pong })
    }

    /// Who has not answered a first Ping is gone this long after the handshake.
    fn end(self, cx: &Context) -> Duration {
        with_slack(cx, self.ping + self.pong)
    }
}

/// A promise, where there is one; `wait` is how long it has the case wait.
fn promised(
    cx: &Context,
    name: &str,
    promise: Option<Duration>,
    wait: impl Fn(Duration) -> Duration,
) -> Result<Duration, Verdict> {
    let skip = |why: String| Verdict::new(Outcome::Skip, format!("a promise of {name:?}"), why);
    let promise = promise.ok_or_else(|| skip(format!("the profile promises no {name:?}")))?;
    let wait = wait(promise);
    if wait > MAX_WAIT && !cx.is_thorough() {
        let why = format!("it would take {}: `--thorough` waits that long", spell(wait));
        return Err(skip(why));
    }
    Ok(promise)
}

fn with_slack(cx: &Context, promise: Duration) -> Duration {
    promise + cx.timing().slack(promise)
}

/// A client whose Pings are the case's to answer.
struct Asked<'a> {
    cx: &'a Context,
    promise: Promise,
    client: Client,
    opened: Instant,
}

impl<'a> Asked<'a> {
    async fn open(cx: &'a Context, promise: Promise) -> Result<Self, Verdict> {
        let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
        client.answer_pings(false);
        Ok(Self { cx, promise, client, opened: Instant::now() })
    }

    /// Waits for the next Ping; gives back what it carries.
    async fn ping(&mut self) -> Result<Vec<u8>, Verdict> {
        let within = with_slack(self.cx, self.promise.ping);
        match self.client.next(Instant::now() + within).await {
            Event::Ping(payload) => Ok(payload),
            event => Err(event.unexpected(format!("a Ping within {}", spell(within)))),
        }
    }

    async fn pong(&mut self, payload: &[u8]) {
        self.client.send(opcode::PONG, payload, self.cx.answer_by()).await;
    }

    /// Answers each Ping until then, and expects nothing else; gives back how many there were.
    async fn stay(&mut self, until: Instant) -> Result<usize, Verdict> {
        let mut pings = 0;
        loop {
            match self.client.next(until).await {
                Event::Ping(payload) => {
                    pings += 1;
                    self.pong(&payload).await;
                }
                Event::Silence => return Ok(pings),
                event => return Err(event.unexpected(STAYS).at(&behind(pings))),
            }
        }
    }

    /// The connection still does what it is for.
    async fn serves(mut self) -> Result<(), Verdict> {
        self.client.answer_pings(true);
        self.client.echoes(self.cx, "still here").await?;
        self.client.close(self.cx).await
    }
}

const STAYS: &str = "the connection stays, and echoes";

fn behind(pings: usize) -> String {
    match pings {
        1 => "behind 1 Ping".into(),
        _ => format!("behind {pings} Pings"),
    }
}

async fn silent(cx: Context) -> Result<Verdict, Verdict> {
    let mut asked = Asked::open(&cx, Promise::of(&cx, 2)?).await?;
    let payload = asked.ping().await?;
    let first = asked.opened.elapsed();
    asked.pong(&payload).await;
    let answered = Instant::now();
    asked.ping().await.map_err(|verdict| verdict.at("behind the first"))?;
    let (first, second) = (spell(first), spell(answered.elapsed()));
    let expected = format!("a Ping every {}", spell(asked.promise.ping));
    Ok(Verdict::pass(expected, format!("the first came after {first}, another {second} later")))
}

/// Where each carries the same, an answer to one that is long over, or to none, counts for the next.
async fn payload(cx: Context) -> Result<Verdict, Verdict> {
    let mut asked = Asked::open(&cx, Promise::of(&cx, 2)?).await?;
    let first = asked.ping().await?;
    asked.pong(&first).await;
    let second = asked.ping().await?;
    let len = first.len();
    let got = if first == second {
        format!("{len} octets, the same again: an old Pong cannot be told from a new one")
    } else {
        format!("{len} octets, then {} others", second.len())
    };
    Ok(Verdict::new(Outcome::Info, "Pings that can be told apart", got))
}

async fn answered(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, INTERVALS)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let pings = asked.stay(asked.opened + promise.ping * INTERVALS).await?;
    asked.serves().await?;
    if pings == 0 {
        return Err(Verdict::fail("Pings, and answers to them", "no Ping"));
    }
    Ok(Verdict::pass(STAYS, format!("so it did {}", behind(pings))))
}

/// Far away, or on a train, an answer takes its time.
async fn late_pong(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let payload = asked.ping().await?;
    let asked_at = Instant::now();
    match asked.client.next(asked_at + promise.pong / 2).await {
        Event::Silence | Event::Ping(_) => {}
        event => return Err(event.unexpected(STAYS).at("before the Pong")),
    }
    asked.pong(&payload).await;
    asked.stay(asked_at + with_slack(&cx, promise.pong)).await?;
    asked.serves().await?;
    Ok(Verdict::pass(STAYS, format!("so it did, with a Pong after {}", spell(promise.pong / 2))))
}

/// Whoever sends any Pong is there, so to let it count is a choice (§5.5.3 has them as a one-way heartbeat). Only the
/// payload tells an answer from what a relay or a broken client repeats.
async fn wrong_pong(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let expected = format!(
        "a Pong with another payload is no answer: the end after {}, no sooner",
        spell(promise.pong)
    );
    let until = asked.opened + promise.end(&cx);
    let mut first: Option<(Instant, Vec<u8>)> = None;
    loop {
        match asked.client.next(until).await {
            Event::Ping(payload) => {
                let (_, first) = first.get_or_insert_with(|| (Instant::now(), payload.clone()));
                let old = first.clone();
                for wrong in [&payload[..payload.len().saturating_sub(1)], &old, b"wrong"] {
                    if wrong != payload {
                        asked.pong(wrong).await;
                    }
                }
            }
            event @ (Event::Close { .. } | Event::Ended) => {
                let after = first.map(|(asked, _)| asked.elapsed());
                return match after {
                    Some(after) if after >= promise.pong / 2 => {
                        let got = format!("{} after the Ping: {}", spell(after), event.describe());
                        Ok(Verdict::pass(expected, got))
                    }
                    Some(_) => Err(event.unexpected(expected).at("at once")),
                    None => Err(event.unexpected(expected).at("without a Ping")),
                };
            }
            Event::Silence if first.is_some() => {
                return Ok(Verdict::warn(expected, "it stayed: whatever comes is an answer"));
            }
            event => return Err(event.unexpected(expected)),
        }
    }
}

/// "A Pong frame MAY be sent unsolicited", and no answer to it is expected (§5.5.3).
async fn extra_pongs(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    asked.pong(b"").await;
    let payload = asked.ping().await?;
    for extra in [&[b'x'; 125][..], &payload, &payload] {
        asked.pong(extra).await;
    }
    let pings = 1 + asked.stay(Instant::now() + with_slack(&cx, promise.pong)).await?;
    asked.serves().await?;
    Ok(Verdict::pass(STAYS, format!("so it did {}", behind(pings))))
}

/// WS-10. Who is at work on a message is there. It may still be asked, and its Pongs stand between the fragments (§5.4).
async fn in_message(cx: Context) -> Result<Verdict, Verdict> {
    let promise = Promise::of(&cx, 1)?;
    let mut asked = Asked::open(&cx, promise).await?;
    let until = asked.opened + promise.end(&cx);
    let mut message: Vec<u8> = Vec::new();
    let mut pings = 0;
    while Instant::now() < until {
        let opcode = if message.is_empty() { opcode::TEXT } else { opcode::CONTINUATION };
        fragment(&mut asked, opcode, false).await;
        message.extend(FRAGMENT);
        pings += asked.stay(Instant::now() + FRAGMENT_PAUSE).await?;
    }
    fragment(&mut asked, opcode::CONTINUATION, true).await;
    message.extend(FRAGMENT);
    asked.client.answer_pings(true);
    let expected = "the connection stays, and the message comes back whole";
    match asked.client.next(cx.answer_by()).await {
        Event::Message { opcode: opcode::TEXT, payload } if payload == message => {}
        event => return Err(event.unexpected(expected).at(&behind(pings))),
    }
    asked.client.close(&cx).await?;
    Ok(Verdict::pass(expected, format!("so it did {}", behind(pings))))
}

const FRAGMENT: &[u8] = b"a word, ";

async fn fragment(asked: &mut Asked<'_>, opcode: u8, fin: bool) {
    let frame = Frame { fin, ..Frame::new(opcode, FRAGMENT, asked.client.key()) };
    asked.client.connection().send(&frame.octets(), asked.cx.answer_by()).await;
}
