//! Which events may come in answer, and in which order.

use super::client::Event;
use crate::verdict::Verdict;

/// The sequences that conform, the preferred one first.
#[derive(Debug)]
pub(super) struct Sequences {
    pub(super) sequences: Vec<Vec<Event>>,
    /// Whether events may be left out, save the last.
    pub(super) may_skip: bool,
}

impl Sequences {
    /// Whether what came so far can still become a sequence that conforms.
    fn begin_with(&self, log: &[Event]) -> bool {
        self.sequences.iter().any(|sequence| {
            if self.may_skip { is_within(log, sequence) } else { sequence.starts_with(log) }
        })
    }

    /// Whether what came conforms.
    pub(super) fn contain(&self, log: &[Event]) -> bool {
        self.sequences.iter().any(|sequence| {
            let skipped =
                self.may_skip && is_within(log, sequence) && log.last() == sequence.last();
            skipped || sequence == log
        })
    }

    /// Whether what came conforms, and nothing more can be waited for.
    pub(super) fn end_with(&self, log: &[Event]) -> bool {
        let goes_on =
            |sequence: &Vec<Event>| sequence.len() > log.len() && sequence.starts_with(log);
        self.contain(log) && !self.sequences.iter().any(goes_on)
    }

    /// # Errors
    ///
    /// The verdict, where what came so far cannot conform any more.
    pub(super) fn check(&self, log: &[Event]) -> Result<(), Verdict> {
        if self.begin_with(log) {
            return Ok(());
        }
        Err(Verdict::fail(self.describe(), describe(log)))
    }

    /// The preferred sequence in words.
    pub(super) fn describe(&self) -> String {
        match &self.sequences[0][..] {
            [] => "no message".into(),
            [event] => event.describe(),
            [first, .., last] => {
                let count = self.sequences[0].len();
                format!("{count} events, {} to {}", first.describe(), last.describe())
            }
        }
    }
}

/// Whether `part` is `whole` with some events left out.
fn is_within(part: &[Event], whole: &[Event]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|event| whole.any(|other| other == event))
}

/// Events in words.
pub(super) fn describe(log: &[Event]) -> String {
    /// Enough to see the pattern; the trace has the rest.
    const MAX: usize = 4;
    let mut words: Vec<String> = log.iter().take(MAX).map(Event::describe).collect();
    if log.len() > MAX {
        words.push(format!("{} more", log.len() - MAX));
    }
    if words.is_empty() { "no message".into() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pongs(payloads: &[&str]) -> Vec<Event> {
        payloads.iter().map(|payload| Event::Pong((*payload).into())).collect()
    }

    #[test]
    fn sequences_are_compared_as_they_grow() {
        let sequences =
            Sequences { sequences: vec![pongs(&["1", "2"]), pongs(&["1"])], may_skip: false };
        assert!(sequences.check(&[]).is_ok() && sequences.check(&pongs(&["1"])).is_ok());
        assert!(sequences.check(&pongs(&["2"])).is_err());
        assert!(
            sequences.contain(&pongs(&["1"])) && !sequences.end_with(&pongs(&["1"])),
            "a 2 may follow"
        );
        assert!(sequences.end_with(&pongs(&["1", "2"])));
    }

    #[test]
    fn all_but_the_last_may_be_skipped_where_that_is_allowed() {
        let sequences = Sequences { sequences: vec![pongs(&["1", "2", "3"])], may_skip: true };
        for conforming in [&["1", "2", "3"][..], &["3"], &["1", "3"]] {
            assert!(sequences.end_with(&pongs(conforming)), "{conforming:?}");
        }
        assert!(
            sequences.check(&pongs(&["1", "2"])).is_ok() && !sequences.contain(&pongs(&["1", "2"]))
        );
        for wrong in [&["2", "1"][..], &["3", "3"], &["4"]] {
            assert!(sequences.check(&pongs(wrong)).is_err(), "{wrong:?}");
        }
    }
}
