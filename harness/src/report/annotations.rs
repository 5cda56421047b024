//! The report as annotations of a GitHub workflow: commands on standard output that GitHub shows beside
//! the run, and beside the file that the subject is described in.

use super::{Judged, Report};
use crate::verdict::{Outcome, Strength};

/// GitHub shows ten annotations of each kind for a step, and drops the others without a word.
const MAX_SHOWN: usize = 10;

impl Report {
    /// A line for each failure at this level, for each warning, and for each note, the worst first;
    /// `file` is what they are shown beside: the profile.
    #[must_use]
    pub fn to_annotations(&self, level: Strength, file: Option<&str>) -> String {
        let failures: Vec<&Judged> = self.failures(level).collect();
        let warned = |judged: &&Judged| {
            judged.outcome >= Outcome::Warn
                && judged.deviation.is_none()
                && !judged.counts_as_failure(level)
        };
        let warnings: Vec<&Judged> = self.results.iter().filter(warned).collect();
        let mut lines = Vec::new();
        for note in &self.notes {
            let kind = if note.failure { "error" } else { "notice" };
            lines.push(command(kind, file, &self.subject, &note.text));
        }
        for (kind, cases) in [("error", failures), ("warning", warnings)] {
            // The last of those shown says how many are not.
            let shown = if cases.len() > MAX_SHOWN { MAX_SHOWN - 1 } else { cases.len() };
            for judged in &cases[..shown] {
                let title = format!("{} {}", judged.id, judged.title);
                let text = format!(
                    "expected {}, got {} ({}, {})",
                    judged.expected, judged.got, judged.strength, judged.section
                );
                lines.push(command(kind, file, &title, &text));
            }
            if let Some(more) = cases.get(shown..).filter(|more| !more.is_empty()) {
                let ids: Vec<&str> = more.iter().map(|judged| &judged.id[..]).collect();
                let title = format!("{} more", more.len());
                lines.push(command(kind, file, &title, &ids.join(", ")));
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A workflow command. Its properties and its text have escapes of their own.
fn command(kind: &str, file: Option<&str>, title: &str, text: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let file = file.map_or_else(String::new, |file| format!("file={},", property(file)));
    format!("::{kind} {file}title={}::{}", property(title), data(text))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn failures_warnings_and_notes() {
        insta::assert_snapshot!(sample().to_annotations(Strength::Hardening, Some("a,b.toml")));
    }

    #[test]
    fn what_github_would_drop_is_named() {
        let mut report = sample();
        let failed = report.results[1].clone();
        report.results.extend((0..20).map(|i| Judged { id: format!("x/{i}"), ..failed.clone() }));
        let text = report.to_annotations(Strength::Hardening, None);
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("::error")).collect();
        assert_eq!(errors.len(), MAX_SHOWN);
        assert!(errors[9].contains("title=13 more::") && errors[9].contains("x/19"), "{text}");
    }
}
