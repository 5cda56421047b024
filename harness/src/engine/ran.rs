//! What one run of a case has come to, and whether it can be trusted: an answer that was late accuses nobody who had no time
//! to give it.

use std::time::Duration;

use crate::subject::Spent;
use crate::timing::Timing;
use crate::verdict::{Outcome, Verdict};
use crate::wire::Rendered;

/// Who worked for others, or waited for a processor, for this part of the time is not to blame for being late.
const MAX_ELSEWHERE: f64 = 0.25;
/// Who had a processor for this part of the time that it needs had enough.
const ENOUGH: f64 = 0.9;
/// No limit of a subject's is taken to be longer: it may have some that it does not promise.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(2);
/// No subject is given more than so many times the usual time.
const MAX_STRETCH: u32 = 16;

pub(super) struct Ran {
    pub(super) verdict: Verdict,
    pub(super) trace: Rendered,
    pub(super) seconds: f64,
    /// Whether time may be to blame where it fails.
    pub(super) late: Late,
    /// Where the subject's time went meanwhile.
    pub(super) spent: Spent,
}

impl Ran {
    /// Nothing was said, or nothing of it is left.
    pub(super) fn silent(verdict: Verdict) -> Self {
        Self {
            verdict,
            trace: Rendered::default(),
            seconds: 0.0,
            late: Late::No,
            spent: Spent::default(),
        }
    }

    /// Whether it failed beside other cases for want of time, and so says nothing.
    pub(super) fn was_crowded_out(&self) -> bool {
        let elsewhere = self.part(self.spent.busy + self.spent.starved);
        self.late != Late::No && elsewhere > MAX_ELSEWHERE
    }

    /// Whether it failed for want of a processor; gives back how many times the usual time, of which it had `stretch`, it is to
    /// have instead, if that is not too long.
    pub(super) fn was_starved(&self, stretch: u32) -> Option<Longer> {
        let share = 1.0 - self.part(self.spent.starved);
        let had = match self.late {
            Late::No => return None,
            Late::Answer => share * f64::from(stretch),
            // Our patience makes the subject's clock no slower.
            Late::Limit => share,
        };
        if had >= ENOUGH {
            return None;
        }
        if stretch >= MAX_STRETCH {
            return Some(Longer::No);
        }
        // Twice what would have been enough: it may get worse.
        let times = (2.0 / share.max(f64::EPSILON)).ceil().min(MAX_STRETCH.into());
        Some(Longer::Times((times as u32).max(stretch * 2).min(MAX_STRETCH)))
    }

    /// The verdict where nobody can tell.
    pub(super) fn for_want_of_time(self) -> Self {
        let lacked = self.part(self.spent.starved) * 100.0;
        let Verdict { expected, got, .. } = self.verdict;
        let got = format!(
            "the machine was too busy to judge: for {lacked:.0} % of the time the subject had no processor; {got}"
        );
        Self { verdict: Verdict::new(Outcome::Error, expected, got), ..self }
    }

    fn part(&self, of: Duration) -> f64 {
        let total = self.spent.total();
        if total.is_zero() { 0.0 } else { of.div_duration_f64(total) }
    }
}

/// Whether a case may take longer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Longer {
    Times(u32),
    No,
}

/// Whether time may be to blame for a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Late {
    /// It did not fail, or had no time to be late.
    No,
    /// An answer was waited for in vain.
    Answer,
    /// It lasted so long that the subject may have ended it by a limit of its own, whose clock goes on while nobody computes.
    Limit,
}

impl Late {
    /// What is to be thought of a case that came out like this after `lasted`, whose longest wait for nothing took `in_vain`.
    pub(super) fn of(
        verdict: &Verdict,
        lasted: Duration,
        in_vain: Duration,
        timing: Timing,
        limit: Option<Duration>,
    ) -> Self {
        if verdict.outcome != Outcome::Fail {
            Self::No
        } else if in_vain >= timing.answer / 2 {
            // More than silence was waited for.
            Self::Answer
        } else if lasted >= limit.unwrap_or(Duration::MAX).min(UNKNOWN_LIMIT) / 2 {
            Self::Limit
        } else {
            Self::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(late: Late, idle: u64, busy: u64, starved: u64) -> Ran {
        let [idle, busy, starved] = [idle, busy, starved].map(Duration::from_millis);
        let failed = Ran::silent(Verdict::fail("an answer", "no answer"));
        Ran { late, spent: Spent { idle, busy, starved }, ..failed }
    }

    #[test]
    fn beside_others_work_for_them_excuses_but_alone_it_does_not() {
        let busy = ran(Late::Answer, 1000, 1000, 0);
        assert!(busy.was_crowded_out());
        assert_eq!(busy.was_starved(1), None);
        assert!(!ran(Late::Answer, 1800, 200, 0).was_crowded_out(), "it could have answered");
    }

    #[test]
    fn who_was_starved_gets_what_would_have_been_enough() {
        assert_eq!(ran(Late::Answer, 1900, 0, 100).was_starved(1), None);
        assert_eq!(ran(Late::Answer, 500, 500, 1000).was_starved(1), Some(Longer::Times(4)));
        assert_eq!(
            ran(Late::Answer, 500, 500, 1000).was_starved(4),
            None,
            "it had enough, and failed"
        );
        assert_eq!(ran(Late::Answer, 0, 0, 2000).was_starved(1), Some(Longer::Times(MAX_STRETCH)));
        assert_eq!(ran(Late::Answer, 0, 0, 2000).was_starved(MAX_STRETCH), Some(Longer::No));
    }

    #[test]
    fn a_wrong_answer_is_wrong_however_busy_the_machine() {
        let wrong = ran(Late::No, 0, 1000, 1000);
        assert!(!wrong.was_crowded_out());
        assert_eq!(wrong.was_starved(1), None);
    }

    #[test]
    fn no_patience_of_ours_makes_up_for_a_limit_of_the_subjects() {
        let cut_short = ran(Late::Limit, 1000, 0, 1000);
        assert!(cut_short.was_crowded_out());
        assert_eq!(cut_short.was_starved(1), Some(Longer::Times(4)));
        assert_eq!(cut_short.was_starved(4), Some(Longer::Times(8)));
        assert_eq!(cut_short.was_starved(MAX_STRETCH), Some(Longer::No));
        assert_eq!(ran(Late::Limit, 1900, 0, 100).was_starved(4), None);
    }

    #[test]
    fn only_what_failed_and_took_its_time_is_late() {
        let timing = Timing::calibrated(Duration::ZERO, None);
        let failed = Verdict::fail("an answer", "no answer");
        let short = Duration::from_millis(100);
        let late = |verdict: &Verdict, lasted, in_vain| {
            Late::of(verdict, lasted, in_vain, timing, Some(Duration::from_millis(1500)))
        };
        assert_eq!(late(&failed, timing.answer, timing.answer), Late::Answer);
        assert_eq!(late(&failed, timing.quiet, timing.quiet), Late::No);
        assert_eq!(late(&failed, 8 * short, short), Late::Limit);
        assert_eq!(late(&Verdict::pass("an end", "408"), 8 * short, short), Late::No);
    }
}
