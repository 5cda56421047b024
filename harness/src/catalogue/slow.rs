//! Slow clients: who sends or reads a little at a time is cut off as promised, and never at
//! the cost of anybody else.
//!
//! Twenty attackers at once, each from an address that is not the victims'. Victims make
//! requests all the while; each must be answered within the subject's usual time.

mod waits;

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::zip;

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{Answer, get, next_answer};
use crate::route::Route;
use crate::subject::probe;
use crate::verdict::{Strength, Verdict};
use crate::wire::{Connection, Read, Source};
use crate::ws::client::{Client, handshake};
use crate::ws::frame::{Frame, opcode};

const ATTACKERS: usize = 20;
/// Between two octets of an attacker. Far below any idle timeout: only a limit on the whole,
/// or on the rate, cuts it off.
const DRIP: Duration = Duration::from_millis(50);
/// How long an attack lasts where no promise says when it should end.
const ATTACK: Duration = Duration::from_secs(1);
/// Between two requests of a victim.
const VICTIM_PAUSE: Duration = Duration::from_millis(20);
/// A promise longer than this is not waited for: it is too long to be checked in every run.
const MAX_PROMISE: Duration = Duration::from_secs(15);

pub(super) fn cases() -> Vec<Case> {
    use Family::Slow;
    let hello = [Route::Hello];
    let echo = [Route::Echo, Route::Hello];
    [
        case(Slow, "head-drip", "A head that comes octet by octet", &hello, head_drip),
        case(Slow, "head-stall", "A head that stops half way", &hello, head_stall),
        case(Slow, "head-fields", "A head that never ends, field by field", &hello, head_fields),
        case(Slow, "body-drip", "Content that comes octet by octet", &echo, body_drip),
        case(Slow, "body-stall", "Content that stops half way", &echo, body_stall),
        case(Slow, "chunk-drip", "Chunks of one octet, slowly", &echo, chunk_drip),
        case(
            Slow,
            "read-never",
            "A client that does not read the answer",
            &[Route::Bytes, Route::Hello],
            read_never,
        ),
        case(Slow, "hoard", "Connections that say nothing", &hello, hoard).exclusive(),
        case(
            Slow,
            "pipeline-never",
            "A hundred thousand requests from a client that does not read",
            &hello,
            pipeline_never,
        )
        .exclusive(),
        case(
            Slow,
            "ws-handshake-drip",
            "An opening handshake octet by octet",
            &[Route::WsEcho],
            handshake_drip,
        ),
        case(Slow, "ws-frame-stall", "A frame that stops half way", &[Route::WsEcho], frame_stall),
        case(
            Slow,
            "ws-read-never",
            "A WebSocket client that does not read",
            &[Route::WsEcho],
            websocket_read_never,
        ),
    ]
    .into_iter()
    .chain(waits::cases())
    .map(|case| case.rule("RFC 9112 §9.5", Strength::Hardening).exhausting().long())
    .collect()
}

/// What one attacker sends: all of `start` at once, then `drip` octet by octet, for ever.
struct Attack {
    route: Route,
    start: Vec<u8>,
    /// Empty: nothing more comes.
    drip: Vec<u8>,
    /// The promise that ends it, if the profile gives one.
    promise: Option<Duration>,
}

impl Attack {
    /// Runs the attack with healthy clients beside it.
    async fn run(self, cx: &Context) -> Result<Verdict, Verdict> {
        let promise = self.promise.filter(|promise| *promise <= MAX_PROMISE);
        let until = promise.map_or(ATTACK, |promise| promise + cx.timing().slack(promise));
        let mut attackers = Vec::new();
        for i in 0..ATTACKERS {
            // They are all alike: one stands for them in the trace.
            let traced = if i == 0 { cx.clone() } else { cx.untraced() };
            let mut connection = traced.connect(self.route, Source::Attacker).await?;
            connection.send(&self.start, cx.answer_by()).await;
            attackers.push(connection);
        }
        let deadline = Instant::now() + until;
        let over = Cell::new(false);
        let attack = async {
            let left = self.drip_all(cx, &mut attackers, deadline).await;
            over.set(true);
            left
        };
        let (left, victims) = zip(attack, victims(cx, &over)).await;
        let worst = victims?;
        let fared = format!("victims were answered within {}", spell(worst));
        match (promise, self.promise) {
            (None, None) => {
                Ok(Verdict::pass("others are served", format!("{fared}; no limit is promised")))
            }
            (None, Some(promise)) => Ok(Verdict::pass(
                "others are served",
                format!("{fared}; the promised {} is too long to wait for", spell(promise)),
            )),
            (Some(promise), _) => {
                let expected = format!("cut off after {}, and others are served", spell(promise));
                if left == 0 {
                    return Ok(Verdict::pass(expected, format!("all {ATTACKERS} were; {fared}")));
                }
                cx.trace().waited_in_vain(until);
                Err(Verdict::fail(
                    expected,
                    format!("{left} of {ATTACKERS} still held after {}", spell(until)),
                ))
            }
        }
    }

