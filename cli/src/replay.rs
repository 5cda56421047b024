//! `harness replay` and `harness shrink`: what differs, and how far it went.

use std::fmt::Write;

use console::style;
use indicatif::ProgressBar;
use seawall_harness::{Line, Replayed, Shrunk};

/// Both traces, line by line, and a verdict.
pub(crate) fn differences(replayed: &Replayed) -> String {
    let mut out = String::new();
    for line in &replayed.lines {
        let shown = style(line);
        let shown = match line {
            Line::Alike(_) => shown.dim(),
            Line::Missing(_) => shown.red(),
            Line::Surplus(_) => shown.green(),
        };
        _ = writeln!(out, "{shown}");
    }
    let case = replayed.case.as_deref().unwrap_or("the trace");
    let verdict = if replayed.differs() {
        style("answered otherwise (- then, + now)").red().bold()
    } else {
        style("answered as it was").green().bold()
    };
    _ = writeln!(out, "{}: {verdict}", style(case).bold());
    out
}

/// How much shorter it became, and what stayed.
pub(crate) fn summary(shrunk: &Shrunk) -> String {
    let Shrunk { before, after, tries, behaviour, .. } = shrunk;
    let behaviour = if behaviour.is_empty() { "nothing".into() } else { behaviour.join(", ") };
    format!("{before} → {after} octets in {tries} tries; the subject answers: {behaviour}")
}

/// How many octets are left, on a terminal.
pub(crate) struct Shrinking(ProgressBar);

impl Shrinking {
    pub(crate) fn new() -> Self {
        Self(ProgressBar::new_spinner())
    }

    pub(crate) fn show(&self, left: usize) {
        self.0.set_message(format!("{left} octets left"));
        self.0.tick();
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
