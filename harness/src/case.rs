//! A case: one question to the subject.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::audit::Rule;
use crate::context::Context;
use crate::explain::Exchange;
use crate::filter;
use crate::route::Route;
use crate::verdict::{Strength, Verdict};

/// What a case is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// HTTP/1.1 conformance.
    Http,
    /// WebSocket conformance.
    Ws,
    /// A panic stays where it happened.
    Crash,
    /// Clients that send or read slowly harm nobody.
    Slow,
    /// Handlers that hang, sleep or compute for long.
    Stall,
    /// More clients than there is room for.
    Overload,
    /// Told to stop: what was begun is finished, and the process ends.
    Shutdown,
    /// Clients that are still there stay, and those that are gone are found out.
    Heartbeat,
    /// Both sides send at once, and neither waits for the other.
    Duplex,
    /// How octets are cut into segments makes no difference.
    Fragmentation,
    /// Handshakes that go wrong harm nobody, and connections end in order.
    Tls,
    /// What the subject sends in every case.
    Audit,
}

impl Family {
    /// Every family, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Http,
        Self::Ws,
        Self::Crash,
        Self::Slow,
        Self::Stall,
        Self::Overload,
        Self::Shutdown,
        Self::Heartbeat,
        Self::Duplex,
        Self::Fragmentation,
        Self::Tls,
        Self::Audit,
    ];

    /// The first part of its cases' ids.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Ws => "ws",
            Self::Crash => "crash",
            Self::Slow => "slow",
            Self::Stall => "stall",
            Self::Overload => "overload",
            Self::Shutdown => "shutdown",
            Self::Heartbeat => "heartbeat",
            Self::Duplex => "duplex",
            Self::Fragmentation => "fragmentation",
            Self::Tls => "tls",
            Self::Audit => "audit",
        }
    }

    /// What it is about, for headings.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Http => "HTTP conformance",
            Self::Ws => "WebSocket conformance",
            Self::Crash => "crash isolation",
            Self::Slow => "slow clients",
            Self::Stall => "stalled handlers",
            Self::Overload => "overload",
            Self::Shutdown => "shutdown",
            Self::Heartbeat => "heartbeat",
            Self::Duplex => "duplex",
            Self::Fragmentation => "fragmentation",
            Self::Tls => "TLS",
            Self::Audit => "audit of all answers",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A future that runs on the harness's own thread.
pub(crate) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The part of a case that acts and judges.
pub(crate) type Action = Rc<dyn Fn(Context) -> LocalFuture<Verdict>>;

/// One question to the subject, and how to judge its answer.
#[derive(Clone)]
pub struct Case {
    /// Stable, and unique in the catalogue: `ws/5.6`, `http/CL-04`.
    pub id: String,
    /// What is tried, in a few words.
    pub title: String,
    /// What it is about.
    pub family: Family,
    /// Where the rule stands: `RFC 9112 §6.3`, or the requirement behind it.
    pub section: String,
    /// How strongly the rule binds.
    pub strength: Strength,
    /// The routes without which it cannot run.
    pub needs: Vec<Route>,
    /// Whether it needs a URL over TLS.
    pub over_tls: bool,
    /// Whether nothing else may run beside it.
    pub exclusive: bool,
    /// Whether it has a subject of its own where another can be started; elsewhere nothing may run beside it.
    pub apart: bool,
    /// Whether it uses up what a server has, and so harms one that others need.
    pub exhausts: bool,
    /// Whether it takes seconds even when all is well; such cases start first.
    pub long: bool,
    /// The rule that it answers for: what the audit found in any case is its verdict.
    pub(crate) audits: Option<Rule>,
    pub(crate) action: Action,
    /// What [`Case::script`] shows.
    pub(crate) script: Rc<dyn Fn() -> Vec<Exchange>>,
}

impl Case {
    /// The part of the id behind the family: `5.6`, `CL-04`.
    #[must_use]
    pub fn short_id(&self) -> &str {
        filter::short(&self.id)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).finish_non_exhaustive()
    }
}
