//! More clients than there is room for: those beyond a cap wait or are refused, the others are served, and what is
//! given back can be had again.
//!
//! Attackers and victims come from addresses of their own. Where that cannot be, since the subject is not on
//! loopback, caps are not judged: a victim would pay for the attackers.

mod descriptors;

use std::time::{Duration, Instant};

use async_io::Timer;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::{Answer, get, healthy, healthy_on, next_answer};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Read, Source};

/// Connections of a crowd, where no cap is promised.
const CROWD: usize = 200;
/// A cap beyond this is not tried: we have no more descriptors than others.
const MAX_CROWD: usize = 800;
/// Connections that are tried beyond a cap.
const BEYOND: usize = 5;
/// Connections of a crowd that come from one address, where that is not what is judged.
const EACH: usize = 50;
/// Where those beyond the cap come from: an address that nobody of the crowd has.
const LAST_PLACE: u8 = 250;
/// How often a crowd is brought to its full number again, of which some were closed for being idle meanwhile.
const ROUNDS: usize = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn cases() -> Vec<Case> {
    let hello = [Route::Hello];
    let one = "More connections from one address than are promised to it";
    let all = "More connections than are promised in all";
    let mut cases = vec![
        case(Family::Overload, "connections-per-address", one, &hello, per_address),
        case(Family::Overload, "connections", all, &hello, in_all),
    ];
    cases.push(descriptors::case());
    // They say what happens when there is no room, and so must have the subject to themselves.
    let alone = |case: Case| case.exclusive().exhausting();
    cases
        .into_iter()
        .map(|case| alone(case.rule("RFC 9110 §15.6.4", Strength::Hardening)))
        .collect()
}

async fn per_address(cx: Context) -> Result<Verdict, Verdict> {
    let crowd = Crowd { cx: &cx, cap: cx.limits().connections_per_address, each: usize::MAX };
    crowd.run().await
}

async fn in_all(cx: Context) -> Result<Verdict, Verdict> {
    let each = cx.limits().connections_per_address.unwrap_or(EACH).min(EACH);
    Crowd { cx: &cx, cap: cx.limits().connections, each }.run().await
}

/// As many connections as are allowed, and some more.
struct Crowd<'a> {
    cx: &'a Context,
    /// What the subject promises.
    cap: Option<usize>,
    /// How many of them come from one address.
    each: usize,
}

