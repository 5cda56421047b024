//! Handlers that hang, sleep or compute: they end when promised, and take no capacity away for good.
//!
//! H-05. Each case has a subject of its own where it can: one that loses its workers for good would lose them for other
//! cases, too.

mod deadline;

use super::case;
use crate::case::Case;
use crate::context::Context;
use crate::verdict::{Outcome, Strength, Verdict};

pub(super) fn cases() -> Vec<Case> {
    let ruled =
        |case: Case| case.rule("RFC 9110 §15.6.4", Strength::Hardening).apart().exhausting().long();
    deadline::cases().into_iter().map(ruled).collect()
}

fn skip(needed: &str, why: impl Into<String>) -> Verdict {
    Verdict::new(Outcome::Skip, needed, why)
}
