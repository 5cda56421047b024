//! Handlers that hang, sleep or compute: they end when promised, hold up nobody, and take no capacity away for good.
//!
//! H-05, HTTP-07. More handlers stall than most servers have workers, while healthy clients ask for something that takes no
//! time. They are compared with themselves, undisturbed, in the same case: who serves none of them is at fault; how much
//! slower they fare is told. Each case has a subject of its own where it can: one that loses its workers for good would
//! lose them for other cases, too.

mod crowd;
mod crowds;
mod deadline;
mod leave;
mod victims;

use std::time::Duration;

use super::case;
use crate::case::Case;
use crate::context::Context;
use crate::verdict::{Outcome, Strength, Verdict};

/// A promise longer than this is not waited for: it is too long to be checked in every run.
const MAX_PROMISE: Duration = Duration::from_secs(15);

pub(super) fn cases() -> Vec<Case> {
    let ruled =
        |case: Case| case.rule("RFC 9110 §15.6.4", Strength::Hardening).apart().exhausting().long();
    let cases =
        deadline::cases().into_iter().chain(crowds::cases()).chain([leave::case_of_leaving()]);
    cases.map(ruled).collect()
}

fn skip(needed: &str, why: impl Into<String>) -> Verdict {
    Verdict::new(Outcome::Skip, needed, why)
}
