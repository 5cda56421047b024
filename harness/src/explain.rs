//! What is to be known of a case: what it sends, what conforms, why that matters, what cures it.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::filter;

/// What a case sends on one connection, and which answers conform.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Exchange {
    /// In the notation of traces, without connection: `> GET {hello} HTTP/1.1\r\n`. `{authority}` stands
    /// for the subject's host and port, the name of a route for its path.
    pub sends: Vec<String>,
    /// In words.
    pub accepts: String,
}

/// Why a rule matters, and what helps to keep it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Reasons {
    /// What goes wrong where it is broken.
    pub why: String,
    /// Published defects of this class, by their CVE where there is one.
    pub known: Vec<String>,
    /// What usually cures it.
    pub fix: String,
    /// What the case does, where no [`Exchange`] can show it.
    pub does: Option<String>,
}

impl Case {
    /// What it sends and accepts: one for each connection. Empty where the case acts over time, or on
    /// several connections at once; [`Reasons::does`] says it then.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_harness::{Filter, catalogue};
    ///
    /// let case = &Filter::new(["http/CL-04"]).select(&catalogue::all())?[0];
    /// assert_eq!(case.script()[0].sends[0], r"> POST {echo} HTTP/1.1\r\n");
    /// # Ok::<_, seawall_harness::Error>(())
    /// ```
    #[must_use]
    pub fn script(&self) -> Vec<Exchange> {
        (self.script)()
    }
}

impl Reasons {
    /// The reasons behind the case with this id. Empty for an id that no class of the catalogue covers.
    ///
    /// # Panics
    ///
    /// If the catalogue in this crate is broken, which its tests rule out.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_harness::Reasons;
    ///
    /// assert!(Reasons::of("ws/6.12.3").why.starts_with("Text that is not UTF-8"));
    /// assert_eq!(Reasons::of("no such case"), Reasons::default());
    /// ```
    #[must_use]
    pub fn of(id: &str) -> Self {
        let mut reasons = Self::default();
        // The last word counts: special classes stand behind general ones.
        for class in CLASSES.iter().filter(|class| class.covers(id)) {
            if let Some(why) = &class.why {
                reasons.why.clone_from(why);
            }
            if let Some(known) = &class.known {
                reasons.known.clone_from(known);
            }
            if let Some(fix) = &class.fix {
                reasons.fix.clone_from(fix);
            }
            if class.does.is_some() {
                reasons.does.clone_from(&class.does);
            }
        }
        reasons
    }
}

/// An entry of `catalogue/reasons.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    cases: Vec<String>,
    why: Option<String>,
    known: Option<Vec<String>>,
    fix: Option<String>,
    does: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    class: Vec<Class>,
}

static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../catalogue/reasons.toml"))
        .unwrap_or_else(|error| panic!("reasons.toml: {error}"));
    file.class
});

impl Class {
    fn covers(&self, id: &str) -> bool {
        self.cases.iter().any(|pattern| filter::matches(pattern, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_case_has_its_reasons_and_shows_or_says_what_it_does() {
        for case in catalogue::all() {
            let reasons = Reasons::of(&case.id);
            assert!(!reasons.why.is_empty() && !reasons.fix.is_empty(), "{}", case.id);
            assert_eq!(case.script().is_empty(), reasons.does.is_some(), "{}", case.id);
        }
    }

    #[test]
    fn every_pattern_covers_a_case_and_every_text_is_some_cases_last_word() {
        let ids: Vec<String> = catalogue::all().into_iter().map(|case| case.id).collect();
        for class in CLASSES.iter() {
            for pattern in &class.cases {
                assert!(
                    ids.iter().any(|id| filter::matches(pattern, id)),
                    "{pattern} covers nothing"
                );
            }
            let spoken = |text: &Option<String>, of: fn(Reasons) -> Option<String>| {
                text.is_none() || ids.iter().any(|id| of(Reasons::of(id)) == *text)
            };
            let heard = spoken(&class.why, |reasons| Some(reasons.why))
                && spoken(&class.fix, |reasons| Some(reasons.fix))
                && spoken(&class.does, |reasons| reasons.does);
            assert!(heard, "{:?} has a text that no case shows", class.cases);
        }
    }

    #[test]
    fn what_is_sent_is_shown_as_the_wire_has_it() {
        let cases = catalogue::all();
        let script = |id: &str| {
            let case = cases.iter().find(|case| case.id == id).expect("there is this case");
            let lines = case
                .script()
                .into_iter()
                .map(|exchange| format!("{}\n= {}", exchange.sends.join("\n"), exchange.accepts));
            lines.collect::<Vec<_>>().join("\n\n")
        };
        insta::assert_snapshot!(script("http/CL-05"));
        insta::assert_snapshot!(script("http/CON-02"));
        insta::assert_snapshot!(script("ws/5.8"));
        insta::assert_snapshot!(script("ws/5.18"));
        insta::assert_snapshot!(script("ws/7.1.4"));
    }
}
