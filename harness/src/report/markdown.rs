//! The report as Markdown, for the summary of a CI run or a comment.

use std::fmt::Write;

use super::{Judged, Report};
use crate::case::Family;
use crate::verdict::{Outcome, Strength};

/// Failures shown in full. CI systems cut a summary at a megabyte.
const MAX_DETAILS: usize = 50;
/// Lines shown of a trace: its end, where it went wrong.
const MAX_TRACE: usize = 30;

impl Report {
    /// The report as Markdown at this level: the result, a table of families, what failed in detail, and
    /// warnings in a line each.
    #[must_use]
    pub fn to_markdown(&self, level: Strength) -> String {
        let mut out = String::new();
        let sign = if self.passes(level) { "✅" } else { "❌" };
        _ = writeln!(out, "## {sign} {}: {}\n", inline(&self.called()), self.verdict(level));
        _ = writeln!(
            out,
            "{} cases in {:.1} s at level {level}, by harness {}.\n",
            self.results.len(),
            self.seconds,
            self.harness
        );
        self.table(&mut out);
        for note in &self.notes {
            let sign = if note.failure { "❌" } else { "💡" };
            _ = writeln!(out, "{sign} {}\n", inline(&note.text));
        }
        let failures: Vec<&Judged> = self.failures(level).collect();
        for judged in failures.iter().take(MAX_DETAILS) {
            detail(&mut out, judged);
        }
        if let Some(more) = failures.len().checked_sub(MAX_DETAILS).filter(|&more| more > 0) {
            _ = writeln!(out, "… and {more} more failures.\n");
        }
        self.others(&mut out, level);
        out
    }

    fn table(&self, out: &mut String) {
        let occurring: Vec<Outcome> =
            Outcome::ALL.into_iter().rev().filter(|o| self.count(*o) > 0).collect();
        let words: Vec<&str> = occurring.iter().map(|outcome| outcome.word()).collect();
        _ = writeln!(out, "| family | {} |", words.join(" | "));
        _ = writeln!(out, "|---|{}", "---:|".repeat(words.len()));
        for family in Family::ALL {
            let of_family = || self.results.iter().filter(|judged| judged.family == family);
            if of_family().next().is_none() {
                continue;
            }
            _ = write!(out, "| {} |", family.title());
            for outcome in &occurring {
                match of_family().filter(|judged| judged.outcome == *outcome).count() {
                    0 => out.push_str("  |"),
                    count => _ = write!(out, " {count} |"),
                }
            }
            out.push('\n');
        }
        out.push('\n');
    }

    /// A line for each case that is neither a pass nor a failure of the run; skipped ones not at all.
    fn others(&self, out: &mut String, level: Strength) {
        let said =
            |judged: &&Judged| !judged.counts_as_failure(level) && judged.outcome >= Outcome::Warn;
        let others: Vec<&Judged> = self.results.iter().filter(said).collect();
        if others.is_empty() {
            return;
        }
        _ = writeln!(out, "<details><summary>Remarks ({})</summary>\n", others.len());
        for judged in others {
            let Judged { outcome, id, title, got, deviation, .. } = judged;
            let rest = match deviation {
                Some(reason) => format!("accepted, {}", inline(reason)),
                None => inline(got.lines().next().unwrap_or("")),
            };
            _ = writeln!(out, "- {outcome} `{id}` {}: {rest}", inline(title));
        }
        _ = writeln!(out, "\n</details>");
    }
}

fn detail(out: &mut String, judged: &Judged) {
    let Judged { outcome, id, title, strength, section, .. } = judged;
    _ = writeln!(
        out,
        "<details><summary><b>{outcome}</b> <code>{id}</code> {} ({strength}, {section})</summary>\n",
        inline(title)
    );
    _ = writeln!(out, "- expected: {}", inline(&judged.expected));
    _ = writeln!(out, "- got: {}\n", inline(&judged.got));
    block(out, &judged.hexdump(16));
    block(out, &judged.trace[judged.trace.len().saturating_sub(MAX_TRACE)..]);
    _ = writeln!(out, "</details>\n");
}

/// Lines as they are, between fences longer than any row of backticks in them.
fn block(out: &mut String, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let longest = |line: &String| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(lines.iter().map(longest).max().unwrap_or(0).max(2) + 1);
    _ = writeln!(out, "{fence}text\n{}\n{fence}\n", lines.join("\n"));
}

/// Text on one line in which nothing is markup.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn a_summary_for_ci() {
        insta::assert_snapshot!(sample().to_markdown(Strength::Hardening));
    }

    #[test]
    fn nothing_that_came_is_markup() {
        assert_eq!(inline("a <b>\n| `*_"), "a &lt;b&gt; \\| \\`\\*\\_");
        let mut out = String::new();
        block(&mut out, &["```".into()]);
        assert_eq!(out, "````text\n```\n````\n\n");
    }
}
