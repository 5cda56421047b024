//! Progress on standard error: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use seawall_harness::{Case, Event, Family, Judged, Outcome};

use crate::args::Loudness;
use crate::summary::{counted, painted};

/// Between two plain lines that only say how far the run is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);

/// Shows a run while it goes on.
pub(crate) struct Progress {
    bar: ProgressBar,
    loudness: Loudness,
    terminal: bool,
    /// Judged and in all.
    families: BTreeMap<Family, (usize, usize)>,
    failed: usize,
    said: Instant,
}

impl Progress {
    /// For a run of these cases, each so many times.
    pub(crate) fn new(loudness: Loudness, cases: &[Case], repeat: usize) -> Self {
        let terminal = console::user_attended_stderr() && loudness > Loudness::Quiet;
        // Drawn once the subject is ready: until then a build may want the screen.
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let look = ProgressStyle::with_template(
            "{spinner} {msg:40!} {wide_bar:.cyan/dim} {pos}/{len} {elapsed}",
        );
        if let Ok(look) = look {
            bar.set_style(look.progress_chars("━━─"));
        }
        let mut families = BTreeMap::new();
        for case in cases {
            families.entry(case.family).or_insert((0, 0)).1 += repeat;
        }
        Self { bar, loudness, terminal, families, failed: 0, said: Instant::now() }
    }

    pub(crate) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Building(command) => self.say(&format!("building: {}", command.join(" "))),
            Event::Starting => self.say("starting the subject"),
            Event::Ready { cases } => {
                self.say(&format!("ready: {}", counted(*cases)));
                if self.terminal {
                    self.bar.set_length(*cases as u64);
                    self.bar.set_draw_target(ProgressDrawTarget::stderr());
                    self.bar.enable_steady_tick(Duration::from_millis(100));
                }
            }
            Event::Began(case) => {
                let (judged, cases) = self.families.get(&case.family).copied().unwrap_or_default();
                let place = format!("{} {judged}/{cases} · {}", case.family, case.short_id());
                self.bar.set_message(match self.failed {
                    0 => place,
                    failed => format!("{failed} failed · {place}"),
                });
            }
            Event::Judged(judged) => self.judged(judged),
            Event::Died { how, suspects } => {
                let suspects = suspects.join(", ");
                self.say(&format!("the subject {how}; starting it again to try alone: {suspects}"));
            }
            Event::Hunting => self.say("something is left behind: looking for the case that leaks"),
            Event::Retrying(cases) => {
                self.say(&format!("trying alone what failed beside others: {}", counted(*cases)));
            }
        }
    }

    fn judged(&mut self, judged: &Judged) {
        // What is tried again alone was counted when it ran beside others.
        let count = self.families.entry(judged.family).or_default();
        count.0 = (count.0 + 1).min(count.1);
        self.bar.inc(1);
        let failed = matches!(judged.outcome, Outcome::Fail | Outcome::Error | Outcome::Flaky);
        self.failed += usize::from(failed);
        if failed || self.loudness == Loudness::Verbose {
            let word = painted(judged.outcome);
            self.say(&format!("{word} {} {}", judged.id, style(&judged.title).for_stderr().dim()));
        } else if !self.terminal && self.said.elapsed() > PLAIN_INTERVAL {
            let (judged, cases) =
                self.families.values().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            let begun = self.families.iter().filter(|(_, (judged, _))| *judged > 0);
            let begun: Vec<String> = begun
                .map(|(family, (judged, cases))| format!("{family} {judged}/{cases}"))
                .collect();
            let failed = self.failed;
            let of_families = begun.join(", ");
            self.say(&format!("{judged} of {cases} judged, {failed} failed: {of_families}"));
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&mut self, line: &str) {
        if self.loudness == Loudness::Quiet {
            return;
        }
        self.said = Instant::now();
        self.bar.suspend(|| eprintln!("{line}"));
    }
}
