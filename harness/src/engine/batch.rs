//! Cases side by side, and what is left to be cleared up when they are over.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::Event;
use super::ran::Ran;
use super::run::Run;
use super::watch::Watch;
use crate::side_by_side::side_by_side;
use crate::subject::{Subject, Unserved};
use crate::verdict::{Outcome, Verdict};

/// Failures that are tried again alone. A subject that fails more has other worries than
/// flakiness.
const MAX_RETRIES: usize = 20;

/// How one batch of cases ended.
#[derive(Default)]
pub(super) struct Batch {
    /// Cases that were not begun.
    pub(super) left: VecDeque<usize>,
    /// How the subject died or hung, and the cases that ran meanwhile.
    pub(super) death: Option<(Unserved, Vec<usize>)>,
    /// Why a healthy client was not served beside other cases, and the cases after which it was not: whether the subject hangs
    /// is known when they are over.
    pub(super) unserved: Vec<(usize, Unserved, Ran)>,
    /// Cases that failed in company, or could not be judged there, and that first verdict.
    pub(super) failed: Vec<(usize, Verdict)>,
}

impl Batch {
    /// The subject died or hung while this case ran, among others.
    fn dies(&mut self, i: usize, how: Unserved) {
        self.death.get_or_insert_with(|| (how, Vec::new())).1.push(i);
    }
}

impl<F: FnMut(Event<'_>)> Run<'_, F> {
    /// Runs the queue, `jobs` cases at a time besides those that wait for seconds, until it is empty or the
    /// subject is dead.
    pub(super) async fn batch(
        &self,
        subject: &Subject,
        watch: &Watch,
        queue: VecDeque<usize>,
        jobs: usize,
    ) -> Batch {
        let shared = self.shared(subject);
        // Cases that wait for seconds leave room for as many that do not.
        let waiting = queue.iter().filter(|i| self.cases[**i].long).count();
        let waiting = if jobs > 1 { waiting.min(jobs) } else { 0 };
        let width = (jobs + waiting).min(queue.len());
        // Those that must run alone run on a second instance here.
        let beside = self.options.jobs > 1;
        let batch = RefCell::new(Batch { left: queue, ..Batch::default() });
        let worker = async || {
            let halted = |batch: &Batch| {
                batch.death.is_some()
                    || !batch.unserved.is_empty()
                    || self.options.fail_fast.is_some() && !batch.failed.is_empty()
            };
            while !halted(&batch.borrow()) && !self.is_over() {
                let Some(i) = batch.borrow_mut().left.pop_front() else { break };
                let ran = match self.one(subject, watch, &shared, i).await {
                    Ok(ran) => ran,
                    Err(how) => {
                        batch.borrow_mut().dies(i, Unserved::Ended(how));
                        continue;
                    }
                };
                match subject.serves(self.unshared(subject), beside).await {
                    Ok(()) => {}
                    // Alone there is no more to be known.
                    Err(unserved) if !beside || matches!(unserved, Unserved::Ended(_)) => {
                        batch.borrow_mut().dies(i, unserved);
                        continue;
                    }
                    Err(unserved) => {
                        batch.borrow_mut().unserved.push((i, unserved, ran));
                        continue;
                    }
                }
                let is_failure = |(_, first): &&(usize, Verdict)| first.outcome == Outcome::Fail;
                let failures = batch.borrow().failed.iter().filter(is_failure).count();
                if let Some(first) = self.to_be_tried_again(i, &ran, beside, failures) {
                    batch.borrow_mut().failed.push((i, first));
                } else {
                    self.judge(i, ran);
                }
            }
        };
        side_by_side((0..width).map(|_| worker())).await;
        batch.into_inner()
    }

    /// A healthy client that was not served beside others asks again, now that they are over. If it is served, whoever ran last
    /// is to run alone; if not, the subject hangs.
    pub(super) async fn look_after(&self, subject: &Subject, batch: &mut Batch) {
        let unserved = std::mem::take(&mut batch.unserved);
        if unserved.is_empty() {
            return;
        }
        let again = match &batch.death {
            None => subject.serves(self.unshared(subject), false).await,
            Some((how, _)) => Err(how.clone()),
        };
        if let Err(how) = again {
            unserved.into_iter().for_each(|(i, ..)| batch.dies(i, how.clone()));
            return;
        }
        let ids = |hung: &[&(usize, Unserved, Ran)]| {
            let ids: Vec<&str> = hung.iter().map(|(i, ..)| &self.cases[*i].id[..]).collect();
            ids.join(", ")
        };
        let hung: Vec<_> =
            unserved.iter().filter(|(_, how, _)| matches!(how, Unserved::Hung(_))).collect();
        if let [(_, how, _), ..] = hung[..] {
            let text =
                format!("beside other cases the subject {how}, then went on: {}", ids(&hung));
            self.ledger.borrow_mut().note(true, text);
        }
        for (i, _, ran) in unserved {
            let first = self.to_be_tried_again(i, &ran, true, 0).unwrap_or(ran.verdict);
            batch.failed.push((i, first));
        }
    }

    /// The first verdict of a case that has to run alone before it is judged: it failed beside others, which may be why, or for
    /// want of time, and then that is no failure.
    fn to_be_tried_again(
        &self,
        i: usize,
        ran: &Ran,
        beside: bool,
        failures: usize,
    ) -> Option<Verdict> {
        let crowded_out = if beside { ran.was_crowded_out() } else { ran.was_starved(1).is_some() };
        let Verdict { outcome, expected, got, .. } = &ran.verdict;
        // What must run alone may fail here for whatever else the machine does.
        let is_failure = *outcome >= Outcome::Fail;
        let unsure = beside && is_failure && self.cases[i].exclusive;
        if crowded_out || unsure {
            if crowded_out {
                self.crowded_out.borrow_mut().insert(i);
            }
            return Some(Verdict::new(Outcome::Error, expected, got));
        }
        let again = beside
            && (*outcome == Outcome::Error || *outcome == Outcome::Fail && failures < MAX_RETRIES);
        again.then(|| ran.verdict.clone())
    }
}
