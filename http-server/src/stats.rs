//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Defines the counters twice: as atomics, and as the plain numbers of a snapshot.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The counters of a running server.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
        }

        /// A server's counters at one moment.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
            /// Requests that wait for a thread that may block now.
            pub blocking_queued: u64,
            /// Threads now whose blocking handler has not returned although its time was over, or
            /// its client gone.
            pub blocking_stuck: u64,
            /// Requests refused because all those threads were taken and the queue was full.
            pub blocking_refused: u64,
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)+ ..Stats::default() }
            }
        }
    };
}

counters! {
    /// Connections accepted.
    accepted,
    /// Connections open now.
    active,
    /// Connections that have ended, those that were refused included.
    closed,
    /// Connections refused at a limit.
    refused,
    /// Accepts that failed.
    accept_errors,
    /// TLS handshakes that failed or took too long.
    handshake_errors,
    /// Requests whose head was read.
    requests,
    /// Requests that broke the protocol or a limit.
    request_errors,
    /// Clients cut off because they were too slow.
    timeouts,
    /// Responses with a status of 400 to 499.
    client_errors,
    /// Responses with a status of 500 to 599.
    server_errors,
    /// Handlers and response streams that panicked.
    crashes,
    /// Connections handed over to another protocol.
    upgrades,
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
