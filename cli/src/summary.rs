//! The result as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use console::{StyledObject, style};
use seawall_harness::{Case, End, Family, Judged, Outcome, Report, Strength};

use crate::args::Loudness;

/// Lines of a trace shown with a failure, of its beginning and its end; all of them when asked.
const TRACE_HEAD: usize = 12;
const TRACE_TAIL: usize = 4;
/// Lines of offending octets, likewise.
const OCTET_LINES: usize = 4;

/// The outcome's word in its colour.
pub(crate) fn painted(outcome: Outcome) -> StyledObject<String> {
    let word = style(format!("{:5}", outcome.word().to_uppercase()));
    match outcome {
        Outcome::Pass => word.green(),
        Outcome::Info => word.cyan(),
        Outcome::Skip => word.dim(),
        Outcome::Warn | Outcome::Flaky => word.yellow(),
        Outcome::Fail | Outcome::Error => word.red().bold(),
    }
}

/// What was found: a tree of families, the failures in detail.
pub(crate) fn text(report: &Report, level: Strength, loudness: Loudness) -> String {
    let mut out = String::new();
    if loudness > Loudness::Quiet {
        for family in Family::ALL {
            let of_family =
                report.results.iter().filter(|judged| judged.family == family && in_detail(judged));
            for (i, judged) in of_family.enumerate() {
                if i == 0 {
                    _ = writeln!(out, "\n{}", style(family.title()).bold().underlined());
                }
                detail(&mut out, judged, loudness == Loudness::Verbose);
            }
        }
        brief(&mut out, report);
        families(&mut out, report);
        out.push('\n');
    }
    ending(&mut out, report, level);
    out
}

fn in_detail(judged: &Judged) -> bool {
    matches!(judged.outcome, Outcome::Fail | Outcome::Error | Outcome::Flaky)
        && judged.deviation.is_none()
}

fn detail(out: &mut String, judged: &Judged, verbose: bool) {
    let Judged { outcome, id, title, strength, section, .. } = judged;
    _ = writeln!(out, "\n  {} {}  {title}", painted(*outcome), style(id).bold());
    _ = writeln!(out, "        {}", style(format!("{strength} · {section}")).dim());
    labelled(out, "expected", judged.expected.lines().map(Into::into), 0);
    labelled(out, "got", judged.got.lines().map(Into::into), 0);
    let most = if verbose { usize::MAX } else { OCTET_LINES };
    let octets = judged.hexdump(16);
    labelled(
        out,
        "octets",
        octets.iter().take(most).map(Into::into),
        octets.len().saturating_sub(most),
    );
    // The request and the head of its answer stand at the beginning, what became of it at the end.
    let (head, tail) = match judged.trace.len().checked_sub(TRACE_HEAD + TRACE_TAIL) {
        Some(1..) if !verbose => (TRACE_HEAD, TRACE_TAIL),
        _ => (judged.trace.len(), 0),
    };
    let elided = judged.trace.len() - head - tail;
    let elided = (elided > 0).then(|| format!("… {elided} lines: --verbose, --html FILE"));
    let dimmed = |line: &String| style(line).dim().to_string();
    let (first, last) = (&judged.trace[..head], &judged.trace[judged.trace.len() - tail..]);
    let lines = first.iter().map(dimmed).chain(elided).chain(last.iter().map(dimmed));
    labelled(out, "trace", lines, 0);
}

/// Lines behind their label, and how many more there are.
fn labelled(out: &mut String, label: &str, lines: impl Iterator<Item = String>, more: usize) {
    let more = (more > 0).then(|| format!("… {more} lines more"));
    for (i, line) in lines.chain(more).enumerate() {
        let label = style(format!("{:9}", if i == 0 { label } else { "" })).cyan();
        _ = writeln!(out, "        {label} {line}");
    }
}

