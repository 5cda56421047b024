//! Several subjects side by side: where they agree, where they part, who behaves like whom.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Judged, Report};
use crate::case::Family;
use crate::verdict::Outcome;

/// Reports laid side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What was judged, in the order of the reports.
    pub subjects: Vec<Subject>,
    /// One for each case that any of them judged, in the order of the first report that has it.
    pub rows: Vec<Row>,
    /// For each pair of subjects, how many of a hundred cases that both judged they answered alike; `None`
    /// where there are no such cases.
    pub agreement: Vec<Vec<Option<u32>>>,
}

/// A subject, and how it did on the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subject {
    /// Its name; of two that are alike, the second is numbered.
    pub name: String,
    /// Its version, where that is known.
    pub version: Option<String>,
    /// How long its run took, in seconds.
    pub seconds: f64,
    /// How many cases of a family came out in which way.
    pub counts: BTreeMap<Family, BTreeMap<Outcome, usize>>,
}

/// One case, and how each subject did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The case's id.
    pub id: String,
    /// What was tried.
    pub title: String,
    /// One for each subject.
    pub cells: Vec<Cell>,
    /// Whether the subjects that were judged did not all come out alike.
    pub differs: bool,
}

/// How one subject did in one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Its verdict; `skip` where it was not judged.
    pub outcome: Outcome,
    /// What came.
    pub got: String,
    /// Subjects of a row with the same number behaved alike, the most common behaviour being 0; `None` where
    /// it was not judged.
    pub behaviour: Option<usize>,
}

impl Comparison {
    /// Lays `reports` side by side.
    #[must_use]
    pub fn of(reports: &[Report]) -> Self {
        let mut order: Vec<(&str, &str)> = Vec::new();
        let mut cells: BTreeMap<&str, Vec<(Cell, String)>> = BTreeMap::new();
        for (i, report) in reports.iter().enumerate() {
            for judged in &report.results {
                let row = cells.entry(&judged.id).or_insert_with(|| {
                    order.push((&judged.id, &judged.title));
                    vec![(Cell::missing(), String::new()); reports.len()]
                });
                row[i] = (Cell::of(judged), judged.behaviour());
            }
        }
        let rows: Vec<Row> = order
            .into_iter()
            .filter_map(|(id, title)| {
                let cells = clustered(&cells.remove(id)?);
                let outcomes: Vec<Outcome> =
                    cells.iter().filter(|c| c.behaviour.is_some()).map(|c| c.outcome).collect();
                let differs = outcomes.windows(2).any(|pair| pair[0] != pair[1]);
                (!outcomes.is_empty()).then(|| Row {
                    id: id.into(),
                    title: title.into(),
                    cells,
                    differs,
                })
            })
            .collect();
        let agreement = agreement(&rows, reports.len());
        let subject = |(i, report)| Subject::of(report, &reports[..i]);
        Self { subjects: reports.iter().enumerate().map(subject).collect(), rows, agreement }
    }
}

impl Cell {
    fn of(judged: &Judged) -> Self {
        Self { outcome: judged.outcome, got: judged.got.clone(), behaviour: None }
    }

    fn missing() -> Self {
        Self { outcome: Outcome::Skip, got: "not among its cases".into(), behaviour: None }
    }
}

/// Numbers the behaviours of a row, the most common first.
fn clustered(cells: &[(Cell, String)]) -> Vec<Cell> {
    let mut sizes: BTreeMap<(Outcome, &str), usize> = BTreeMap::new();
    for (cell, words) in cells.iter().filter(|(cell, _)| cell.outcome != Outcome::Skip) {
        *sizes.entry((cell.outcome, words)).or_default() += 1;
    }
    let mut ranked: Vec<_> = sizes.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let number = |cell: &Cell, words: &str| {
        ranked.iter().position(|(behaviour, _)| *behaviour == (cell.outcome, words))
    };
    let clustered =
        |(cell, words): &(Cell, String)| Cell { behaviour: number(cell, words), ..cell.clone() };
    cells.iter().map(clustered).collect()
}

fn agreement(rows: &[Row], subjects: usize) -> Vec<Vec<Option<u32>>> {
    let pair = |a: usize, b: usize| {
        let both = rows.iter().map(|row| (row.cells[a].behaviour, row.cells[b].behaviour));
        let both: Vec<_> = both.filter(|(a, b)| a.is_some() && b.is_some()).collect();
        let alike = both.iter().filter(|(a, b)| a == b).count();
        (!both.is_empty()).then(|| (alike * 100 / both.len()) as u32)
    };
    (0..subjects).map(|a| (0..subjects).map(|b| pair(a, b)).collect()).collect()
}

impl Subject {
    fn of(report: &Report, before: &[Report]) -> Self {
        let namesakes = before.iter().filter(|other| other.subject == report.subject).count();
        let name = match namesakes {
            0 => report.subject.clone(),
            _ => format!("{} ({})", report.subject, namesakes + 1),
        };
        let mut counts: BTreeMap<Family, BTreeMap<Outcome, usize>> = BTreeMap::new();
        for judged in &report.results {
            *counts.entry(judged.family).or_default().entry(judged.outcome).or_default() += 1;
        }
        Self { name, version: report.version.clone(), seconds: report.seconds, counts }
    }

    /// How many cases came out in one of these ways; of one family, or of all.
    #[must_use]
    pub fn count(&self, family: Option<Family>, outcomes: &[Outcome]) -> usize {
        let of_family = |of: &Family| family.is_none_or(|family| family == *of);
        let counts =
            self.counts.iter().filter(|(of, _)| of_family(of)).flat_map(|(_, counts)| counts);
        counts.filter(|(outcome, _)| outcomes.contains(outcome)).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn who_behaves_like_whom() {
        let (a, b) = (sample(), sample());
        let mut c = sample();
        c.subject = "other".into();
        c.results[0].outcome = Outcome::Fail;
        c.results[1].got = "another failure".into();
        let comparison = Comparison::of(&[a, b, c]);
        let names: Vec<&str> =
            comparison.subjects.iter().map(|subject| &subject.name[..]).collect();
        assert_eq!(names, ["sample", "sample (2)", "other"]);
        assert_eq!(comparison.rows.len(), 4, "a case that all skipped is left out");
        let behaviours = |row: &Row| row.cells.iter().map(|c| c.behaviour).collect::<Vec<_>>();
        assert_eq!(behaviours(&comparison.rows[0]), [Some(0), Some(0), Some(1)]);
        assert!(comparison.rows[0].differs);
        assert_eq!(behaviours(&comparison.rows[1]), [Some(0), Some(0), Some(1)]);
        assert!(!comparison.rows[1].differs, "the verdict is the same");
        assert_eq!(comparison.agreement[0], [Some(100), Some(100), Some(50)]);
        let page = comparison.to_html();
        assert!(page.contains("sample (2)") && page.contains("another failure"), "{page}");
    }

    #[test]
    fn subjects_with_nothing_in_common_have_no_agreement() {
        let (a, mut b) = (sample(), sample());
        for judged in &mut b.results {
            judged.outcome = Outcome::Skip;
        }
        let comparison = Comparison::of(&[a, b]);
        assert_eq!(comparison.agreement[0], [Some(100), None]);
        assert!(comparison.rows.iter().all(|row| !row.differs));
    }
}
