//! What an actor hears besides messages: that another one ended.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{ActorId, ExitReason};

/// What an actor hears besides messages, in [`Mailbox::next`](crate::Mailbox::next).
///
/// Signals have a lane of their own, which never counts against the mailbox's bound: a full
/// mailbox delays none of them. The order of what one sender sends is kept in each lane, not
/// between the two: the news of an actor's end may be heard before the last messages it sent.
#[derive(Clone, Debug)]
pub enum Signal {
    /// A monitored actor ended; [`Context::monitor`](crate::Context::monitor).
    Down {
        /// The monitor, which is spent.
        reference: Reference,
        /// The actor that ended.
        from: ActorId,
        /// Why it ended.
        reason: ExitReason,
    },
    /// A linked actor ended, or an actor sent an exit signal; heard by those that
    /// [trap exits](crate::Context::trap_exit).
    Exit {
        /// The actor that ended, or sent the signal.
        from: ActorId,
        /// Why it ended, or the reason that it sent.
        reason: ExitReason,
    },
}

/// Which monitor or timer; never given twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference(u64);

impl Reference {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ref {}", self.0)
    }
}
