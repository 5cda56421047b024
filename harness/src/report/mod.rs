//! What a run found. `docs/report.md` documents the JSON form.

mod annotations;
mod behaviour;
mod compare;
mod compare_page;
mod curves;
mod diff;
mod hexdump;
mod html;
mod index;
mod junit;
mod markdown;
mod record;
mod tables;

pub use compare::{Cell, Comparison, Row, Subject};
pub use diff::{Change, Difference};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::case::Family;
use crate::error::Error;
use crate::verdict::{Outcome, Strength};
use record::Record;

/// The version of the JSON form; it grows when a reader of the former could be misled.
pub const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`]
    pub schema: u32,
    /// The version of the harness.
    pub harness: String,
    /// The profile's name for the subject.
    pub subject: String,
    /// Which version of it was judged, where the profile says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How the run came to its end.
    pub end: End,
    /// Draws the order of the cases again, where they were shuffled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How long it took, in seconds, without the build; rounded to milliseconds.
    pub seconds: f64,
    /// One for each case that was selected, in the order of the catalogue.
    pub results: Vec<Judged>,
    /// What is to be said of the run as a whole: deaths that no single case explains,
    /// deviations that are out of date.
    pub notes: Vec<Note>,
    /// What the subject's processes cost while cases ran, where the harness started them and the system tells.
    #[serde(default)]
    pub samples: Vec<Sample>,
}

/// What the subject's processes cost at one moment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds after the beginning of the run.
    pub at: f64,
    /// Octets resident in memory.
    pub memory: u64,
    /// Seconds of processor time used since the subject was started.
    pub cpu: f64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
    /// Ids of the cases that ran then.
    pub running: Vec<String>,
}

/// How a run came to its end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how", content = "why")]
pub enum End {
    /// Every case was judged.
    Complete,
    /// The caller stopped it.
    Interrupted,
    /// The time limit was reached.
    TimeLimit,
    /// A case failed, and the run was to end with the first.
    FailFast,
    /// The subject died and would not start again.
    Dead(String),
}

/// A remark on the run as a whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Note {
    /// Whether the run failed for it.
    pub failure: bool,
    /// In words.
    pub text: String,
}

/// A case with its verdict.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
    /// When each line of the trace happened, in milliseconds after its first; of octets that came in
    /// several pieces, the first.
    #[serde(default)]
    pub times: Vec<f64>,
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
    /// The subject's name, and its version where that is known: `nginx 1.22.1`.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.subject),
            None => self.subject.clone(),
        }
    }

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

    /// The report that [`Self::to_json`] or [`Self::to_record`] wrote, perhaps in an earlier run.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for what is none, or has a [`SCHEMA`] that this version does not know.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_harness::Report;
    ///
    /// let text = r#"{ "schema": 1, "harness": "0.1.0", "subject": "mine", "end": { "how": "complete" },
    ///                 "seconds": 0.5, "results": [], "notes": [] }"#;
    /// assert_eq!(Report::from_json(text)?.subject, "mine");
    /// assert!(Report::from_json(&text.replace("1,", "99,")).is_err());
    /// # Ok::<_, seawall_harness::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
            record: Option<IgnoredAny>,
        }
        let no_report = |error| Error::Usage(format!("not a report of the harness: {error}"));
        let Version { schema, record } = serde_json::from_str(text).map_err(no_report)?;
        if schema != SCHEMA {
            return Err(Error::Usage(format!(
                "a report of schema {schema}; this version of the harness reads schema {SCHEMA}"
            )));
        }
        match record {
            Some(_) => serde_json::from_str::<Record>(text).map(Self::from),
            None => serde_json::from_str(text),
        }
        .map_err(no_report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small report in which most things occur.
    pub(super) fn sample() -> Report {
        let judged = |id: &str, outcome, expected: &str, got: &str| Judged {
            id: id.into(),
            title: format!("The title of {id}"),
            family: if id.starts_with("ws") { Family::Ws } else { Family::Http },
            section: "RFC 9112 §6.3".into(),
            strength: Strength::Must,
            outcome,
            expected: expected.into(),
            got: got.into(),
            offending: String::new(),
            deviation: None,
            seconds: 0.012,
            trace: Vec::new(),
            times: Vec::new(),
        };
        let trace = [
            "c1 ~ connect",
            "c1 > GET /ws/echo HTTP/1.1\\r\\n",
            "c1 > \\r\\n",
            "c1 < close fin 2 1000 \"\" | 88 02 03 e8",
            "c1 < end",
        ];
        Report {
            schema: SCHEMA,
            harness: "0.1.0".into(),
            subject: "sample".into(),
            version: Some("1.2".into()),
            end: End::Complete,
            seed: None,
            seconds: 1.25,
            results: vec![
                judged("http/CL-01", Outcome::Pass, "2xx", "200"),
                Judged {
                    offending: "88 02 03 e8".into(),
                    trace: trace.map(String::from).to_vec(),
                    times: vec![0.0, 0.1, 0.1, 3.25, 3.5],
                    ..judged("ws/1.1.1", Outcome::Fail, "text \"\"", "Close 1000 \"\"\nand no more")
                },
                Judged {
                    deviation: Some("by policy".into()),
                    ..judged("http/VER-03", Outcome::Warn, "2xx", "505")
                },
                judged(
                    "ws/push",
                    Outcome::Skip,
                    "its routes",
                    "the subject does not offer ws.push",
                ),
                judged(
                    "http/CON-02",
                    Outcome::Flaky,
                    "2xx",
                    "beside other cases: nothing; alone: 200",
                ),
            ],
            notes: vec![Note { failure: false, text: "a remark".into() }],
            samples: vec![
                Sample {
                    at: 0.1,
                    memory: 4 << 20,
                    cpu: 0.05,
                    descriptors: 9,
                    threads: 3,
                    running: vec!["http/CL-01".into()],
                },
                Sample {
                    at: 0.2,
                    memory: 5 << 20,
                    cpu: 0.12,
                    descriptors: 12,
                    threads: 3,
                    running: vec!["http/CL-01".into(), "ws/1.1.1".into()],
                },
            ],
        }
    }

    #[test]
    fn what_json_says_can_be_read_again() {
        let report = sample();
        assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);
        let error = Report::from_json("[]").unwrap_err().to_string();
        assert!(error.starts_with("not a report"), "{error}");
    }
}