    /// Drips on every connection until the deadline, or until all are cut off; gives back how
    /// many are not.
    async fn drip_all(
        &self,
        cx: &Context,
        attackers: &mut Vec<Connection>,
        deadline: Instant,
    ) -> usize {
        let mut octets = self.drip.iter().copied().cycle();
        while !attackers.is_empty() && Instant::now() < deadline {
            let octet = octets.next();
            let mut held = Vec::new();
            for mut attacker in attackers.drain(..) {
                if let Some(octet) = octet {
                    attacker.send(&[octet], deadline).await;
                }
                if !is_cut_off(cx, &mut attacker).await {
                    held.push(attacker);
                }
            }
            *attackers = held;
            Timer::after(DRIP).await;
        }
        attackers.len()
    }
}

/// Whether the subject has answered with an error, or closed.
async fn is_cut_off(cx: &Context, attacker: &mut Connection) -> bool {
    while attacker.read(Instant::now()).await == Read::Data {}
    if attacker.ended().is_some() {
        return true;
    }
    if attacker.unread().is_empty() {
        return false;
    }
    let answer = next_answer(attacker, "POST", cx.answer_by()).await;
    matches!(answer, Answer::Response(response) if response.status >= 400)
}

/// Healthy requests, one after the other, until it is over; gives back the longest that one took.
async fn victims(cx: &Context, over: &Cell<bool>) -> Result<Duration, Verdict> {
    let mut worst = Duration::ZERO;
    loop {
        let began = Instant::now();
        // They are many, and alike: the case's trace is the attackers'.
        probe(&cx.untraced())
            .await
            .map_err(|verdict| verdict.at("a healthy client beside the attack"))?;
        worst = worst.max(began.elapsed());
        if over.get() {
            return Ok(worst);
        }
        Timer::after(VICTIM_PAUSE).await;
    }
}

fn post(cx: &Context, fields: &str, content: &str) -> Vec<u8> {
    let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
    format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{content}").into_bytes()
}

async fn head_drip(cx: Context) -> Result<Verdict, Verdict> {
    let path = cx.path(Route::Hello);
    let attack = Attack {
        route: Route::Hello,
        start: b"G".to_vec(),
        // Long enough never to be complete.
        drip: format!("ET {path} HTTP/1.1\r\nX-Fill: {}", "y".repeat(1000)).into_bytes(),
        promise: cx.limits().head,
    };
    attack.run(&cx).await
}

async fn head_stall(cx: Context) -> Result<Verdict, Verdict> {
    let path = cx.path(Route::Hello);
    let start = format!("GET {path} HTTP/1.1\r\nHost: ").into_bytes();
    let promise = cx.limits().head;
    Attack { route: Route::Hello, start, drip: Vec::new(), promise }.run(&cx).await
}

async fn head_fields(cx: Context) -> Result<Verdict, Verdict> {
    let head = String::from_utf8_lossy(&get(&cx, Route::Hello, "")).into_owned();
    let start = head.trim_end_matches("\r\n").as_bytes().to_vec();
    let promise = cx.limits().head;
    Attack { route: Route::Hello, start, drip: b"\r\nX-A: b".to_vec(), promise }.run(&cx).await
}

async fn body_drip(cx: Context) -> Result<Verdict, Verdict> {
    let start = post(&cx, "Content-Length: 4096\r\n", "begin");
    let promise = cx.limits().body;
    Attack { route: Route::Echo, start, drip: b"x".to_vec(), promise }.run(&cx).await
}

async fn body_stall(cx: Context) -> Result<Verdict, Verdict> {
    let start = post(&cx, "Content-Length: 4096\r\n", "begin");
    let promise = cx.limits().body;
    Attack { route: Route::Echo, start, drip: Vec::new(), promise }.run(&cx).await
}

