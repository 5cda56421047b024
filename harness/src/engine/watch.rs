//! An eye on the subject's process while cases run: what it costs, what it writes, what it does not give back.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_io::Timer;

use super::ledger::{Ledger, milliseconds};
use crate::case::Case;
use crate::report::Sample;
use crate::route::Route;
use crate::subject::{Account, Subject, Vitals};
use crate::verdict::Verdict;
use crate::wire::Rendered;

/// Between two samples, at first; twice as long whenever there are too many.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// Samples kept: enough for a curve.
const MAX_SAMPLES: usize = 600;
/// What a subject writes about a case may come so much later.
const SLACK: Duration = Duration::from_millis(100);
/// How long a subject may take to give back what the run has cost.
const SETTLE: Duration = Duration::from_secs(3);

/// Descriptors, threads and memory that a subject may keep for good: pools and caches that grew in the run, which
/// holds sixteen messages of 16 MiB at a time.
const KEPT_DESCRIPTORS: u64 = 16;
const KEPT_THREADS: u64 = 64;
const KEPT_MEMORY: u64 = 256 << 20;

/// What was seen of the subject's process.
#[derive(Default)]
pub(super) struct Watch {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Of the subject under watch.
    account: Option<Rc<Account>>,
    /// Its process group, where it is ours.
    group: Option<u32>,
    /// The vitals of that group when it was ready, before the first case.
    before: Option<Vitals>,
    samples: Vec<Sample>,
    /// Which case ran, since when, until when.
    journal: Vec<(usize, Instant, Option<Instant>)>,
}

impl Watch {
    /// Another process is the subject now.
    pub(super) fn begin(&self, subject: &Subject) {
        let mut inner = self.inner.borrow_mut();
        inner.account = Some(Rc::clone(subject.account()));
        inner.group = subject.group();
        inner.before = inner.group.and_then(Vitals::of_group);
    }

    /// A case begins; gives back its place in the journal.
    pub(super) fn case_begins(&self, i: usize) -> usize {
        let journal = &mut self.inner.borrow_mut().journal;
        journal.push((i, Instant::now(), None));
        journal.len() - 1
    }

    pub(super) fn case_ends(&self, place: usize) {
        self.inner.borrow_mut().journal[place].2 = Some(Instant::now());
    }

    /// Takes samples for ever; times count from `began`.
    pub(super) async fn sample(&self, cases: &[Case], began: Instant) {
        let mut interval = INTERVAL;
        loop {
            let due = Instant::now() + interval;
            Timer::at(due).await;
            let mut inner = self.inner.borrow_mut();
            let Some(account) = &inner.account else { continue };
            account.spent(due.elapsed());
            interval = interval.max(account.interval());
            let Some(vitals) = account.vitals() else { continue };
            let running = inner.journal.iter().filter(|(_, _, ended)| ended.is_none());
            let running = running.map(|(i, ..)| cases[*i].id.clone()).collect();
            inner.samples.push(Sample {
                at: milliseconds(began.elapsed().as_secs_f64()),
                memory: vitals.memory,
                cpu: milliseconds(vitals.cpu.as_secs_f64()),
                descriptors: vitals.descriptors,
                threads: vitals.threads,
                running,
            });
            if inner.samples.len() >= MAX_SAMPLES {
                let mut keep = false;
                inner.samples.retain(|_| {
                    keep = !keep;
                    keep
                });
                interval *= 2;
            }
        }
    }

    pub(super) fn into_samples(self) -> Vec<Sample> {
        self.inner.into_inner().samples
    }

    /// Looks at what the subject wrote: a panic or a sanitizer's report is the verdict of the case that ran
    /// alone then, or a remark where several did. A case that asks a handler to crash answers for panics.
    pub(super) fn look_at_alarms(
        &self,
        subject: &Subject,
        cases: &[Case],
        ledger: &mut Ledger<'_>,
    ) {
        for alarm in subject.alarms() {
            let inner = self.inner.borrow();
            let during = |(_, began, ended): &&(usize, Instant, Option<Instant>)| {
                *began <= alarm.at && ended.is_none_or(|ended| alarm.at <= ended + SLACK)
            };
            let ran: BTreeSet<usize> =
                inner.journal.iter().filter(during).map(|(i, ..)| *i).collect();
            let ran = Vec::from_iter(ran);
            let crashes = |i: &usize| {
                [Route::Crash, Route::WsCrash].iter().any(|route| cases[*i].needs.contains(route))
            };
            if alarm.provokable && ran.iter().any(crashes) {
                continue;
            }
            if let [i] = ran[..] {
                let verdict =
                    Verdict::fail("nothing is amiss in what the subject writes", &alarm.line);
                let judged = ledger.judged(i, verdict, Rendered::default(), 0.0);
                ledger.enter_finding(i, judged);
            } else {
                let ids: Vec<&str> = ran.iter().map(|i| &cases[*i].id[..]).collect();
                let when = if ids.is_empty() {
                    "between cases".into()
                } else {
                    format!("while these ran: {}", ids.join(", "))
                };
                ledger.note(true, format!("the subject wrote {:?} {when}", alarm.line));
            }
        }
    }

    /// Gives the subject some time to give back what the run has cost, and notes what it keeps; gives back
    /// the first of that.
    pub(super) async fn look_for_leaks(&self, ledger: &RefCell<Ledger<'_>>) -> Option<Kept> {
        let (group, before) = {
            let inner = self.inner.borrow();
            (inner.group, inner.before)
        };
        let (group, before) = (group?, before?);
        let deadline = Instant::now() + SETTLE;
        let kept = loop {
            let now = Vitals::of_group(group)?;
            let kept = kept(&before, &now);
            if kept.is_empty() || Instant::now() >= deadline {
                break kept;
            }
            Timer::after(INTERVAL).await;
        };
        for (_, what) in &kept {
            let text = format!("a leak? {} s after the last case {what}", SETTLE.as_secs());
            ledger.borrow_mut().note(false, text);
        }
        kept.first().map(|(kept, _)| *kept)
    }
}

/// What a subject may keep that it should give back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    Descriptors,
    Threads,
    Memory,
}

/// What it is, and in words, what is held that was not before, beyond what pools may keep.
fn kept(before: &Vitals, now: &Vitals) -> Vec<(Kept, String)> {
    let mut kept = Vec::new();
    if now.descriptors > before.descriptors + KEPT_DESCRIPTORS {
        let text = format!(
            "the subject holds {} descriptors; it began with {}",
            now.descriptors, before.descriptors
        );
        kept.push((Kept::Descriptors, text));
    }
    if now.threads > before.threads + KEPT_THREADS {
        let text =
            format!("the subject has {} threads; it began with {}", now.threads, before.threads);
        kept.push((Kept::Threads, text));
    }
    if now.memory > before.memory * 2 + KEPT_MEMORY {
        let text = format!(
            "the subject holds {} MiB of memory; it began with {}",
            now.memory >> 20,
            before.memory >> 20
        );
        kept.push((Kept::Memory, text));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_may_grow_but_not_without_bound() {
        let before = Vitals { memory: 10 << 20, descriptors: 10, threads: 4, ..Vitals::default() };
        let pools = Vitals { memory: 276 << 20, descriptors: 26, threads: 68, ..before };
        assert!(kept(&before, &pools).is_empty());
        let leaks = Vitals { memory: 277 << 20, descriptors: 27, threads: 69, ..before };
        assert_eq!(kept(&before, &leaks).len(), 3);
        assert!(kept(&before, &leaks)[0].1.contains("27 descriptors; it began with 10"));
    }
}
