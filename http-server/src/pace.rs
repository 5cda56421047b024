//! How fast content must flow, so that a slow client costs a bounded time.

use std::time::{Duration, Instant};

use crate::Timeouts;

/// Watches one transfer, from its first wait to its end, save while nobody waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    started: Instant,
    /// When octets last moved.
    last: Instant,
    octets: u64,
    /// Since when nobody waits.
    paused: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, last: now, octets: 0, paused: None }
    }

    /// Nobody waits any more.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.paused.get_or_insert(now);
    }

    /// Somebody waits again: what passed since the pause began does not count.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let Some(since) = self.paused.take() {
            let span = now.saturating_duration_since(since);
            self.started += span;
            // Octets may have moved meanwhile.
            self.last = now.min(self.last + span);
        }
    }

    /// Counts octets that moved.
    pub(crate) fn moved(&mut self, octets: usize, now: Instant) {
        self.octets += octets as u64;
        self.last = now;
    }

    /// When the transfer is too slow if nothing moves until then: it stood still for
    /// [`Timeouts::progress`], or is beyond that and below [`Timeouts::min_rate`] on average.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<Instant> {
        let still = self.last.checked_add(timeouts.progress);
        let paid = if timeouts.min_rate == 0 {
            Duration::MAX
        } else {
            Duration::from_secs(self.octets / u64::from(timeouts.min_rate))
        };
        let slow = timeouts.progress.checked_add(paid).and_then(|d| self.started.checked_add(d));
        // A time that the clock cannot hold never comes.
        match (still, slow) {
            (Some(still), Some(slow)) => Some(still.min(slow)),
            (still, slow) => still.or(slow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn standing_still_and_dripping_both_end() {
        let timeouts = Timeouts { progress: 5 * SECOND, min_rate: 1024, ..Timeouts::default() };
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.deadline(&timeouts), Some(start + 5 * SECOND));
        // A burst buys no right to stand still.
        pace.moved(1 << 20, start + SECOND);
        assert_eq!(pace.deadline(&timeouts), Some(start + 6 * SECOND));
        // An octet now and then keeps it moving, but below the rate.
        let mut drip = Pace::new(start);
        for second in 1..=4 {
            drip.moved(1, start + second * SECOND);
        }
        assert_eq!(drip.deadline(&timeouts), Some(start + 5 * SECOND));
    }

    #[test]
    fn a_pause_does_not_count() {
        let timeouts = Timeouts { progress: 5 * SECOND, min_rate: 1024, ..Timeouts::default() };
        let start = Instant::now();
        for (moved_at, due_at) in [(None, 25), (Some(1), 25), (Some(10), 25)] {
            let mut pace = Pace::new(start);
            let moved = |pace: &mut Pace, second| pace.moved(1, start + second * SECOND);
            if let Some(second @ 1) = moved_at {
                moved(&mut pace, second);
            }
            pace.pause(start + 2 * SECOND);
            pace.pause(start + 3 * SECOND); // it is already
            if let Some(second @ 10) = moved_at {
                moved(&mut pace, second);
            }
            pace.resume(start + 22 * SECOND);
            assert_eq!(pace.deadline(&timeouts), Some(start + due_at * SECOND), "{moved_at:?}");
        }
        // No time is given for what stood still before.
        let mut pace = Pace::new(start);
        pace.moved(1 << 20, start + SECOND);
        pace.pause(start + 2 * SECOND);
        pace.resume(start + 22 * SECOND);
        assert_eq!(pace.deadline(&timeouts), Some(start + 26 * SECOND));
        pace.pause(start + 23 * SECOND);
        pace.moved(1, start + 30 * SECOND);
        pace.resume(start + 33 * SECOND);
        assert_eq!(pace.deadline(&timeouts), Some(start + 38 * SECOND));
    }

    #[test]
    fn spans_beyond_the_clock_are_no_deadline() {
        let timeouts = Timeouts { progress: Duration::MAX, min_rate: 0, ..Timeouts::default() };
        assert_eq!(Pace::new(Instant::now()).deadline(&timeouts), None);
    }
}