async fn chunk_drip(cx: Context) -> Result<Verdict, Verdict> {
    let start = post(&cx, "Transfer-Encoding: chunked\r\n", "5\r\nbegin\r\n");
    let promise = cx.limits().body;
    Attack { route: Route::Echo, start, drip: b"1\r\nx\r\n".to_vec(), promise }.run(&cx).await
}

async fn read_never(cx: Context) -> Result<Verdict, Verdict> {
    let start = get(&cx, Route::Bytes, "?n=4000000");
    hold_unread(&cx, Route::Bytes, &start).await
}

async fn hoard(cx: Context) -> Result<Verdict, Verdict> {
    const HOARD: usize = 300;
    let mut hoard = Vec::new();
    for _ in 0..HOARD {
        // Those that are turned away are not held.
        if let Ok(connection) = cx.untraced().connect(Route::Hello, Source::Attacker).await {
            hoard.push(connection);
        }
    }
    let held = hold(&cx).await?;
    drop(hoard);
    probe(&cx).await.map_err(|verdict| verdict.at("when they are gone"))?;
    Ok(held)
}

async fn pipeline_never(cx: Context) -> Result<Verdict, Verdict> {
    const REQUESTS: usize = 100_000;
    let request = get(&cx.anonymous(), Route::Hello, "");
    let mut attackers = Vec::new();
    for _ in 0..ATTACKERS / 4 {
        let mut connection = cx.connect(Route::Hello, Source::Attacker).await?;
        connection.deafen();
        attackers.push(connection);
    }
    let octets = request.repeat(REQUESTS);
    let flood = async {
        for connection in &mut attackers {
            // As much as is taken at once; a subject that waits for its answers to be read stops taking.
            connection.send(&octets, Instant::now() + DRIP).await;
        }
    };
    let ((), held) = zip(flood, hold(&cx)).await;
    held
}

async fn handshake_drip(cx: Context) -> Result<Verdict, Verdict> {
    let mut drip = handshake(&cx, Route::WsEcho, "");
    drip.truncate(drip.len() - 4);
    drip.extend_from_slice(format!("\r\nX-Fill: {}", "y".repeat(1000)).as_bytes());
    let promise = cx.limits().head;
    Attack { route: Route::WsEcho, start: Vec::new(), drip, promise }.run(&cx).await
}

async fn frame_stall(cx: Context) -> Result<Verdict, Verdict> {
    let mut clients = Vec::new();
    for _ in 0..ATTACKERS {
        let mut client = Client::open(&cx, Route::WsEcho, Source::Attacker).await?;
        // A masked text frame of 1000 octets, of which four come.
        client
            .connection()
            .send(&[0x81, 0xfe, 0x03, 0xe8, 0, 0, 0, 0, b'a', b'b', b'c', b'd'], cx.answer_by())
            .await;
        clients.push(client);
    }
    hold(&cx).await
}

async fn websocket_read_never(cx: Context) -> Result<Verdict, Verdict> {
    let mut clients = Vec::new();
    for _ in 0..ATTACKERS {
        let mut client = Client::open(&cx, Route::WsEcho, Source::Attacker).await?;
        client.connection().deafen();
        let mut octets = Vec::new();
        Frame::new(opcode::BINARY, vec![b'x'; 1 << 20], client.key()).encode(&mut octets);
        clients.push((client, octets));
    }
    let flood = async {
        for (client, octets) in &mut clients {
            // As much as is taken at once; a subject that echoes stops taking.
            client.connection().send(octets, Instant::now() + DRIP).await;
        }
    };
    let ((), held) = zip(flood, hold(&cx)).await;
    held
}

/// Asks on many connections, reads nothing, and watches how others fare.
async fn hold_unread(cx: &Context, route: Route, request: &[u8]) -> Result<Verdict, Verdict> {
    let mut attackers = Vec::new();
    for _ in 0..ATTACKERS {
        let mut connection = cx.connect(route, Source::Attacker).await?;
        connection.send(request, cx.answer_by()).await;
        attackers.push(connection);
    }
    hold(cx).await
}

/// Lets some time pass, and watches how others fare meanwhile.
async fn hold(cx: &Context) -> Result<Verdict, Verdict> {
    let over = Cell::new(false);
    let wait = async {
        Timer::after(ATTACK).await;
        over.set(true);
    };
    let ((), victims) = zip(wait, victims(cx, &over)).await;
    let got = format!("victims were answered within {}", spell(victims?));
    Ok(Verdict::pass("others are served", got))
}
