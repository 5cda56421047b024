//! What a run found. `docs/report.md` documents the JSON form.

use serde::Serialize;

use crate::case::Family;
use crate::verdict::{Outcome, Strength};

/// The version of the JSON form; it grows when a reader of the former could be misled.
pub const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`]
    pub schema: u32,
    /// The version of the harness.
    pub harness: &'static str,
    /// The profile's name for the subject.
    pub subject: String,
    /// How the run came to its end.
    pub end: End,
    /// How long it took, in seconds, without the build; rounded to milliseconds.
    pub seconds: f64,
    /// One for each case that was selected, in the order of the catalogue.
    pub results: Vec<Judged>,
    /// What is to be said of the run as a whole: deaths that no single case explains,
    /// deviations that are out of date.
    pub notes: Vec<Note>,
}

/// How a run came to its end.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how", content = "why")]
pub enum End {
    /// Every case was judged.
    Complete,
    /// The caller stopped it.
    Interrupted,
    /// The time limit was reached.
    TimeLimit,
    /// The subject died and would not start again.
    Dead(String),
}

/// A remark on the run as a whole.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Note {
    /// Whether the run failed for it.
    pub failure: bool,
    /// In words.
    pub text: String,
}

/// A case with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The case's id.
    pub id: String,
    /// What was tried.
    pub title: String,
    /// What it is about.
    pub family: Family,
    /// Where the rule stands.
    pub section: String,
    /// How strongly the rule binds.
    pub strength: Strength,
    /// How it came out.
    pub outcome: Outcome,
    /// What the rule asks for.
    pub expected: String,
    /// What came.
    pub got: String,
    /// The octets that offend, in hexadecimal; empty if none do.
    pub offending: String,
    /// Why the profile accepts this verdict, if it does.
    pub deviation: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// What went over the wire, a line for each event.
    pub trace: Vec<String>,
}

impl Judged {
    /// Whether the run fails for it, at this level: a failure of a rule at least as strong,
    /// or a fault of the harness.
    #[must_use]
    pub fn counts_as_failure(&self, level: Strength) -> bool {
        let failed = match self.outcome {
            Outcome::Error => true,
            Outcome::Fail | Outcome::Flaky => self.strength >= level,
            Outcome::Pass | Outcome::Info | Outcome::Skip | Outcome::Warn => false,
        };
        failed && self.deviation.is_none()
    }
}

impl Report {
    /// Cases for which the run fails at this level.
    pub fn failures(&self, level: Strength) -> impl Iterator<Item = &Judged> {
        self.results.iter().filter(move |judged| judged.counts_as_failure(level))
    }

    /// Whether the run passes at this level: it came to its end and nothing failed.
    #[must_use]
    pub fn passes(&self, level: Strength) -> bool {
        self.end == End::Complete
            && self.failures(level).next().is_none()
            && !self.notes.iter().any(|note| note.failure)
    }

    /// How many cases came out like this.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.results.iter().filter(|judged| judged.outcome == outcome).count()
    }

    /// The report as JSON.
    ///
    /// # Panics
    ///
    /// Never: the form has no key or number that JSON lacks.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and finite numbers only");
        json.push('\n');
        json
    }
}
