//! The report as JUnit XML, which every CI system shows as tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::{Judged, Report};
use crate::case::Family;
use crate::verdict::{Outcome, Strength};

impl Report {
    /// The report as JUnit XML at this level: a suite for each family, a test for each case.
    ///
    /// What fails the run is a failure, or an error where the harness is at fault. What fails below the
    /// level, deviates as the profile says, or was skipped is skipped, with the reason; a flaky case that
    /// does not fail the run is a success with a flaky failure. Notes that fail the run are a suite of
    /// their own.
    ///
    /// # Panics
    ///
    /// Never: the XML is written to memory, and what XML cannot hold is left out.
    #[must_use]
    pub fn to_junit(&self, level: Strength) -> String {
        let mut junit = quick_junit::Report::new(self.subject.clone());
        junit.set_time(seconds(self.seconds));
        for family in Family::ALL {
            let mut suite = TestSuite::new(family.word());
            let of_family = self.results.iter().filter(|judged| judged.family == family);
            suite.add_test_cases(of_family.map(|judged| test_case(judged, level)));
            if !suite.test_cases.is_empty() {
                junit.add_test_suite(suite);
            }
        }
        let failures = self.notes.iter().filter(|note| note.failure);
        let mut run = TestSuite::new("run");
        run.add_test_cases(failures.enumerate().map(|(i, note)| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(note.text.clone());
            TestCase::new(format!("note {}", i + 1), status)
        }));
        if !run.test_cases.is_empty() {
            junit.add_test_suite(run);
        }
        junit.to_string().expect("memory takes what is written to it")
    }
}

fn test_case(judged: &Judged, level: Strength) -> TestCase {
    let mut case = TestCase::new(format!("{} {}", judged.id, judged.title), status(judged, level));
    case.set_classname(format!("harness.{}", judged.family)).set_time(seconds(judged.seconds));
    if judged.outcome >= Outcome::Warn && !judged.trace.is_empty() {
        case.set_system_out(judged.trace.join("\n"));
    }
    case
}

fn status(judged: &Judged, level: Strength) -> TestCaseStatus {
    let message = format!("expected {}, got {}", judged.expected, judged.got);
    let failed = |kind, text: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(judged.strength.word()).set_message(message.clone()).set_description(text);
        status
    };
    let skipped = |why: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(why);
        status
    };
    let counts = judged.counts_as_failure(level);
    let details = || {
        let head = format!("{} · {} · {}", judged.id, judged.strength, judged.section);
        [head].into_iter().chain(judged.hexdump(16)).collect::<Vec<_>>().join("\n")
    };
    match (judged.outcome, &judged.deviation) {
        (_, Some(reason)) => skipped(&format!("accepted: {reason}. {message}")),
        (Outcome::Error, _) => failed(NonSuccessKind::Error, &details()),
        (Outcome::Fail | Outcome::Flaky, _) if counts => {
            failed(NonSuccessKind::Failure, &details())
        }
        (Outcome::Fail, _) => skipped(&format!("below level {level}: {message}")),
        (Outcome::Flaky, _) => {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_message(message);
            let mut status = TestCaseStatus::success();
            status.add_rerun(rerun);
            status
        }
        (Outcome::Skip, _) => skipped(&judged.got),
        (Outcome::Pass | Outcome::Info | Outcome::Warn, _) => TestCaseStatus::success(),
    }
}

fn seconds(seconds: f64) -> Duration {
    // A report read from a file may say anything.
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn each_outcome_has_its_form() {
        insta::assert_snapshot!(sample().to_junit(Strength::Hardening));
    }

    #[test]
    fn below_the_level_nothing_fails() {
        let mut report = sample();
        report.results[1].strength = Strength::Should;
        report.results[4].strength = Strength::Should;
        let xml = report.to_junit(Strength::Must);
        assert!(xml.contains("failures=\"0\"") && xml.contains("below level must"), "{xml}");
        assert!(xml.contains("<flakyFailure"), "{xml}");
    }
}
