//! A comparison as Markdown: tables for a document that says how several subjects fare.

use std::fmt::Write;

use super::markdown::inline;
use super::{Comparison, Row, Subject};
use crate::case::Family;
use crate::verdict::Outcome;

/// What a subject has to answer for.
pub(super) const FAILED: [Outcome; 3] = [Outcome::Flaky, Outcome::Fail, Outcome::Error];
/// What tells of the subject at all.
pub(super) const JUDGED: [Outcome; 6] =
    [Outcome::Pass, Outcome::Info, Outcome::Warn, Outcome::Flaky, Outcome::Fail, Outcome::Error];
/// Cases shown that several subjects fail.
const MAX_SHARED: usize = 20;

impl Comparison {
    /// The counts of each subject, its failures by family, how many cases each pair answered alike, and the
    /// cases that most of them fail, as tables of Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        self.outcomes(&mut out);
        self.families(&mut out);
        self.alike(&mut out);
        self.shared(&mut out);
        out
    }

    fn outcomes(&self, out: &mut String) {
        let occurs =
            |outcome: &Outcome| self.subjects.iter().any(|s| s.count(None, &[*outcome]) > 0);
        let occurring: Vec<Outcome> = Outcome::ALL.into_iter().filter(occurs).collect();
        head(out, "| subject | version |", occurring.iter().map(|outcome| outcome.word()));
        for subject in &self.subjects {
            let version = subject.version.as_deref().map_or(String::new(), inline);
            _ = write!(out, "| {} | {version} |", inline(&subject.name));
            for outcome in &occurring {
                _ = write!(out, " {} |", subject.count(None, &[*outcome]));
            }
            out.push('\n');
        }
    }

    fn families(&self, out: &mut String) {
        let judged = |subject: &Subject, family| subject.count(Some(family), &JUDGED);
        let occurs = |family: &Family| self.subjects.iter().any(|s| judged(s, *family) > 0);
        let occurring: Vec<Family> = Family::ALL.into_iter().filter(occurs).collect();
        out.push_str("\nFailures, of so many cases that were judged:\n\n");
        head(out, "| subject |", occurring.iter().map(|family| family.word()));
        for subject in &self.subjects {
            _ = write!(out, "| {} |", inline(&subject.name));
            for family in &occurring {
                match judged(subject, *family) {
                    0 => out.push_str(" · |"),
                    judged => {
                        _ = write!(out, " {} of {judged} |", subject.count(Some(*family), &FAILED));
                    }
                }
            }
            out.push('\n');
        }
    }

    fn alike(&self, out: &mut String) {
        let numbers: Vec<String> = (1..=self.subjects.len()).map(|n| n.to_string()).collect();
        out.push_str(
            "\nOf a hundred cases in which both were judged, so many were answered alike:\n\n",
        );
        head(out, "| | |", numbers.iter().map(|number| &number[..]));
        for ((number, subject), shares) in numbers.iter().zip(&self.subjects).zip(&self.agreement) {
            _ = write!(out, "| {number} | {} |", inline(&subject.name));
            for share in shares {
                let share = share.map_or("·".into(), |share| share.to_string());
                _ = write!(out, " {share} |");
            }
            out.push('\n');
        }
    }

    fn shared(&self, out: &mut String) {
        let failed =
            |row: &Row| row.cells.iter().filter(|cell| FAILED.contains(&cell.outcome)).count();
        let judged = |row: &Row| row.cells.iter().filter(|cell| cell.behaviour.is_some()).count();
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| failed(row) > 1).collect();
        // The sort is stable: cases that as many fail stay in the order of the catalogue.
        rows.sort_by_key(|row| std::cmp::Reverse(failed(row)));
        if rows.is_empty() {
            return;
        }
        out.push_str("\nWhat most of them fail, of those that were judged:\n\n");
        head(out, "| case | what is tried |", ["failed by"]);
        for row in rows.iter().take(MAX_SHARED) {
            let (failed, judged) = (failed(row), judged(row));
            _ = writeln!(out, "| `{}` | {} | {failed} of {judged} |", row.id, inline(&row.title));
        }
    }
}

/// The first two lines of a table: columns of words, then those of numbers.
fn head<'a>(out: &mut String, words: &str, numbers: impl IntoIterator<Item = &'a str>) {
    let mut rule = words.split('|').skip(1).map(|_| "|").collect::<Vec<_>>().join("---");
    out.push_str(words);
    for number in numbers {
        _ = write!(out, " {number} |");
        rule.push_str("---:|");
    }
    _ = writeln!(out, "\n{rule}");
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn tables_for_a_document() {
        let mut other = sample();
        other.subject = "an_other".into();
        other.version = None;
        other.results[0].outcome = Outcome::Fail;
        insta::assert_snapshot!(Comparison::of(&[sample(), other]).to_markdown(), @r"
        | subject | version | pass | skip | warn | flaky | fail |
        |---|---|---:|---:|---:|---:|---:|
        | sample | 1.2 | 1 | 1 | 1 | 1 | 1 |
        | an\_other |  | 0 | 1 | 1 | 1 | 2 |

        Failures, of so many cases that were judged:

        | subject | http | ws |
        |---|---:|---:|
        | sample | 1 of 3 | 1 of 1 |
        | an\_other | 2 of 3 | 1 of 1 |

        Of a hundred cases in which both were judged, so many were answered alike:

        | | | 1 | 2 |
        |---|---|---:|---:|
        | 1 | sample | 100 | 75 |
        | 2 | an\_other | 75 | 100 |

        What most of them fail, of those that were judged:

        | case | what is tried | failed by |
        |---|---|---:|
        | `ws/1.1.1` | The title of ws/1.1.1 | 2 of 2 |
        | `http/CON-02` | The title of http/CON-02 | 2 of 2 |
        ");
    }
}
