//! The outcome of a case, and what it rests on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a case came out, from best to worst as [`Ord`] has it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// What was expected came.
    Pass,
    /// Something was measured; no rule says what it must be.
    Info,
    /// The subject does not offer what the case needs, so nothing was judged.
    Skip,
    /// Allowed, but lenient or terse where the RFC advises otherwise.
    Warn,
    /// Failed beside other cases, passed alone.
    Flaky,
    /// The expectation was not met.
    Fail,
    /// The harness itself could not judge: its fault, not the subject's.
    Error,
}

impl Outcome {
    /// Every outcome, from best to worst.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Info, Self::Skip, Self::Warn, Self::Flaky, Self::Fail, Self::Error];

    /// The word that reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Info => "info",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Flaky => "flaky",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    /// What it means, in a sentence.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::Pass => "what was expected came",
            Self::Info => "something was measured; no rule says what it must be",
            Self::Skip => "the subject does not offer what the case needs",
            Self::Warn => "allowed, but lenient or terse where the RFC advises otherwise",
            Self::Flaky => "failed beside other cases, passed alone",
            Self::Fail => "the expectation was not met",
            Self::Error => "the harness could not judge: its fault, not the subject's",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// An outcome with its reasons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// How the case came out.
    pub(crate) outcome: Outcome,
    /// What the rule asks for.
    pub(crate) expected: String,
    /// What came instead, or what came.
    pub(crate) got: String,
    /// The octets that offend, if some do.
    pub(crate) offending: Vec<u8>,
}

impl Verdict {
    /// A verdict without offending octets.
    pub(crate) fn new(
        outcome: Outcome,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self { outcome, expected: expected.into(), got: got.into(), offending: Vec::new() }
    }

    pub(crate) fn pass(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::new(Outcome::Pass, expected, got)
    }

    pub(crate) fn warn(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::new(Outcome::Warn, expected, got)
    }

    pub(crate) fn fail(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::new(Outcome::Fail, expected, got)
    }

    /// Adds the octets that offend.
    #[must_use]
    pub(crate) fn with(mut self, offending: &[u8]) -> Self {
        /// Enough to see what is wrong; the trace has the rest.
        const MAX: usize = 256;
        self.offending = offending[..offending.len().min(MAX)].to_vec();
        self
    }

    /// Puts `what` in front of what came: which variant, which connection.
    #[must_use]
    pub(crate) fn at(mut self, what: &str) -> Self {
        self.got = format!("{what}: {}", self.got);
        self
    }

    /// The worse of two; of equals, the first.
    #[must_use]
    pub(crate) fn worse(self, other: Self) -> Self {
        if other.outcome > self.outcome { other } else { self }
    }
}

/// How strongly a rule binds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// No rule: a measurement.
    Info,
    /// Both ways conform; which one is worth knowing.
    May,
    /// No RFC asks for it, but a server on the open internet needs it.
    Hardening,
    /// RFC "SHOULD".
    Should,
    /// RFC "MUST", or grammar that is unsafe to accept broken.
    Must,
}

impl Strength {
    /// Every strength, from weakest to strongest.
    pub const ALL: [Self; 5] = [Self::Info, Self::May, Self::Hardening, Self::Should, Self::Must];

    /// The word that catalogues and reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::May => "may",
            Self::Hardening => "hardening",
            Self::Should => "should",
            Self::Must => "must",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_verdict_stands() {
        let pass = Verdict::pass("a", "b");
        let fail = Verdict::fail("c", "d").with(b"x");
        assert_eq!(pass.clone().worse(fail.clone()), fail);
        assert_eq!(fail.clone().worse(pass), fail);
        assert_eq!(fail.at("octet 3").got, "octet 3: d");
    }
}
