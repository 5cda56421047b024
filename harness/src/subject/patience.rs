//! Patience with a subject that does not answer: what counts is the time in which it could have.
//!
//! A machine with more to do than processors keeps a healthy subject waiting for its turn, and a subject with one thread keeps
//! everybody waiting while it works for one. Neither hangs. So time is told apart by where it went: Linux counts for each
//! thread how long it computed, and how long it was ready to and had no processor (`schedstat`); and how much later than asked our
//! own timers fire shows how long we had none. Where the system counts nothing of the kind, all time is idle, as a clock has it.

use std::cell::RefCell;
use std::fs;
use std::ops::{AddAssign, Sub};
use std::thread;
use std::time::{Duration, Instant};

use super::vitals::{Vitals, waits_for_the_machine};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(100);
/// Cases wait while we look: among thousands of processes that takes long, and is done less often.
const MIN_RATIO: u32 = 50;

/// Where time went while somebody waited for the subject.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Spent {
    /// The subject had nothing to do, or waited for something that is no processor.
    pub(crate) idle: Duration,
    /// It computed.
    pub(crate) busy: Duration,
    /// It was ready to compute and had no processor, or we had none.
    pub(crate) starved: Duration,
}

impl Spent {
    /// Shares out what has passed: what several threads did or lacked at the same time counts once.
    fn of(elapsed: Duration, starved: Duration, busy: Duration) -> Self {
        let starved = starved.min(elapsed);
        let busy = busy.min(elapsed - starved);
        Self { idle: elapsed - starved - busy, busy, starved }
    }

    pub(crate) fn total(self) -> Duration {
        self.idle + self.busy + self.starved
    }
}

impl Sub for Spent {
    type Output = Self;

    /// What was spent since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            idle: self.idle - earlier.idle,
            busy: self.busy - earlier.busy,
            starved: self.starved - earlier.starved,
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.idle += other.idle;
        self.busy += other.busy;
        self.starved += other.starved;
    }
}

/// Tells where the time of a subject goes, to all who ask.
#[derive(Debug)]
pub(crate) struct Account {
    group: Option<u32>,
    latest: RefCell<Look>,
}

/// What the latest look has come to.
#[derive(Debug)]
struct Look {
    at: Instant,
    /// The next is due so much later.
    interval: Duration,
    /// What the subject's processes have cost until then.
    vitals: Option<Vitals>,
    /// All since the account was opened.
    spent: Spent,
}

impl Account {
    /// Begins now, for the processes of this group, if the subject is ours.
    pub(crate) fn open(group: Option<u32>) -> Self {
        let vitals = group.and_then(Vitals::of_group);
        let latest =
            Look { at: Instant::now(), interval: INTERVAL, vitals, spent: Spent::default() };
        Self { group, latest: latest.into() }
    }

    /// Where all the time went until now, or until a moment ago. Whoever asks is `late` by so much himself.
    pub(crate) fn spent(&self, late: Duration) -> Spent {
        let mut latest = self.latest.borrow_mut();
        let began = Instant::now();
        let elapsed = began.saturating_duration_since(latest.at);
        if elapsed < latest.interval / 2 {
            return latest.spent;
        }
        let vitals = self.group.and_then(Vitals::of_group);
        let spent = self.share_out(elapsed, late, latest.vitals, vitals);
        latest.spent += spent;
        latest.vitals = vitals;
        latest.at = began;
        latest.interval = INTERVAL.max(began.elapsed() * MIN_RATIO);
        latest.spent
    }

    fn share_out(
        &self,
        elapsed: Duration,
        late: Duration,
        before: Option<Vitals>,
        now: Option<Vitals>,
    ) -> Spent {
        let (starved, busy) = match (before, now) {
            (Some(before), Some(now)) => {
                (now.starved.saturating_sub(before.starved), now.cpu.saturating_sub(before.cpu))
            }
            // Into a subject that is not ours nobody can look. It may be on this machine, and wait as long as any of its processes.
            _ => (elapsed.mul_f64(1.0 - fair_share()), Duration::ZERO),
        };
        let spent = Spent::of(elapsed, starved.max(late), busy);
        // How long a thread has been waiting for its turn is counted once it is over: who waits now was not idle.
        if !spent.idle.is_zero() && self.group.is_some_and(waits_for_the_machine) {
            return Spent::of(elapsed, elapsed - spent.busy, spent.busy);
        }
        spent
    }

    /// When to look again.
    pub(crate) fn interval(&self) -> Duration {
        self.latest.borrow().interval
    }

    /// What the latest look saw of the subject's processes.
    pub(crate) fn vitals(&self) -> Option<Vitals> {
        self.latest.borrow().vitals
    }
}

/// The part of its time for which a process that is ready to compute has a processor, now.
fn fair_share() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let ready = ready(&load).unwrap_or(0).max(processors);
    processors as f64 / ready as f64
}

/// How many threads are ready: before the slash of `0.20 0.18 0.12 3/300 4711`.
fn ready(loadavg: &str) -> Option<usize> {
    loadavg.split_whitespace().nth(3)?.split_once('/')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_threads_do_at_the_same_time_counts_once() {
        let idle = Spent::of(ms(100), ms(0), ms(0));
        assert_eq!((idle.idle, idle.total()), (ms(100), ms(100)));
        let mixed = Spent::of(ms(100), ms(30), ms(50));
        assert_eq!((mixed.idle, mixed.busy, mixed.starved), (ms(20), ms(50), ms(30)));
        let crowded = Spent::of(ms(100), ms(70), ms(400));
        assert_eq!((crowded.idle, crowded.busy, crowded.starved), (ms(0), ms(30), ms(70)));
        let starved = Spent::of(ms(100), ms(900), ms(400));
        assert_eq!((starved.starved, starved.total()), (ms(100), ms(100)));
    }

    #[test]
    fn our_own_delay_is_nobodys_idleness() {
        let account = Account::open(None);
        let began = Instant::now();
        while began.elapsed() < INTERVAL {
            thread::yield_now();
        }
        let spent = account.spent(Duration::MAX);
        assert!(spent.starved >= INTERVAL && spent.idle.is_zero(), "{spent:?}");
        assert_eq!(account.spent(Duration::ZERO), spent, "nobody looks twice at a time");
    }

    #[test]
    fn who_is_ready_is_counted() {
        assert_eq!(ready("20.20 0.18 0.12 3/300 4711\n"), Some(3));
        assert_eq!(ready(""), None);
        assert!((0.0..=1.0).contains(&fair_share()));
    }
}
