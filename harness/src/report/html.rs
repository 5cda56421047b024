//! The report as one page that needs nothing else: no script or font from elsewhere, no network.
//!
//! What can be done without a script is: filters are check boxes, cases unfold by themselves. A few lines of
//! script, in the page, add the search field and open the case that an address names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::curves::Curve;
use super::{End, Judged, Report};
use crate::case::Family;
use crate::explain::Reasons;
use crate::verdict::{Outcome, Strength};

/// The templates by name; `.html` makes the engine escape whatever is filled in.
pub(super) static TEMPLATES: LazyLock<Environment<'_>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, text) in [
        ("page.html", include_str!("page.html")),
        ("case.html", include_str!("case.html")),
        ("compare.html", include_str!("compare.html")),
        ("page.css", include_str!("page.css")),
        ("page.js", include_str!("page.js")),
    ] {
        templates.add_template(name, text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    templates
});

impl Report {
    /// The report as one self-contained HTML page, judged at this level.
    ///
    /// # Panics
    ///
    /// If the template in this crate is broken, which its tests rule out.
    #[must_use]
    pub fn to_html(&self, level: Strength) -> String {
        let families: Vec<FamilyView<'_>> =
            Family::ALL.iter().filter_map(|family| FamilyView::of(*family, self, level)).collect();
        let page = TEMPLATES.get_template("page.html").expect("it is among the templates");
        let mut html = page
            .render(Serde(Page {
                report: self,
                verdict: self.verdict(level),
                passed: self.passes(level),
                level,
                counts: counts(&self.results.iter().collect::<Vec<_>>()),
                families,
                curves: self.curves(),
            }))
            .unwrap_or_else(|error| panic!("page.html: {error:#}"));
        html.push('\n');
        html
    }

    /// The result in a few words: `passed`, `3 failed`, `the time limit was reached`.
    #[must_use]
    pub fn verdict(&self, level: Strength) -> String {
        let failures = self.failures(level).count();
        let accepted = self.results.iter().filter(|judged| judged.deviation.is_some()).count();
        match &self.end {
            End::Interrupted => "interrupted".into(),
            End::TimeLimit => "the time limit was reached".into(),
            End::FailFast => "stopped at the first failure".into(),
            End::Dead(why) => format!("the subject is dead: {why}"),
            End::Complete if self.count(Outcome::Skip) == self.results.len() => {
                "nothing ran: every case was skipped".into()
            }
            End::Complete if self.passes(level) => match accepted {
                0 => "passed".into(),
                1 => "passed, with 1 accepted deviation".into(),
                _ => format!("passed, with {accepted} accepted deviations"),
            },
            End::Complete if failures == 0 => "failed: see the notes".into(),
            End::Complete => format!("{failures} failed"),
        }
    }
}

/// What the template sees.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    verdict: String,
    passed: bool,
    level: Strength,
    /// The worst first.
    counts: Vec<Count>,
    families: Vec<FamilyView<'a>>,
    curves: Vec<Curve>,
}

/// How many cases came out in one way.
#[derive(Serialize)]
struct Count {
    outcome: &'static str,
    means: &'static str,
    count: usize,
    /// Of a hundred, for the bar.
    share: f64,
}

fn counts(results: &[&Judged]) -> Vec<Count> {
    let count = |outcome: Outcome| {
        let count = results.iter().filter(|judged| judged.outcome == outcome).count();
        let share = count as f64 * 100.0 / results.len().max(1) as f64;
        Count { outcome: outcome.word(), means: outcome.means(), count, share }
    };
    Outcome::ALL.into_iter().rev().map(count).filter(|count| count.count > 0).collect()
}

#[derive(Serialize)]
struct FamilyView<'a> {
    word: &'static str,
    title: &'static str,
    counts: Vec<Count>,
    groups: Vec<Group<'a>>,
}

impl<'a> FamilyView<'a> {
    fn of(family: Family, report: &'a Report, level: Strength) -> Option<Self> {
        let results: Vec<&Judged> =
            report.results.iter().filter(|judged| judged.family == family).collect();
        if results.is_empty() {
            return None;
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        for judged in &results {
            let name = group_of(&judged.id);
            if groups.last().is_none_or(|group| group.name != name) {
                groups.push(Group { name, counts: BTreeMap::new(), cases: Vec::new() });
            }
            if let Some(group) = groups.last_mut() {
                *group.counts.entry(judged.outcome.word()).or_default() += 1;
                group.cases.push(CaseView::of(judged, level));
            }
        }
        Some(Self { word: family.word(), title: family.title(), counts: counts(&results), groups })
    }
}

/// Cases whose ids begin alike.
#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    counts: BTreeMap<&'static str, usize>,
    cases: Vec<CaseView<'a>>,
}

