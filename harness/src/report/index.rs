//! The index that Autobahn|Testsuite leaves behind, written and read: dashboards and golden files know it.
//!
//! ```json
//! { "AGENT": { "1.1.1": { "behavior": "OK", "behaviorClose": "OK", "duration": 2,
//!                         "remoteCloseCode": 1000, "reportfile": "agent_case_1_1_1.json" } } }
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Known;
use super::{End, Judged, Report, SCHEMA};
use crate::error::Error;
use crate::filter::short;
use crate::verdict::{Outcome, Strength};

/// Agents, and their cases by number.
type Index = BTreeMap<String, BTreeMap<String, Entry>>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    behavior: String,
    behavior_close: String,
    /// Milliseconds.
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    remote_close_code: Option<u16>,
    #[serde(default)]
    reportfile: String,
}

impl Report {
    /// The cases of WebSocket that have the numbers of Autobahn|Testsuite, as its `index.json`. `file` names
    /// the file with the details of a case; an empty name where there is none.
    ///
    /// It tells what came from how the connection ended; a verdict here is one for both, so that a failure
    /// is one in both columns. Nothing else of a report finds a place there: keep the JSON form for that.
    ///
    /// # Panics
    ///
    /// Never: the form has no key or number that JSON lacks.
    #[must_use]
    pub fn to_index(&self, file: impl Fn(&Judged) -> String) -> String {
        let entry = |judged: &Judged| {
            let word = match judged.outcome {
                // No rule stands behind it: that it passed is a measurement.
                Outcome::Pass if judged.strength == Strength::Info => "INFORMATIONAL",
                Outcome::Pass => "OK",
                Outcome::Warn => "NON-STRICT",
                Outcome::Info => "INFORMATIONAL",
                Outcome::Skip => "UNIMPLEMENTED",
                Outcome::Flaky | Outcome::Fail | Outcome::Error => "FAILED",
            };
            let close = match word {
                "NON-STRICT" | "UNIMPLEMENTED" => "OK",
                word => word,
            };
            let entry = Entry {
                behavior: word.into(),
                behavior_close: close.into(),
                duration: Some((judged.seconds * 1000.0).round()),
                remote_close_code: close_code(judged),
                reportfile: file(judged),
            };
            (short(&judged.id).to_owned(), entry)
        };
        let numbered = self.results.iter().filter(|judged| is_numbered(&judged.id));
        let index = Index::from([(self.subject.clone(), numbered.map(entry).collect())]);
        let mut json =
            serde_json::to_string_pretty(&index).expect("strings and finite numbers only");
        json.push('\n');
        json
    }

    /// A report for each agent of an `index.json` of Autobahn|Testsuite. Numbers become ids (`ws/1.1.1`),
    /// cases that the catalogue does not know among them. A case passes if both of its columns do.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for what is no such index.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_harness::{Outcome, Report};
    ///
    /// let index = r#"{ "mine": { "1.1.1": { "behavior": "OK", "behaviorClose": "FAILED",
    ///                                       "duration": 2, "remoteCloseCode": null } } }"#;
    /// let report = &Report::from_index(index)?[0];
    /// assert_eq!((&report.subject[..], &report.results[0].id[..]), ("mine", "ws/1.1.1"));
    /// assert_eq!(report.results[0].outcome, Outcome::Fail);
    /// # Ok::<_, seawall_harness::Error>(())
    /// ```
    pub fn from_index(text: &str) -> Result<Vec<Self>, Error> {
        let index: Index = serde_json::from_str(text).map_err(|error| {
            Error::Usage(format!("not an index of Autobahn|Testsuite: {error}"))
        })?;
        let known = Known::new();
        let report = |(subject, entries): (String, BTreeMap<String, Entry>)| {
            let mut results: Vec<Judged> =
                entries.iter().map(|(number, entry)| judged(number, entry, &known)).collect();
            results.sort_by_key(|judged| place(&judged.id));
            Self {
                schema: SCHEMA,
                harness: env!("CARGO_PKG_VERSION").into(),
                subject,
                version: None,
                end: End::Complete,
                seed: None,
                seconds: results.iter().map(|judged| judged.seconds).sum(),
                results,
                notes: Vec::new(),
                samples: Vec::new(),
            }
        };
        Ok(index.into_iter().map(report).collect())
    }