/// A line for each warning and accepted deviation; skipped cases by their reason.
fn brief(out: &mut String, report: &Report) {
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = String::new();
    for judged in &report.results {
        let Judged { outcome, id, title, got, .. } = judged;
        if let Some(reason) = &judged.deviation {
            let word = style(format!("{:5}", outcome.word())).dim();
            _ = writeln!(lines, "{word} {id}  {title}: accepted, {reason}");
        } else if matches!(outcome, Outcome::Warn | Outcome::Info) {
            _ = writeln!(
                lines,
                "{} {id}  {title}: {}",
                painted(*outcome),
                got.lines().next().unwrap_or("")
            );
        } else if *outcome == Outcome::Skip {
            *skipped.entry(got).or_default() += 1;
        }
    }
    for (reason, count) in skipped {
        _ = writeln!(lines, "{} {}: {reason}", painted(Outcome::Skip), counted(count));
    }
    if !lines.is_empty() {
        _ = write!(out, "\n{lines}");
    }
}

/// A table: a row for each family, a column for each outcome that occurs.
fn families(out: &mut String, report: &Report) {
    let occurring: Vec<Outcome> =
        Outcome::ALL.into_iter().filter(|o| report.count(*o) > 0).collect();
    _ = write!(out, "\n{:24}", "");
    for outcome in &occurring {
        _ = write!(out, "{:>8}", outcome.word());
    }
    out.push('\n');
    for family in Family::ALL {
        let of_family = || report.results.iter().filter(|judged| judged.family == family);
        if of_family().next().is_none() {
            continue;
        }
        _ = write!(out, "{:24}", family.title());
        for outcome in &occurring {
            match of_family().filter(|judged| judged.outcome == *outcome).count() {
                0 => _ = write!(out, "{:>8}", style("·").dim()),
                count => _ = write!(out, "{}", coloured(*outcome, format!("{count:>8}"))),
            }
        }
        out.push('\n');
    }
}

fn coloured(outcome: Outcome, text: String) -> StyledObject<String> {
    match outcome {
        Outcome::Pass => style(text).green(),
        Outcome::Info | Outcome::Skip => style(text),
        Outcome::Warn | Outcome::Flaky => style(text).yellow(),
        Outcome::Fail | Outcome::Error => style(text).red().bold(),
    }
}

fn ending(out: &mut String, report: &Report, level: Strength) {
    for note in &report.notes {
        let word = if note.failure { style("note:").red() } else { style("note:").yellow() };
        _ = writeln!(out, "{word} {}", note.text);
    }
    if let Some(seed) = report.seed {
        _ = writeln!(out, "shuffled: --seed {seed} draws this order again");
    }
    let cases = report.results.len();
    let verdict = style(report.verdict(level));
    let verdict = match &report.end {
        End::Interrupted => verdict.yellow(),
        End::Complete if report.passes(level) && report.count(Outcome::Skip) < cases => {
            verdict.green().bold()
        }
        End::Complete | End::FailFast | End::TimeLimit | End::Dead(_) => verdict.red().bold(),
    };
    _ = writeln!(
        out,
        "{}: {} in {:.1} s at level {level}: {verdict}",
        style(report.called()).bold(),
        counted(cases),
        report.seconds
    );
}

/// `1 case`, `2 cases`.
pub(crate) fn counted(cases: usize) -> String {
    if cases == 1 { "1 case".into() } else { format!("{cases} cases") }
}

/// The catalogue, family by family.
pub(crate) fn list(cases: &[Case]) -> String {
    let mut out = String::new();
    let width = cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
    for family in Family::ALL {
        let of_family: Vec<&Case> = cases.iter().filter(|case| case.family == family).collect();
        if of_family.is_empty() {
            continue;
        }
        _ = writeln!(out, "{} ({})", style(family.title()).bold(), of_family.len());
        for case in of_family {
            let Case { id, title, strength, section, .. } = case;
            let rule = style(format!("{strength} · {section}")).dim();
            _ = writeln!(out, "  {id:width$}  {title}  {rule}");
        }
    }
    _ = writeln!(out, "{}", counted(cases.len()));
    out
}
