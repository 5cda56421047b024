//! The catalogue: every case there is.
//!
//! What can be said in data is data, in `harness/catalogue/*.toml`; what acts over time or
//! on several connections is code, in the modules here.

mod audit;
mod breaches;
mod closing;
mod compression;
mod contract;
mod crash;
mod data;
mod deflate;
mod duplex;
mod floods;
mod fragmentation;
mod handshake;
mod heartbeat;
mod late;
mod limits;
mod listing;
#[cfg(test)]
mod numbers;
mod overload;
#[cfg(test)]
mod rows;
mod shutdown;
mod slow;
mod smuggling;
mod stall;
mod sweep;
mod tls;
mod utf8;
mod volume;

pub use listing::to_json;

use std::future::Future;
use std::rc::Rc;

use crate::case::{Case, Family, LocalFuture};
use crate::context::Context;
use crate::explain::Exchange;
use crate::route::Route;
use crate::verdict::{Strength, Verdict};

/// Every case, in the order of reports.
///
/// # Panics
///
/// If the catalogue in this crate is broken, which its tests rule out.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut cases = data::http_cases();
    cases.extend(late::cases());
    cases.extend(limits::cases());
    cases.extend(sweep::cases());
    cases.extend(smuggling::cases());
    cases.extend(contract::http_cases());
    cases.extend(data::websocket_cases());
    cases.extend(handshake::cases());
    cases.extend(breaches::cases());
    cases.extend(floods::cases());
    cases.extend(utf8::cases());
    cases.extend(closing::cases());
    cases.extend(volume::cases());
    cases.extend(compression::cases());
    cases.extend(deflate::cases());
    cases.extend(contract::websocket_cases());
    cases.extend(crash::cases());
    cases.extend(slow::cases());
    cases.extend(stall::cases());
    cases.extend(overload::cases());
    cases.extend(shutdown::cases());
    cases.extend(heartbeat::cases());
    cases.extend(duplex::cases());
    cases.extend(fragmentation::cases());
    cases.extend(tls::cases());
    cases.extend(audit::cases());
    cases
}

/// What the action of a case comes to: a verdict, by either way.
type Judging = LocalFuture<Result<Verdict, Verdict>>;

/// A case whose action is code.
fn case<F, Fut>(family: Family, id: &str, title: &str, needs: &[Route], action: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    let action = Rc::new(action);
    Case {
        id: format!("{family}/{id}"),
        title: title.into(),
        family,
        section: String::new(),
        strength: Strength::Hardening,
        needs: needs.to_vec(),
        over_tls: false,
        exclusive: false,
        apart: false,
        exhausts: false,
        long: false,
        audits: None,
        action: Rc::new(move |cx| {
            let future = action(cx);
            Box::pin(async move { future.await.unwrap_or_else(|verdict| verdict) })
        }),
        script: Rc::new(Vec::new),
    }
}

impl Case {
    /// Where the rule stands, and how strongly it binds.
    fn rule(self, section: &str, strength: Strength) -> Self {
        Self { section: section.into(), strength, ..self }
    }

    /// What it sends and accepts can be shown.
    fn shown_by(self, script: impl Fn() -> Vec<Exchange> + 'static) -> Self {
        Self { script: Rc::new(script), ..self }
    }

    /// It needs a URL over TLS.
    fn over_tls(self) -> Self {
        Self { over_tls: true, ..self }
    }

    /// Nothing else may run beside it.
    fn exclusive(self) -> Self {
        Self { exclusive: true, ..self }
    }

    /// It starts a subject of its own, or has the one there is to itself.
    fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    /// It uses up what a server has.
    fn exhausting(self) -> Self {
        Self { exhausts: true, ..self }
    }

    /// It takes seconds even when all is well.
    fn long(self) -> Self {
        Self { long: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_begin_with_their_family() {
        let cases = all();
        let ids: BTreeSet<&str> = cases.iter().map(|case| &case.id[..]).collect();
        assert_eq!(ids.len(), cases.len());
        for case in &cases {
            assert!(case.id.starts_with(&format!("{}/", case.family)), "{}", case.id);
            assert!(!case.title.is_empty() && !case.section.is_empty(), "{} lacks words", case.id);
            assert!(!case.needs.is_empty(), "{} needs nothing?", case.id);
        }
    }

    #[test]
    fn every_family_has_cases() {
        let families: BTreeSet<Family> = all().iter().map(|case| case.family).collect();
        assert_eq!(families.len(), Family::ALL.len());
    }
}
