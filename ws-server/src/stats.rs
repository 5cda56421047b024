//! What a route counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Defines the counters twice: as atomics, and as the plain numbers of a snapshot.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The counters of a route.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
        }

        /// The counters of a route at one moment; see [`WebSocket::stats`](crate::WebSocket::stats).
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Connections that were accepted.
    accepted,
    /// Connections open now.
    active,
    /// Clients that were refused, by a handler or because of their Origin.
    rejected,
    /// Messages that had to wait for room, or were refused, under
    /// [`Overflow::Block`](crate::Overflow::Block).
    blocked,
    /// Messages dropped under [`Overflow::DropNewest`](crate::Overflow::DropNewest).
    dropped_newest,
    /// Messages dropped under [`Overflow::DropOldest`](crate::Overflow::DropOldest), or because
    /// too many keys waited.
    dropped_oldest,
    /// Messages replaced under [`Overflow::Coalesce`](crate::Overflow::Coalesce).
    coalesced,
    /// Connections closed under [`Overflow::Close`](crate::Overflow::Close).
    closed_slow,
}

/// Reads the counters of a route, whoever has the route by then. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StatsReader(pub(crate) Arc<Counters>);

impl StatsReader {
    /// The counters at this moment.
    #[must_use]
    pub fn read(&self) -> Stats {
        self.0.snapshot()
    }
}

/// One counter. Relaxed: counters order nothing.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