    /// The same without the cases that Autobahn|Testsuite does not number.
    #[must_use]
    pub fn numbered(mut self) -> Self {
        self.results.retain(|judged| is_numbered(&judged.id));
        self
    }
}

fn judged(number: &str, entry: &Entry, known: &Known) -> Judged {
    let code = entry.remote_close_code.map_or("no code".into(), |code| format!("code {code}"));
    Judged {
        outcome: outcome(&entry.behavior).max(outcome(&entry.behavior_close)),
        expected: "behavior OK, behaviorClose OK".into(),
        got: format!("behavior {}, behaviorClose {}, {code}", entry.behavior, entry.behavior_close),
        seconds: entry.duration.unwrap_or(0.0) / 1000.0,
        ..known.judged(format!("ws/{number}"))
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "OK" => Outcome::Pass,
        "NON-STRICT" => Outcome::Warn,
        "INFORMATIONAL" => Outcome::Info,
        "UNIMPLEMENTED" => Outcome::Skip,
        // FAILED, WRONG CODE, UNCLEAN, FAILED BY CLIENT
        _ => Outcome::Fail,
    }
}

/// The close code that the subject sent, where the trace shows it: `c1 < close fin 2 1000 "" | …`.
fn close_code(judged: &Judged) -> Option<u16> {
    let of = |line: &String| line.split_once(" < close ")?.1.split(' ').nth(2)?.parse().ok();
    judged.trace.iter().rev().find_map(of)
}

/// Whether the case has one of their numbers: `ws/1.1.1`.
fn is_numbered(id: &str) -> bool {
    let number = id.strip_prefix("ws/").unwrap_or_default();
    number.contains('.') && number.split('.').all(|part| part.parse::<u16>().is_ok())
}

/// Where it stands among the others: 2.10 behind 2.9.
fn place(id: &str) -> Vec<u16> {
    short(id).split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn what_is_written_can_be_read() {
        let report = sample();
        let text = report.to_index(|judged| format!("{}.json", short(&judged.id)));
        insta::assert_snapshot!(text, @r#"
        {
          "sample": {
            "1.1.1": {
              "behavior": "FAILED",
              "behaviorClose": "FAILED",
              "duration": 12.0,
              "remoteCloseCode": 1000,
              "reportfile": "1.1.1.json"
            }
          }
        }
        "#);
        let read = Report::from_index(&text).unwrap().remove(0);
        assert_eq!((&read.results[0].id[..], read.results[0].outcome), ("ws/1.1.1", Outcome::Fail));
        assert_eq!(report.numbered().results.len(), read.results.len());
    }

    #[test]
    fn either_column_can_fail_a_case() {
        let of = |behavior: &str, close: &str| outcome(behavior).max(outcome(close));
        assert_eq!(of("OK", "OK"), Outcome::Pass);
        assert_eq!(of("NON-STRICT", "OK"), Outcome::Warn);
        assert_eq!(of("OK", "INFORMATIONAL"), Outcome::Info);
        assert_eq!(of("UNIMPLEMENTED", "UNIMPLEMENTED"), Outcome::Skip);
        assert_eq!(of("OK", "WRONG CODE"), Outcome::Fail);
        assert_eq!(of("OK", "UNCLEAN"), Outcome::Fail);
    }

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let text = r#"{ "a": { "2.10": { "behavior": "OK", "behaviorClose": "OK" },
                               "2.9": { "behavior": "OK", "behaviorClose": "OK" },
                               "99.1": { "behavior": "OK", "behaviorClose": "OK" } } }"#;
        let report = Report::from_index(text).unwrap().remove(0);
        let ids: Vec<&str> = report.results.iter().map(|judged| &judged.id[..]).collect();
        assert_eq!(ids, ["ws/2.9", "ws/2.10", "ws/99.1"]);
        assert!(report.results[2].title.contains("99.1"));
        assert!(Report::from_index("[]").is_err());
    }
}
