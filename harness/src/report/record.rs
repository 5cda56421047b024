//! A record: the JSON form of a report without what a repository has no use for, a line for each case, so that
//! the difference between two runs can be read.
//!
//! ```json
//! { "schema": 1, "harness": "0.1.0", "subject": "nginx", "version": "1.22.1", "end": { "how": "complete" },
//!   "seconds": 2.3, "record": [ {"id":"http/RL-01","outcome":"pass","got":"200"} ] }
//! ```

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{End, Judged, Note, Report, SCHEMA};
use crate::case::{Case, Family};
use crate::catalogue;
use crate::verdict::{Outcome, Strength};

/// What a record has besides its cases.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Record {
    schema: u32,
    harness: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    end: End,
    seconds: f64,
    /// Those for which the run failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
    #[serde(skip_serializing)]
    record: Vec<Line>,
}

/// What a record says of a case.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    id: String,
    outcome: Outcome,
    /// Without sizes and times, which differ from run to run; empty where nothing was judged.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    got: String,
}

impl Report {
    /// The report as a record: what [`Comparison::of`](super::Comparison::of) needs of it, and no more. Neither
    /// traces nor times of single cases, and of what came no sizes. [`Self::from_json`] reads it.
    ///
    /// # Panics
    ///
    /// Never: the form has no key or number that JSON lacks.
    #[must_use]
    pub fn to_record(&self) -> String {
        let record = Record {
            schema: SCHEMA,
            harness: self.harness.clone(),
            subject: self.subject.clone(),
            version: self.version.clone(),
            end: self.end.clone(),
            seconds: (self.seconds * 10.0).round() / 10.0,
            notes: self.notes.iter().filter(|note| note.failure).map(portable).collect(),
            record: Vec::new(),
        };
        let json = "strings and finite numbers only";
        let head = serde_json::to_string_pretty(&record).expect(json);
        let lines: Vec<String> = self
            .results
            .iter()
            .map(|judged| serde_json::to_string(&line(judged)).expect(json))
            .collect();
        let open = head.trim_end_matches("\n}");
        format!("{open},\n  \"record\": [\n    {}\n  ]\n}}\n", lines.join(",\n    "))
    }
}

/// The note, where a path leads to as it would on any machine: without the folders above a file.
fn portable(note: &Note) -> Note {
    let is_path = |word: &&str| word.starts_with('/') && word.matches('/').count() > 2;
    let words = note.text.split(' ').map(|word| match word.rsplit_once('/') {
        Some((_, file)) if is_path(&word) => format!("…/{file}"),
        _ => word.to_owned(),
    });
    Note { failure: note.failure, text: words.collect::<Vec<_>>().join(" ") }
}

fn line(judged: &Judged) -> Line {
    let got = match judged.outcome {
        Outcome::Skip => String::new(),
        _ => judged.behaviour(),
    };
    Line { id: judged.id.clone(), outcome: judged.outcome, got }
}

impl From<Record> for Report {
    /// What the record leaves out is taken from the catalogue, as far as that knows it.
    fn from(record: Record) -> Self {
        let known = Known::new();
        let judged = |Line { id, outcome, got }| Judged { outcome, got, ..known.judged(id) };
        Self {
            schema: record.schema,
            harness: record.harness,
            subject: record.subject,
            version: record.version,
            end: record.end,
            seed: None,
            seconds: record.seconds,
            results: record.record.into_iter().map(judged).collect(),
            notes: record.notes,
            samples: Vec::new(),
        }
    }
}

/// The catalogue by id.
pub(super) struct Known(HashMap<String, Case>);

impl Known {
    pub(super) fn new() -> Self {
        Self(catalogue::all().into_iter().map(|case| (case.id.clone(), case)).collect())
    }

    /// The case of this id as though it had passed; of one that the catalogue does not know, what the id tells.
    pub(super) fn judged(&self, id: String) -> Judged {
        let case = self.0.get(&id);
        let family =
            Family::ALL.into_iter().find(|family| id.split('/').next() == Some(family.word()));
        Judged {
            title: case.map_or_else(|| id.clone(), |case| case.title.clone()),
            family: family.unwrap_or(Family::Http),
            section: case.map_or_else(String::new, |case| case.section.clone()),
            strength: case.map_or(Strength::Must, |case| case.strength),
            outcome: Outcome::Pass,
            expected: String::new(),
            got: String::new(),
            offending: String::new(),
            deviation: None,
            seconds: 0.0,
            trace: Vec::new(),
            times: Vec::new(),
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use crate::report::Comparison;

    #[test]
    fn a_record_has_a_line_for_each_case() {
        let mut report = sample();
        report.results[0].got = "200 with 1293 octets of content".into();
        report
            .notes
            .push(Note { failure: true, text: "it panicked at /home/me/src/x.rs:7".into() });
        insta::assert_snapshot!(report.to_record(), @r#"
        {
          "schema": 1,
          "harness": "0.1.0",
          "subject": "sample",
          "version": "1.2",
          "end": {
            "how": "complete"
          },
          "seconds": 1.3,
          "notes": [
            {
              "failure": true,
              "text": "it panicked at …/x.rs:7"
            }
          ],
          "record": [
            {"id":"http/CL-01","outcome":"pass","got":"200"},
            {"id":"ws/1.1.1","outcome":"fail","got":"Close 1000 \"\" and no more"},
            {"id":"http/VER-03","outcome":"warn","got":"505"},
            {"id":"ws/push","outcome":"skip"},
            {"id":"http/CON-02","outcome":"flaky","got":"beside other cases: nothing; alone: 200"}
          ]
        }
        "#);
    }

    #[test]
    fn a_record_compares_as_its_report_does() {
        let report = sample();
        let read = Report::from_json(&report.to_record()).unwrap();
        assert_eq!(read.called(), report.called());
        let behaviours = |report: &Report| {
            Comparison::of(&[report.clone(), sample()])
                .rows
                .into_iter()
                .flat_map(|row| row.cells)
                .map(|cell| (cell.outcome, cell.behaviour))
                .collect::<Vec<_>>()
        };
        assert_eq!(behaviours(&read), behaviours(&report));
        assert_eq!(Report::from_json(&read.to_record()).unwrap(), read);
    }

    #[test]
    fn the_catalogue_says_what_a_record_leaves_out() {
        let known = Known::new();
        let judged = known.judged("http/CL-04".into());
        assert!(judged.section.starts_with("RFC 9112") && !judged.title.is_empty(), "{judged:?}");
        let unknown = known.judged("ws/no/such".into());
        assert_eq!((unknown.family, &unknown.title[..]), (Family::Ws, "ws/no/such"));
    }
}
