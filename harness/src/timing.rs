//! How long to wait, measured on the subject's own speed.

use std::time::Duration;

/// Deadlines derived from the subject's latency, so that a fast server is judged fast and a
/// slow one justly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Timing {
    /// An answer that must come is late after this long.
    pub(crate) answer: Duration,
    /// Nothing for this long, where nothing is expected, counts as silence.
    pub(crate) quiet: Duration,
    /// Between two segments that should reach the subject one by one.
    pub(crate) pause: Duration,
    /// How many times longer than usual the subject takes, on a machine that has no time for it.
    pub(crate) stretch: u32,
}

impl Timing {
    /// Deadlines for a subject whose slowest calibration request took `latency`, and that may
    /// cut off by itself what lasts longer than `limit`.
    pub(crate) fn calibrated(latency: Duration, limit: Option<Duration>) -> Self {
        let limit = limit.unwrap_or(Duration::MAX);
        Self {
            // Two seconds forgive a garbage collection or a busy machine; a failure costs them once.
            answer: (latency * 200).clamp(Duration::from_secs(2), Duration::from_secs(30)),
            quiet: (latency * 40)
                .clamp(Duration::from_millis(150), Duration::from_secs(5))
                .min(limit / 2),
            pause: (latency * 2).clamp(Duration::from_millis(1), Duration::from_millis(100)),
            stretch: 1,
        }
    }

    /// The same for a machine that gives the subject so many times less than it needs. Silence is no longer than before: a
    /// subject may break it by a limit of its own.
    pub(crate) fn stretched(self, times: u32) -> Self {
        Self { answer: self.answer * times, stretch: self.stretch * times, ..self }
    }

    /// How much later than promised the subject may act: by a quarter, and half a second, is what a coarse timer and a busy
    /// machine may take.
    pub(crate) fn slack(self, promise: Duration) -> Duration {
        (promise / 4 + Duration::from_millis(500)) * self.stretch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_subject_gets_more_time() {
        let fast = Timing::calibrated(Duration::from_micros(200), None);
        let slow = Timing::calibrated(Duration::from_millis(50), None);
        assert!(slow.answer > fast.answer && slow.quiet > fast.quiet && slow.pause > fast.pause);
        assert!(fast.quiet < fast.answer && slow.quiet < slow.answer);
    }

    #[test]
    fn a_starved_subject_gets_more_time_to_answer_and_no_more_to_be_silent() {
        let usual = Timing::calibrated(Duration::from_micros(200), None);
        let starved = usual.stretched(3).stretched(2);
        assert_eq!((starved.answer, starved.quiet), (usual.answer * 6, usual.quiet));
        let promise = Duration::from_secs(2);
        assert_eq!(usual.slack(promise), Duration::from_secs(1));
        assert_eq!(starved.slack(promise), Duration::from_secs(6));
    }

    #[test]
    fn silence_is_not_waited_for_until_the_subject_breaks_it() {
        let timing = Timing::calibrated(Duration::from_millis(50), Some(Duration::from_secs(1)));
        assert_eq!(timing.quiet, Duration::from_millis(500));
    }
}
