//! A comparison as one self-contained HTML page.

use minijinja::value::Serde;
use serde::Serialize;

use super::html::TEMPLATES;
use super::tables::{FAILED, JUDGED};
use super::{Comparison, Subject};
use crate::case::Family;
use crate::verdict::Outcome;

/// What the template sees.
#[derive(Serialize)]
struct Page<'a> {
    comparison: &'a Comparison,
    /// Those that occur, from best to worst.
    outcomes: Vec<&'static str>,
    /// Those of which any case was judged.
    families: Vec<&'static str>,
    subjects: Vec<View<'a>>,
}

#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    version: Option<&'a str>,
    /// One for each outcome that occurs.
    counts: Vec<Count>,
    /// The same without what was skipped, for the bar.
    judged: Vec<Count>,
    families: Vec<OfFamily>,
}

#[derive(Clone, Serialize)]
struct Count {
    outcome: &'static str,
    count: usize,
    /// Of a hundred that were judged.
    share: f64,
}

#[derive(Serialize)]
struct OfFamily {
    failed: usize,
    judged: usize,
}

impl Comparison {
    /// The comparison as one self-contained HTML page.
    ///
    /// # Panics
    ///
    /// If the template in this crate is broken, which its tests rule out.
    #[must_use]
    pub fn to_html(&self) -> String {
        let any = |count: &dyn Fn(&Subject) -> usize| self.subjects.iter().any(|s| count(s) > 0);
        let outcomes: Vec<Outcome> =
            Outcome::ALL.into_iter().filter(|o| any(&|s| s.count(None, &[*o]))).collect();
        let families: Vec<Family> =
            Family::ALL.into_iter().filter(|f| any(&|s| s.count(Some(*f), &JUDGED))).collect();
        let page = TEMPLATES.get_template("compare.html").expect("it is among the templates");
        let mut html = page
            .render(Serde(Page {
                comparison: self,
                outcomes: outcomes.iter().map(|outcome| outcome.word()).collect(),
                families: families.iter().map(|family| family.word()).collect(),
                subjects: self.subjects.iter().map(|s| View::of(s, &outcomes, &families)).collect(),
            }))
            .unwrap_or_else(|error| panic!("compare.html: {error:#}"));
        html.push('\n');
        html
    }
}

impl<'a> View<'a> {
    fn of(subject: &'a Subject, outcomes: &[Outcome], families: &[Family]) -> Self {
        let all = subject.count(None, &JUDGED).max(1) as f64;
        let count = |outcome: &Outcome| {
            let count = subject.count(None, &[*outcome]);
            Count { outcome: outcome.word(), count, share: count as f64 * 100.0 / all }
        };
        let of_family = |family: &Family| OfFamily {
            failed: subject.count(Some(*family), &FAILED),
            judged: subject.count(Some(*family), &JUDGED),
        };
        let judged = |outcome: &&Outcome| **outcome != Outcome::Skip;
        Self {
            name: &subject.name,
            version: subject.version.as_deref(),
            counts: outcomes.iter().map(count).collect(),
            judged: outcomes.iter().rev().filter(judged).map(count).collect(),
            families: families.iter().map(of_family).collect(),
        }
    }
}
