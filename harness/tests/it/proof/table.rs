//! Which cases each fault turns red, and how that is written down.

use std::collections::BTreeMap;

use seawall_harness::{Case, Family, Outcome, Report};

use crate::planted::Fault;

/// What each fault does to the cases that it does not leave green.
#[derive(Default)]
pub(super) struct Table(BTreeMap<Fault, BTreeMap<String, Colour>>);

#[derive(Clone, Copy, Eq, PartialEq)]
enum Colour {
    Red,
    /// A warning: seen, but allowed or nearly so.
    Yellow,
}

impl Table {
    /// Adds what a run with this fault came to. What failed beside other cases and passed alone is left out:
    /// that was the machine, or a matter of luck.
    pub(super) fn insert(&mut self, fault: Fault, report: &Report) {
        let row = self.0.entry(fault).or_default();
        for judged in &report.results {
            let colour = match judged.outcome {
                Outcome::Fail => Colour::Red,
                Outcome::Warn => Colour::Yellow,
                _ => continue,
            };
            row.insert(judged.id.clone(), colour);
        }
    }

    /// Leaves out what is known of these cases.
    pub(super) fn forget(&mut self, cases: &[Case]) {
        for row in self.0.values_mut() {
            row.retain(|id, _| cases.iter().all(|case| case.id != *id));
        }
    }

    /// Of the faults that fail a case the one that fails the fewest others; of two kinds, one that shows at
    /// once.
    pub(super) fn most_specific(&self, id: &str) -> Option<Fault> {
        let faults = self.0.iter().filter(|(_, row)| row.get(id) == Some(&Colour::Red));
        let key =
            |(fault, row): &(&Fault, &BTreeMap<_, _>)| (SLOW_TO_SHOW.contains(fault), row.len());
        faults.min_by_key(key).map(|(fault, _)| *fault)
    }

    /// A line for each fault and, indented, its cases by family, without the family in their ids. A `~` marks
    /// a warning.
    pub(super) fn to_text(&self, cases: &[Case]) -> String {
        let mut text = String::new();
        for (fault, row) in &self.0 {
            text += fault.name();
            text.push('\n');
            for family in Family::ALL {
                let of_family: Vec<_> = cases.iter().filter(|case| case.family == family).collect();
                let is_red = |case: &&Case| row.get(&case.id) == Some(&Colour::Red);
                let words: Vec<_> = if of_family.iter().all(is_red) {
                    vec![EVERY.to_owned()]
                } else {
                    let word = |case: &&Case| match row.get(&case.id)? {
                        Colour::Red => Some(case.short_id().to_owned()),
                        Colour::Yellow => Some(format!("{}~", case.short_id())),
                    };
                    of_family.iter().filter_map(word).collect()
                };
                if !words.is_empty() {
                    text += &wrapped(family.word(), &words);
                }
            }
        }
        text
    }

    /// Reads the text back, a snapshot's head before it or not. What is no fault or case any more is passed
    /// over: the snapshot is then due to be made anew, but what it says of the others still holds.
    pub(super) fn parse(text: &str, cases: &[Case]) -> Self {
        let text = text.splitn(3, "---\n").last().unwrap_or_default();
        let mut table = BTreeMap::<_, BTreeMap<_, _>>::new();
        let (mut fault, mut family) = (None, "");
        for line in text.lines() {
            let indented = line.starts_with(' ');
            let mut words = line.split_whitespace();
            if !indented {
                fault = line.parse::<Fault>().ok();
                // One that fails no case is a blind spot, and to be seen as such.
                if let Some(fault) = fault {
                    table.entry(fault).or_default();
                }
                continue;
            }
            if !line.starts_with(&" ".repeat(INDENT)) {
                family = words.next().unwrap_or_default();
            }
            let Some(fault) = fault else { continue };
            let row = table.entry(fault).or_default();
            for word in words {
                let (id, colour) = match word.strip_suffix('~') {
                    Some(id) => (id, Colour::Yellow),
                    None => (word, Colour::Red),
                };
                let of_family = cases.iter().filter(|case| case.family.word() == family);
                let named = of_family.filter(|case| id == EVERY || id == case.short_id());
                row.extend(named.map(|case| (case.id.clone(), colour)));
            }
        }
        Self(table)
    }
}

fn wrapped(heading: &str, words: &[String]) -> String {
    let mut lines = vec![format!("  {heading:<width$}", width = INDENT - 2)];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => {
                line.push_str(word);
                line.push(' ');
            }
            _ => lines.push(format!("{:INDENT$}{word} ", "")),
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Faults that show by what does not happen, which takes a deadline for each of their cases.
const SLOW_TO_SHOW: &[Fault] = &[
    Fault::SilentOnRefusal,
    Fault::ErrorWithoutLength,
    Fault::OneAtATime,
    Fault::TcpNotClosed,
    Fault::CrashHangs,
    Fault::PingIgnored,
    Fault::LosesBytesOnSplit,
    Fault::PipeliningLoses,
    Fault::PipeliningOutOfOrder,
    Fault::TlsNoDeadline,
    Fault::TlsDeadlineRestarts,
    Fault::TlsOneAtATime,
    Fault::TlsFewSlots,
    Fault::TlsGarbageWaits,
];

/// In place of all ids of a family.
const EVERY: &str = "all";
const INDENT: usize = 18;
const WIDTH: usize = 100;

#[test]
fn what_is_written_can_be_read() {
    let cases = seawall_harness::catalogue::all();
    let colours = [None, Some(Colour::Red), Some(Colour::Yellow)];
    let some = cases.iter().zip(colours.into_iter().cycle());
    let some = some.filter_map(|(case, colour)| Some((case.id.clone(), colour?))).collect();
    let every = cases.iter().map(|case| (case.id.clone(), Colour::Red)).collect();
    let rows = [(Fault::SetsRsv, every), (Fault::Http09Answered, some)];
    let text = Table(rows.into()).to_text(&cases);
    let snapshot = format!("---\nsource: here\nexpression: there\n---\n{text}");
    assert_eq!(Table::parse(&snapshot, &cases).to_text(&cases), text);
}
