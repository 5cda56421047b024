//! `harness diff` and `harness compare`: what lies between reports.

use std::fmt::Write;

use console::style;
use seawall_harness::{Change, Comparison, Difference, Judged, Outcome, Report};

use crate::summary::{counted, painted};

/// What is otherwise, change by change.
pub(crate) fn diff(before: &Report, after: &Report) -> String {
    let mut out = String::new();
    let differences = before.diff(after);
    for change in Change::ALL {
        let of_change: Vec<&Difference<'_>> =
            differences.iter().filter(|difference| difference.change == change).collect();
        if of_change.is_empty() {
            continue;
        }
        let heading = style(format!("{} ({})", change.word(), of_change.len())).bold();
        let heading = match change {
            Change::Worse => heading.red(),
            Change::Better => heading.green(),
            Change::New | Change::Gone | Change::Otherwise => heading,
        };
        _ = writeln!(out, "{heading}");
        for difference in of_change {
            line(&mut out, difference);
        }
        out.push('\n');
    }
    let alike = after.results.len() - differences.iter().filter(|d| d.after.is_some()).count();
    _ = writeln!(
        out,
        "{} → {}: {} otherwise, {} alike",
        style(&before.subject).bold(),
        style(&after.subject).bold(),
        differences.len(),
        alike
    );
    out
}

fn line(out: &mut String, difference: &Difference<'_>) {
    let word = |judged: Option<&Judged>| match judged {
        Some(judged) => painted(judged.outcome).to_string(),
        None => format!("{:5}", "·"),
    };
    let title = difference.after.or(difference.before).map_or("", |judged| &judged.title);
    let words = format!("{} → {}", word(difference.before), word(difference.after));
    _ = writeln!(out, "  {words} {}  {}", difference.id(), style(title).dim());
    if !matches!(difference.change, Change::Worse | Change::Otherwise) {
        return;
    }
    for (label, judged) in [("was", difference.before), ("is", difference.after)] {
        if let Some(got) = judged.and_then(|judged| judged.got.lines().next()) {
            _ = writeln!(out, "      {label:4} {got}");
        }
    }
}

/// A table: a row for each case whose verdicts differ, or for each case.
pub(crate) fn compare(comparison: &Comparison, all: bool) -> String {
    let mut out = String::new();
    let width = comparison.rows.iter().map(|row| row.id.len()).max().unwrap_or(0).max(8);
    let columns: Vec<usize> =
        comparison.subjects.iter().map(|subject| subject.name.chars().count().max(7)).collect();
    let head = |out: &mut String, label: &str| {
        _ = write!(out, "{:width$}", style(label).bold());
        for (subject, column) in comparison.subjects.iter().zip(&columns) {
            let gap = column - subject.name.chars().count();
            _ = write!(out, "  {}{}", style(&subject.name).bold(), " ".repeat(gap));
        }
        out.push('\n');
    };
    head(&mut out, "case");
    let shown = |row: &&seawall_harness::Row| all || row.differs;
    for row in comparison.rows.iter().filter(shown) {
        _ = write!(out, "{:width$}", row.id);
        for (cell, column) in row.cells.iter().zip(&columns) {
            // Who behaves alike has the same letter.
            let letter = match cell.behaviour {
                Some(number @ 0..26) => char::from(b'a' + number as u8),
                Some(_) => '?',
                None => ' ',
            };
            let word = if cell.outcome == Outcome::Skip {
                style("·    ".into()).dim()
            } else {
                painted(cell.outcome)
            };
            _ = write!(out, "  {word} {letter}{}", " ".repeat(column - 7));
        }
        _ = writeln!(out, "  {}", style(&row.title).dim());
    }
    out.push('\n');
    head(&mut out, "alike, %");
    for (subject, row) in comparison.subjects.iter().zip(&comparison.agreement) {
        _ = write!(out, "{:width$}", subject.name);
        for (share, column) in row.iter().zip(&columns) {
            let share = share.map_or("·".into(), |share| share.to_string());
            _ = write!(out, "  {share:>column$}");
        }
        out.push('\n');
    }
    let differ = comparison.rows.iter().filter(|row| row.differs).count();
    _ = writeln!(
        out,
        "\n{}, {differ} with different verdicts; a, b, … mark who behaves alike in a case",
        counted(comparison.rows.len())
    );
    out
}