/// The beginning of an id up to its number: `http/CL` of `http/CL-04`, `ws/6.12` of `ws/6.12.3`.
fn group_of(id: &str) -> &str {
    let family = id.find('/').map_or(0, |slash| slash + 1);
    match id[family..].rfind(['/', '-', '.']) {
        Some(at) if id[family + at + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
            &id[..family + at]
        }
        _ => &id[..family.saturating_sub(1)],
    }
}

#[derive(Serialize)]
struct CaseView<'a> {
    #[serde(flatten)]
    judged: &'a Judged,
    counts: bool,
    /// The octets that offend, on a wide screen and on a narrow one.
    wide: Vec<String>,
    narrow: Vec<String>,
    reasons: Reasons,
    turns: Vec<Turn<'a>>,
}

impl<'a> CaseView<'a> {
    fn of(judged: &'a Judged, level: Strength) -> Self {
        Self {
            judged,
            counts: judged.counts_as_failure(level),
            wide: judged.hexdump(16),
            narrow: judged.hexdump(8),
            reasons: Reasons::of(&judged.id),
            turns: turns(judged),
        }
    }
}

/// Lines of a trace that one side said without the other interrupting.
#[derive(Debug, PartialEq, Serialize)]
struct Turn<'a> {
    /// Which connection, where there are several: `c2`.
    connection: &'a str,
    /// `sent`, `received`, or `noted`.
    side: &'static str,
    /// Milliseconds after the first line.
    at: f64,
    lines: Vec<Line<'a>>,
}

/// One line, its raw octets apart where it has some.
#[derive(Debug, PartialEq, Serialize)]
struct Line<'a> {
    text: &'a str,
    raw: Option<&'a str>,
}

fn turns(judged: &Judged) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    let times = judged.times.iter().copied().chain(std::iter::repeat(0.0));
    for (line, at) in judged.trace.iter().zip(times) {
        let (connection, rest) = match line.split_once(' ') {
            Some((connection, rest)) if connection.starts_with('c') => (connection, rest),
            _ => ("", &line[..]),
        };
        let (side, text) = match rest.split_at_checked(2) {
            Some(("> ", text)) => ("sent", text),
            Some(("< ", text)) => ("received", text),
            Some(("~ ", text)) => ("noted", text),
            _ => ("noted", rest),
        };
        let line = Line::of(text);
        match turns.last_mut() {
            Some(turn) if turn.connection == connection && turn.side == side => {
                turn.lines.push(line);
            }
            _ => turns.push(Turn { connection, side, at, lines: vec![line] }),
        }
    }
    turns
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        let is_raw = |raw: &str| raw.chars().all(|c| c.is_ascii_hexdigit() || " …+×".contains(c));
        match text.rsplit_once(" | ") {
            Some((text, raw)) if is_raw(raw) => Self { text, raw: Some(raw) },
            _ => Self { text, raw: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn ids_are_grouped_by_what_stands_before_their_number() {
        let groups =
            ["http/CL-04", "ws/6.12.3", "ws/handshake/02", "ws/frames/10-1012", "crash/http-panic"]
                .map(group_of);
        assert_eq!(groups, ["http/CL", "ws/6.12", "ws/handshake", "ws/frames/10", "crash"]);
    }

    #[test]
    fn a_trace_becomes_a_conversation() {
        let report = sample();
        let judged = &report.results[1];
        let turns = turns(judged);
        let sides: Vec<_> = turns.iter().map(|turn| (turn.side, turn.lines.len())).collect();
        assert_eq!(sides, [("noted", 1), ("sent", 2), ("received", 2)]);
        assert_eq!(
            turns[2].lines[0],
            Line { text: "close fin 2 1000 \"\"", raw: Some("88 02 03 e8") }
        );
        assert_eq!(Line::of("GET /a | b HTTP/1.1").raw, None, "a bar in a line is no octets");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_escapes_what_came() {
        let mut report = sample();
        report.results[0].got = "<script>alert(1)</script>".into();
        report.subject = "<b>&".into();
        let page = report.to_html(Strength::Hardening).replace("&#x2f;", "/");
        assert!(
            !page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)&lt;/script")
        );
        assert!(page.contains("&lt;b&gt;&amp;"));
        for outside in ["src=", "href=\"http", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        for judged in &report.results {
            assert!(page.contains(&format!("id=\"{}\"", judged.id)), "{}", judged.id);
        }
    }
}
