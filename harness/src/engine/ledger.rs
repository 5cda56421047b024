//! What a run has found so far: a verdict for each case, and remarks on the whole.

use std::time::SystemTime;

use crate::case::Case;
use crate::profile::{Deviation, Profile};
use crate::report::{Judged, Note};
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Rendered, text};

/// What is expected of a subject that dies or hangs instead.
pub(super) const SURVIVAL: &str = "the subject survives";

/// The results of a run while it goes on.
pub(super) struct Ledger<'a> {
    cases: &'a [Case],
    deviations: &'a [Deviation],
    /// One for each case, by index.
    results: Vec<Option<Judged>>,
    notes: Vec<Note>,
    /// As profiles write a date: deviations may have expired.
    today: String,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(profile: &'a Profile, cases: &'a [Case]) -> Self {
        Self {
            cases,
            deviations: &profile.deviations,
            results: vec![None; cases.len()],
            notes: Vec::new(),
            today: today(),
        }
    }

    /// Whether a case failed of a rule at least this strong.
    pub(super) fn has_failure(&self, level: Strength) -> bool {
        self.results.iter().flatten().any(|judged| judged.counts_as_failure(level))
    }

    /// How a case came out, if it was judged.
    pub(super) fn outcome(&self, i: usize) -> Option<Outcome> {
        self.results[i].as_ref().map(|judged| judged.outcome)
    }

    /// Adds a remark.
    pub(super) fn note(&mut self, failure: bool, text: String) {
        self.notes.push(Note { failure, text });
    }

    /// This verdict as a report has it.
    pub(super) fn judged(
        &self,
        i: usize,
        verdict: Verdict,
        trace: Rendered,
        seconds: f64,
    ) -> Judged {
        let case = &self.cases[i];
        Judged {
            id: case.id.clone(),
            title: case.title.clone(),
            family: case.family,
            section: case.section.clone(),
            strength: case.strength,
            outcome: verdict.outcome,
            expected: verdict.expected,
            got: verdict.got,
            offending: text::hex(&verdict.offending, usize::MAX),
            deviation: self.accepted(&case.id, verdict.outcome),
            seconds: milliseconds(seconds),
            trace: trace.lines,
            times: trace.times,
        }
    }

    /// Enters it, beside what an earlier run of the case has found.
    pub(super) fn enter(&mut self, i: usize, judged: Judged) {
        let judged = match self.results[i].take() {
            Some(earlier) => self.of_two_runs(earlier, judged),
            None => judged,
        };
        self.results[i] = Some(judged);
    }

    /// What failed in company and passes alone is flaky. What could not be judged in company,
    /// on a machine too busy for it, is judged alone and no more to say.
    pub(super) fn mark_flaky(&mut self, i: usize, first: &Verdict) {
        let deviation = self.accepted(&self.cases[i].id, Outcome::Flaky);
        if let Some(judged) = &mut self.results[i]
            && first.outcome == Outcome::Fail
            && judged.outcome < Outcome::Flaky
        {
            judged.got = format!("beside other cases: {}; alone: {}", first.got, judged.got);
            judged.outcome = Outcome::Flaky;
            judged.deviation = deviation;
        }
    }

    /// Enters what was found out about a case besides its verdict: what befell the subject outranks what it
    /// answered. The trace stays.
    pub(super) fn enter_finding(&mut self, i: usize, finding: Judged) {
        let Some(judged) = self.results[i].take() else {
            self.results[i] = Some(finding);
            return;
        };
        // Nothing outranks a death.
        let expected =
            if judged.expected == SURVIVAL { judged.expected } else { finding.expected.clone() };
        let got = if judged.got.contains(&finding.got) {
            judged.got
        } else if judged.outcome < Outcome::Flaky {
            finding.got
        } else {
            format!("{}\n{}", finding.got, judged.got)
        };
        let Judged { seconds, trace, times, .. } = judged;
        self.results[i] = Some(Judged { expected, got, seconds, trace, times, ..finding });
    }

    /// Results and remarks; `why` says why the cases that were not judged are skipped.
    pub(super) fn close(mut self, why: &str) -> (Vec<Judged>, Vec<Note>) {
        for i in 0..self.cases.len() {
            if self.results[i].is_none() {
                let verdict = Verdict::new(Outcome::Skip, "the run gets to this case", why);
                self.results[i] = Some(self.judged(i, verdict, Rendered::default(), 0.0));
            }
        }
        self.look_over_deviations();
        (self.results.into_iter().flatten().collect(), self.notes)
    }

    /// Why the profile accepts this verdict, if it does.
    fn accepted(&self, id: &str, outcome: Outcome) -> Option<String> {
        let accepts = |deviation: &&Deviation| {
            deviation.case == id && deviation.verdict == outcome && !deviation.expired(&self.today)
        };
        self.deviations.iter().find(accepts).map(|deviation| deviation.reason.clone())
    }

    /// One verdict from two runs of a case: the worse, or flaky where only one of them failed. A death is
    /// a death, however often the subject survives.
    fn of_two_runs(&self, one: Judged, other: Judged) -> Judged {
        let flaky = [one.outcome, other.outcome].contains(&Outcome::Flaky);
        let (mut worse, better) =
            if other.outcome > one.outcome { (other, one) } else { (one, other) };
        if worse.outcome != Outcome::Fail || worse.expected == SURVIVAL {
            return worse;
        }
        if flaky {
            return better;
        }
        if better.outcome < Outcome::Flaky {
            worse.got = format!("in one run: {}; in another: {}", worse.got, better.got);
            worse.outcome = Outcome::Flaky;
            worse.deviation = self.accepted(&worse.id, Outcome::Flaky);
        }
        worse
    }

    /// Deviations that are out of date: their case passes, or their day is over.
    fn look_over_deviations(&mut self) {
        for deviation in self.deviations {
            let Some(judged) = self.results.iter().flatten().find(|j| j.id == deviation.case)
            else {
                continue;
            };
            let Deviation { case, reason, until, .. } = deviation;
            let text = if judged.outcome == Outcome::Pass {
                format!("{case} passes: its deviation ({reason}) can go")
            } else if let Some(until) = until.as_ref().filter(|_| deviation.expired(&self.today)) {
                format!("the deviation of {case} ({reason}) was accepted until {until}")
            } else {
                continue;
            };
            self.notes.push(Note { failure: false, text });
        }
    }
}

/// The day, in UTC, as profiles write it: `2026-11-20`.
fn today() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().take(10).collect()
}

/// Rounded to milliseconds.
pub(super) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
