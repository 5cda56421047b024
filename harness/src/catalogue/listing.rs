//! The catalogue as data: what other programs, and those who choose a filter, want to know of each check.

use serde::Serialize;

use crate::case::{Case, Family};
use crate::explain::Reasons;
use crate::verdict::Strength;

/// What `harness list --json` writes.
#[derive(Serialize)]
struct Listing<'a> {
    /// The version of this form; it grows when a reader of the former could be misled.
    schema: u32,
    /// The version of the harness.
    harness: &'static str,
    /// How many checks follow.
    count: usize,
    checks: Vec<Check<'a>>,
}

/// A case, without what it does.
#[derive(Serialize)]
struct Check<'a> {
    id: &'a str,
    title: &'a str,
    family: Family,
    /// Where the rule stands.
    rule: &'a str,
    strength: Strength,
    /// Routes of the contract, and `https` where it runs over TLS alone.
    needs: Vec<&'static str>,
    /// What goes wrong where the rule is broken.
    why: String,
}

const SCHEMA: u32 = 1;

/// The cases as JSON, in their order. `docs/report.md` documents the form.
///
/// # Panics
///
/// If the catalogue in this crate is broken, which its tests rule out.
///
/// # Examples
///
/// ```
/// use seawall_harness::catalogue;
///
/// let json: serde_json::Value = serde_json::from_str(&catalogue::to_json(&catalogue::all()))?;
/// assert_eq!(json["checks"][0]["id"], "http/RL-01");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[must_use]
pub fn to_json(cases: &[Case]) -> String {
    let checks: Vec<Check<'_>> = cases.iter().map(Check::of).collect();
    let harness = env!("CARGO_PKG_VERSION");
    let listing = Listing { schema: SCHEMA, harness, count: checks.len(), checks };
    let mut json = serde_json::to_string_pretty(&listing).expect("strings and numbers only");
    json.push('\n');
    json
}

impl<'a> Check<'a> {
    fn of(case: &'a Case) -> Self {
        let routes = case.needs.iter().map(|route| route.name());
        Self {
            id: &case.id,
            title: &case.title,
            family: case.family,
            rule: &case.section,
            strength: case.strength,
            needs: routes.chain(case.over_tls.then_some("https")).collect(),
            why: Reasons::of(&case.id).why,
        }
    }
}