impl Crowd<'_> {
    async fn run(&self) -> Result<Verdict, Verdict> {
        if !self.cx.tells_addresses_apart(Route::Hello) {
            let got = "the subject is not on 127.0.0.0/8";
            return Ok(Verdict::new(Outcome::Skip, "addresses of our own", got));
        }
        let few = |cap: &usize| *cap <= MAX_CROWD && *cap / self.each < LAST_PLACE.into();
        let Some(cap) = self.cap.filter(few) else {
            return self.without_promise().await;
        };
        let mut held = Vec::new();
        for _ in 0..ROUNDS {
            if self.fill(&mut held, cap).await?
                && let Some(verdict) = self.beyond(&mut held, cap).await?
            {
                return Ok(verdict);
            }
        }
        let got = "some were always closed for being idle before all were open";
        Err(Verdict::new(Outcome::Error, format!("{cap} open connections"), got))
    }

    /// Looks what becomes of those beyond the cap; `None` if one of the others had left its place meanwhile.
    async fn beyond(
        &self,
        held: &mut Vec<Connection>,
        cap: usize,
    ) -> Result<Option<Verdict>, Verdict> {
        let mut waiting = Vec::new();
        for _ in 0..BEYOND {
            waiting.extend(self.one_beyond().await?);
        }
        let expected = format!("{cap} connections are served, and none beyond until one has ended");
        let quiet = Instant::now() + self.cx.timing().quiet;
        let mut refused = BEYOND - waiting.len();
        let mut still = Vec::new();
        for mut connection in waiting {
            match next_answer(&mut connection, "GET", quiet).await {
                answer if is_served(&answer) => {
                    if retain_open(held).await < cap {
                        return Ok(None);
                    }
                    let got = format!("connection {} of them was served", cap + 1);
                    return Err(Verdict::fail(expected, got));
                }
                Answer::Silence => still.push(connection),
                _ => refused += 1,
            }
        }
        // Where the cap is for an address, others have room.
        if self.each == usize::MAX {
            healthy(self.cx, Source::Victim)
                .await
                .map_err(|verdict| verdict.at("another address"))?;
        }
        let last = held.last_mut().expect("a cap is not zero");
        healthy_on(self.cx, last).await.map_err(|verdict| verdict.at("one of those served"))?;
        held.clear();
        let waited = still.len();
        self.waiting_are_served(still).await?;
        again(self.cx).await?;
        let got = format!(
            "of {BEYOND} beyond, {refused} were turned away or not heard, and {waited} waited"
        );
        Ok(Some(Verdict::pass(expected, got)))
    }

    /// Where nothing is promised, it is the others that count.
    async fn without_promise(&self) -> Result<Verdict, Verdict> {
        let mut held = Vec::new();
        for i in 0..CROWD {
            match self.open(i).await {
                Ok(connection) => held.push(connection),
                Err(verdict) if verdict.outcome == Outcome::Fail => break,
                Err(ours) => return Err(ours),
            }
        }
        let count = held.len();
        if self.each == usize::MAX || count == CROWD {
            healthy(self.cx, Source::Victim)
                .await
                .map_err(|verdict| verdict.at("beside the crowd"))?;
        }
        drop(held);
        again(self.cx).await?;
        let why = match self.cap {
            Some(cap) => format!("the promised {cap} are too many to be tried"),
            None => "no cap is promised".to_owned(),
        };
        Ok(Verdict::pass(
            "others are served",
            format!("beside {count} connections they were; {why}"),
        ))
    }

    /// Opens as many as are missing; gives back whether all are still open then.
    async fn fill(&self, held: &mut Vec<Connection>, cap: usize) -> Result<bool, Verdict> {
        while held.len() < cap {
            let place = format!("connection {} of {cap}", held.len() + 1);
            held.push(self.patiently(held.len()).await.map_err(|verdict| verdict.at(&place))?);
        }
        Ok(retain_open(held).await == cap)
    }

    /// One that is answered. Places of those that have just left may not be free yet.
    async fn patiently(&self, i: usize) -> Result<Connection, Verdict> {
        let deadline = self.cx.answer_by();
        loop {
            match self.open(i).await {
                Err(verdict) if verdict.outcome == Outcome::Fail && Instant::now() < deadline => {
                    Timer::after(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn open(&self, i: usize) -> Result<Connection, Verdict> {
        let place = u8::try_from(i / self.each).expect("a crowd has fewer addresses");
        // They are all alike: one stands for them in the trace.
        let traced = if i == 0 { self.cx.clone() } else { self.cx.untraced() };
        let cx = traced.elsewhere(place);
        let mut connection = cx.connect(Route::Hello, Source::Attacker).await?;
        healthy_on(&cx, &mut connection).await?;
        Ok(connection)
    }

    /// One beyond the cap, which has asked. `None` if it was refused before it could, or has to wait for a
    /// handshake: over TLS that is all that can be seen.
    async fn one_beyond(&self) -> Result<Option<Connection>, Verdict> {
        // The cap for each address must not answer for the one on all.
        let cx = if self.each == usize::MAX { self.cx } else { &self.cx.elsewhere(LAST_PLACE) };
        match cx.connect_soon(Route::Hello, Source::Attacker).await {
            Ok(mut connection) => {
                connection.send(&get(cx, Route::Hello, ""), cx.answer_by()).await;
                Ok(Some(connection))
            }
            Err(verdict) if verdict.outcome == Outcome::Fail => Ok(None),
            Err(ours) => Err(ours),
        }
    }

    /// Who was neither served nor refused has waited, and its turn comes.
    async fn waiting_are_served(&self, waiting: Vec<Connection>) -> Result<(), Verdict> {
        for mut connection in waiting {
            let answer = next_answer(&mut connection, "GET", self.cx.answer_by()).await;
            if !is_served(&answer) {
                let expected = "who waited is served once there is room";
                return Err(Verdict::fail(expected, answer.describe()));
            }
        }
        Ok(())
    }
}

/// Lets go of those that were closed for being idle; gives back how many are left.
async fn retain_open(held: &mut Vec<Connection>) -> usize {
    let mut open = Vec::new();
    for mut connection in held.drain(..) {
        while connection.read(Instant::now()).await == Read::Data {}
        if connection.ended().is_none() {
            open.push(connection);
        }
    }
    *held = open;
    held.len()
}

fn is_served(answer: &Answer) -> bool {
    answer.status().is_some_and(|status| (200..300).contains(&status))
}

/// Where there was no room, there is some again.
async fn again(cx: &Context) -> Result<(), Verdict> {
    let deadline = cx.answer_by();
    let cx = cx.untraced();
    loop {
        match healthy(&cx, Source::Attacker).await {
            Err(verdict) if verdict.outcome == Outcome::Fail && Instant::now() < deadline => {
                Timer::after(PAUSE).await;
            }
            done => return done.map_err(|verdict| verdict.at("once the crowd has left")),
        }
    }
}
