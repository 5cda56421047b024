//! Clients that begin a handshake and do not go on: each is cut off as promised, and nobody else waits for
//! them.

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::zip;

use super::{case, newcomer};
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Strength, Verdict};
use crate::wire::{Connection, Read, Source};

/// More than most servers have threads, or slots for handshakes.
const CROWD: usize = 300;
const ATTACKERS: usize = 20;
/// Between two octets of an attacker, and between two victims.
const DRIP: Duration = Duration::from_millis(50);
/// How long an attack lasts where no promise says when it should end.
const ATTACK: Duration = Duration::from_secs(1);
/// A promise longer than this is not waited for: it is too long to be checked in every run.
const MAX_PROMISE: Duration = Duration::from_secs(15);

pub(super) fn cases() -> Vec<Case> {
    let case = |id, title, action: fn(Context) -> super::super::Judging| {
        case(Family::Tls, id, title, &[Route::Hello], action)
            .rule("RFC 9112 §9.5", Strength::Hardening)
            .over_tls()
            .exhausting()
            .long()
    };
    vec![
        case("silent", "Clients that connect and stay silent", |cx| {
            Box::pin(async move { Attack::of(ATTACKERS, Vec::new()).run(&cx).await })
        }),
        case("hello-stall", "A first message that stops half way", |cx| {
            Box::pin(async move {
                let hello = cx.hello()?;
                Attack::of(ATTACKERS, hello[..hello.len() / 2].to_vec()).run(&cx).await
            })
        }),
        case("hello-drip", "A first message that comes octet by octet", |cx| {
            Box::pin(async move {
                let hello = cx.hello()?;
                let drips = Attack {
                    drip: hello[1..].to_vec(),
                    ..Attack::of(ATTACKERS, hello[..1].into())
                };
                drips.run(&cx).await
            })
        }),
        case("half-way", "A handshake that stops after the first message", |cx| {
            Box::pin(async move { Attack::of(ATTACKERS, cx.hello()?).run(&cx).await })
        }),
        case("crowd", "More silent clients than there are slots for handshakes", |cx| {
            Box::pin(async move {
                let silent = Attack { judges_promise: false, ..Attack::of(CROWD, Vec::new()) };
                silent.run(&cx).await
            })
        }),
    ]
}

/// What attackers do: each sends `start` at once, then `drip` octet by octet, then nothing.
struct Attack {
    attackers: usize,
    start: Vec<u8>,
    drip: Vec<u8>,
    /// Whether they are watched until they are cut off; else it is only the others that count.
    judges_promise: bool,
}

impl Attack {
    fn of(attackers: usize, start: Vec<u8>) -> Self {
        Self { attackers, start, drip: Vec::new(), judges_promise: true }
    }

    /// Runs it with healthy clients beside.
    async fn run(self, cx: &Context) -> Result<Verdict, Verdict> {
        let promise =
            cx.limits().handshake.filter(|limit| self.judges_promise && *limit <= MAX_PROMISE);
        let until = promise.map_or(ATTACK, |promise| promise + cx.timing().slack(promise));
        let mut attackers = Vec::new();
        for i in 0..self.attackers {
            // They are all alike: one stands for them in the trace.
            let traced = if i == 0 { cx.clone() } else { cx.untraced() };
            let mut connection = traced.connect_raw(Source::Attacker).await?;
            connection.send(&self.start, cx.answer_by()).await;
            attackers.push(connection);
        }
        let deadline = Instant::now() + until;
        let over = Cell::new(false);
        let attack = async {
            let left = self.hold(&mut attackers, deadline).await;
            over.set(true);
            left
        };
        let (left, victims) = zip(attack, victims(cx, &over)).await;
        let fared = format!("newcomers were served within {}", spell(victims?));
        let Some(promise) = promise else {
            let why = if self.judges_promise { "; no limit is promised" } else { "" };
            return Ok(Verdict::pass("others are served", format!("{fared}{why}")));
        };
        let expected = format!("cut off after {}, and others are served", spell(promise));
        if left > 0 {
            cx.trace().waited_in_vain(until);
            let got = format!("{left} of {} still held after {}", self.attackers, spell(until));
            return Err(Verdict::fail(expected, got));
        }
        Ok(Verdict::pass(expected, format!("all {} were; {fared}", self.attackers)))
    }

    /// Holds on until the deadline, or until all are cut off; gives back how many are not.
    async fn hold(&self, attackers: &mut Vec<Connection>, deadline: Instant) -> usize {
        let mut octets = self.drip.iter();
        while !attackers.is_empty() && Instant::now() < deadline {
            let octet = octets.next();
            let mut held = Vec::new();
            for mut attacker in attackers.drain(..) {
                if let Some(octet) = octet {
                    attacker.send(&[*octet], deadline).await;
                }
                while attacker.read(Instant::now()).await == Read::Data {}
                if attacker.ended().is_none() {
                    held.push(attacker);
                }
            }
            *attackers = held;
            Timer::after(DRIP).await;
        }
        attackers.len()
    }
}

/// Healthy clients, one after the other, until it is over; gives back the longest that one took.
async fn victims(cx: &Context, over: &Cell<bool>) -> Result<Duration, Verdict> {
    let mut worst = Duration::ZERO;
    loop {
        let began = Instant::now();
        // They are many, and alike: the case's trace is the attackers'.
        newcomer(&cx.untraced(), Source::Victim)
            .await
            .map_err(|verdict| verdict.at("a healthy client beside the attack"))?;
        worst = worst.max(began.elapsed());
        if over.get() {
            return Ok(worst);
        }
        Timer::after(DRIP).await;
    }
}
