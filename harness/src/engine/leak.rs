//! Which case leaks, where a run has left something behind.
//!
//! Pools and caches keep what they once had, and a leak cannot be told from them at the end of a run. So it is
//! looked for: the cases run again, half of them at a time, and the half that leaves more is halved again. The
//! last one is guilty only if it leaves more and more: three times over, each time for as many runs.

use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;

use super::Event;
use super::run::{CASE_LIMIT, Run};
use super::watch::{INTERVAL, Kept};
use crate::context::Context;
use crate::error::Error;
use crate::side_by_side::side_by_side;
use crate::subject::{Subject, Vitals};
use crate::verdict::{Outcome, Verdict};
use crate::wire::Rendered;

/// How long the subject may take to give back what a round has cost.
const SETTLE: Duration = Duration::from_millis(1500);
/// Runs of a suspect in one round.
const RUNS: u64 = 20;
/// Rounds, each of which must leave as much.
const ROUNDS: usize = 3;
/// The search begins no round later than this.
const MAX_SEARCH: Duration = Duration::from_secs(60);

/// What is expected of a subject that keeps what it should give back.
const GIVEN_BACK: &str = "what a case takes is given back";

impl Kept {
    fn of(self, vitals: &Vitals) -> u64 {
        match self {
            Self::Descriptors => vitals.descriptors,
            Self::Threads => vitals.threads,
            Self::Memory => vitals.memory,
        }
    }

    /// What a round of a guilty suspect leaves at least. Memory comes in pages, and pools of it grow in steps.
    fn least(self) -> u64 {
        match self {
            Self::Descriptors | Self::Threads => RUNS / 2,
            Self::Memory => 1 << 20,
        }
    }

    fn words(self, count: u64) -> String {
        match self {
            Self::Descriptors => format!("{count} more descriptors"),
            Self::Threads => format!("{count} more threads"),
            Self::Memory => format!("{} KiB more of memory", count >> 10),
        }
    }
}

impl<F: FnMut(Event<'_>)> Run<'_, F> {
    /// Finds the case that leaves this behind, and says so in its verdict.
    pub(super) async fn hunt_leak(&self, kept: Kept, subject: Subject) -> Result<Subject, Error> {
        self.tell(Event::Hunting);
        let until = Instant::now() + MAX_SEARCH;
        let mut suspects = self.repeatable();
        while suspects.len() > 1 && Instant::now() < until {
            let (one, other) = suspects.split_at(suspects.len() / 2);
            let left = self.round(&subject, kept, one, 1).await;
            let right = self.round(&subject, kept, other, 1).await;
            let (Some(left), Some(right)) = (left, right) else {
                return self.revive(subject).await;
            };
            if left == 0 && right == 0 {
                return Ok(subject);
            }
            suspects = if left >= right { one.to_vec() } else { other.to_vec() };
        }
        let [suspect] = suspects[..] else { return Ok(subject) };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            match self.round(&subject, kept, &[suspect], RUNS).await {
                Some(grown) if grown >= kept.least() => rounds.push(kept.words(grown)),
                Some(_) => return Ok(subject),
                None => return self.revive(subject).await,
            }
        }
        let got = format!("a leak: {RUNS} runs of it alone leave {}", rounds.join(", the next "));
        let verdict = Verdict::fail(GIVEN_BACK, got);
        let judged = self.ledger.borrow().judged(suspect, verdict, Rendered::default(), 0.0);
        self.ledger.borrow_mut().enter_finding(suspect, judged);
        Ok(subject)
    }

    /// Cases that ran to a verdict and can run again in no time.
    fn repeatable(&self) -> Vec<usize> {
        let ledger = self.ledger.borrow();
        let ran = |i: &usize| {
            let case = &self.cases[*i];
            let judged = ledger.outcome(*i).is_some_and(|outcome| outcome != Outcome::Skip);
            judged && !case.long && !case.exclusive && case.audits.is_none()
        };
        (0..self.cases.len()).filter(ran).collect()
    }

    /// Runs the suspects, each so many times, and gives the subject time; gives back what has grown, `None`
    /// where the subject is gone.
    async fn round(
        &self,
        subject: &Subject,
        kept: Kept,
        suspects: &[usize],
        times: u64,
    ) -> Option<u64> {
        let group = subject.group()?;
        let before = Vitals::of_group(group)?;
        for _ in 0..times {
            for some in suspects.chunks(self.options.jobs.max(1)) {
                side_by_side(some.iter().map(|&i| self.again(subject, i))).await;
            }
        }
        let settled = Instant::now() + SETTLE;
        loop {
            let grown = kept.of(&Vitals::of_group(group)?).saturating_sub(kept.of(&before));
            if grown == 0 || Instant::now() >= settled {
                return Some(grown);
            }
            Timer::after(INTERVAL).await;
        }
    }

    /// Runs a case for what it leaves behind, not for its verdict.
    async fn again(&self, subject: &Subject, i: usize) {
        let shared = self.shared(subject);
        let cx = Context::new(shared, &self.cases[i].id);
        let acted = async { drop((self.cases[i].action)(cx).await) };
        let late = async { _ = Timer::after(CASE_LIMIT).await };
        acted.or(subject.gone()).or(late).await;
    }

    async fn revive(&self, subject: Subject) -> Result<Subject, Error> {
        self.start_again(subject).await
    }
}
