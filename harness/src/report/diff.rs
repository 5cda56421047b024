//! Two runs: what got better, what got worse, what is new.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Judged, Report};
use crate::verdict::Outcome;

/// How a case came out otherwise than before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It failed less before.
    Worse,
    /// It failed more before.
    Better,
    /// It was not judged before, or not there.
    New,
    /// It is not judged any more, or not there.
    Gone,
    /// It fails, or is warned of, for another reason.
    Otherwise,
}

impl Change {
    /// Every change, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Worse, Self::Better, Self::New, Self::Gone, Self::Otherwise];

    /// The word that reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Otherwise => "otherwise",
        }
    }
}

/// A case that came out otherwise than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference<'a> {
    /// How it differs.
    pub change: Change,
    /// As it was before, if it was there.
    pub before: Option<&'a Judged>,
    /// As it is now, if it is there.
    pub after: Option<&'a Judged>,
}

impl Difference<'_> {
    /// The case's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.after.or(self.before).map_or("", |judged| &judged.id)
    }
}

impl Report {
    /// What is otherwise in `later`, the worst first, then in the order of reports. What is alike is left
    /// out, and so are cases that neither run judged.
    ///
    /// A case is worse or better by its verdict: passed, warned of or accepted by the profile, flaky, failed,
    /// not to be judged. One that only one of the runs judged is new or gone.
    #[must_use]
    pub fn diff<'a>(&'a self, later: &'a Self) -> Vec<Difference<'a>> {
        let mut before: BTreeMap<&str, &Judged> =
            self.results.iter().map(|judged| (&judged.id[..], judged)).collect();
        let mut differences: Vec<Difference<'_>> = Vec::new();
        for after in &later.results {
            differences.extend(Difference::of(before.remove(&after.id[..]), Some(after)));
        }
        let left = self.results.iter().filter(|judged| before.contains_key(&judged.id[..]));
        differences.extend(left.filter_map(|judged| Difference::of(Some(judged), None)));
        differences.sort_by_key(|difference| difference.change);
        differences
    }
}

impl<'a> Difference<'a> {
    fn of(before: Option<&'a Judged>, after: Option<&'a Judged>) -> Option<Self> {
        let change = match (before.and_then(rank), after.and_then(rank)) {
            (None, None) => return None,
            (None, Some(_)) => Change::New,
            (Some(_), None) => Change::Gone,
            (Some(was), Some(is)) if is > was => Change::Worse,
            (Some(was), Some(is)) if is < was => Change::Better,
            (Some(_), Some(is)) => {
                let behaviour = |judged: Option<&Judged>| judged.map(Judged::behaviour);
                if is == 0 || behaviour(before) == behaviour(after) {
                    return None;
                }
                Change::Otherwise
            }
        };
        Some(Self { change, before, after })
    }
}

/// The higher the worse; `None` for what was not judged.
fn rank(judged: &Judged) -> Option<u8> {
    Some(match judged.outcome {
        Outcome::Skip => return None,
        _ if judged.deviation.is_some() => 1,
        Outcome::Pass | Outcome::Info => 0,
        Outcome::Warn => 1,
        Outcome::Flaky => 2,
        Outcome::Fail => 3,
        Outcome::Error => 4,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn each_change_has_its_name() {
        let before = sample();
        let mut after = sample();
        after.results[0].outcome = Outcome::Fail;
        after.results[1].got = "something else".into();
        after.results[3].outcome = Outcome::Pass;
        after.results[4].outcome = Outcome::Pass;
        after.results.remove(2);
        let differences = before.diff(&after);
        let found: Vec<_> = differences.iter().map(|found| (found.change, found.id())).collect();
        assert_eq!(
            found,
            [
                (Change::Worse, "http/CL-01"),
                (Change::Better, "http/CON-02"),
                (Change::New, "ws/push"),
                (Change::Gone, "http/VER-03"),
                (Change::Otherwise, "ws/1.1.1"),
            ]
        );
        assert!(before.diff(&before).is_empty());
    }

    #[test]
    fn what_the_profile_accepts_is_no_worse_than_a_warning() {
        let before = sample();
        let mut after = sample();
        after.results[2].outcome = Outcome::Fail;
        assert!(before.diff(&after).is_empty(), "accepted before and after");
        after.results[2].deviation = None;
        assert_eq!(before.diff(&after)[0].change, Change::Worse);
    }
}
