//! Messages that an actor sends itself later.
//!
//! Timers live in the mailbox, not beside it: they need no task, end with their actor, and one that
//! is cancelled is gone, due or not.

use std::collections::BTreeMap;
use std::mem;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::Reference;
use crate::time::{self, Alarm};

/// The timers of one mailbox, made when the first is set.
pub(crate) struct Timers<M> {
    due: BTreeMap<(Instant, Reference), Tick<M>>,
    alarm: Alarm,
    /// The last to go before messages: one of those is next.
    ticked: bool,
}

enum Tick<M> {
    Once(M),
    Every(Duration, Box<dyn FnMut() -> M + Send>),
}

impl<M> Timers<M> {
    pub(crate) fn new() -> Self {
        Self { due: BTreeMap::new(), alarm: Alarm::new(), ticked: false }
    }

    pub(crate) fn once(&mut self, after: Duration, message: M) -> Reference {
        self.insert(after, Tick::Once(message))
    }

    pub(crate) fn every(
        &mut self,
        period: Duration,
        message: Box<dyn FnMut() -> M + Send>,
    ) -> Reference {
        let period = period.max(SHORTEST_PERIOD);
        self.insert(period, Tick::Every(period, message))
    }

    fn insert(&mut self, after: Duration, tick: Tick<M>) -> Reference {
        let reference = Reference::next();
        self.due.insert((later(time::now(), after), reference), tick);
        reference
    }

    pub(crate) fn cancel(&mut self, reference: Reference) -> bool {
        let key = self.due.keys().find(|(_, known)| *known == reference).copied();
        key.is_some_and(|key| self.due.remove(&key).is_some())
    }

    /// What is never sent now.
    pub(crate) fn end(self) -> impl Iterator<Item = impl Sized> {
        self.due.into_values()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// The message that is due, or, of two that are, one of the others between them; `Pending` wakes
    /// `cx` when the next one is.
    pub(crate) fn poll(
        &mut self,
        other: impl FnOnce() -> Option<M>,
        cx: &mut Context<'_>,
    ) -> Poll<M> {
        if mem::take(&mut self.ticked)
            && let Some(message) = other()
        {
            return Poll::Ready(message);
        }
        let Some(((at, _), _)) = self.due.first_key_value() else { return Poll::Pending };
        self.alarm.set(Some(*at));
        if self.alarm.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let Some(((at, reference), tick)) = self.due.pop_first() else { return Poll::Pending };
        self.ticked = true;
        match tick {
            Tick::Once(message) => Poll::Ready(message),
            Tick::Every(period, mut make) => {
                let message = make();
                // Ticks that a busy actor missed are not made up for.
                let now = time::now();
                let next = later(at, period);
                let next = if next > now { next } else { later(now, period) };
                self.due.insert((next, reference), Tick::Every(period, make));
                Poll::Ready(message)
            }
        }
    }
}

fn later(from: Instant, span: Duration) -> Instant {
    from.checked_add(span).unwrap_or(from + NEVER)
}

/// A span too long for the clock: thirty years, which is as good as never.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// A tick is no finer than the clock of the timers.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
