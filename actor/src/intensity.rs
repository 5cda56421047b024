//! How soon, and how often, children are started again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long restarts wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// How long a restart waits, of a child that has `waited` the last time, and then `lasted`.
    pub(crate) fn next(self, waited: Duration, lasted: Duration) -> Duration {
        let next = if lasted >= self.most { Duration::ZERO } else { waited.saturating_mul(2) };
        next.max(self.first).min(self.most)
    }
}

/// How many restarts in which time are taken for accidents.
#[derive(Debug)]
pub(crate) struct Intensity {
    pub(crate) restarts: usize,
    pub(crate) period: Duration,
    /// The restarts within the last period, at most one more than allowed.
    spent: VecDeque<Instant>,
}

impl Default for Intensity {
    fn default() -> Self {
        Self { restarts: 1, period: Duration::from_secs(5), spent: VecDeque::new() }
    }
}

impl Intensity {
    /// Counts a restart. Returns false if it is one too many.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        self.spent.push_back(now);
        while self.spent.front().is_some_and(|at| now.duration_since(*at) > self.period) {
            self.spent.pop_front();
        }
        self.spent.len() <= self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intensity_forgets_what_is_older_than_its_period() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut intensity = Intensity::default();
        assert!(intensity.spend(at(0)));
        assert!(intensity.spend(at(6)));
        assert!(!intensity.spend(at(11)), "two in five seconds");
        assert!(intensity.spend(at(30)));
    }
}
