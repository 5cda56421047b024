//! How fast content must flow, so that a slow client costs a bounded time.

use std::time::{Duration, Instant};

use crate::Timeouts;

/// Watches one transfer, from its first wait to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    started: Instant,
    /// When octets last moved.
    last: Instant,
    octets: u64,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, last: now, octets: 0 }
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
    fn spans_beyond_the_clock_are_no_deadline() {
        let timeouts = Timeouts { progress: Duration::MAX, min_rate: 0, ..Timeouts::default() };
        assert_eq!(Pace::new(Instant::now()).deadline(&timeouts), None);
    }
}
