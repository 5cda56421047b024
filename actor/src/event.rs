//! What the runtime reports: events, not logs. A hook that is absent costs one look at a pointer.

use std::sync::Arc;
use std::time::Duration;

use crate::{ActorId, ExitReason, Panicked, catch};

/// Something that the one who runs the program may want to know.
///
/// An actor's life is `Spawned`, `Started`, `Ended`, in this order. The hook is called by who
/// caused the event, in its own thread and turn: it must not block.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An actor was spawned; nothing of it has run yet.
    Spawned {
        /// The actor.
        id: ActorId,
        /// Its label.
        label: &'a str,
    },
    /// An actor has its first turn. Not reported of one that ends before it.
    Started {
        /// The actor.
        id: ActorId,
        /// Its label.
        label: &'a str,
    },
    /// A sender found an actor's mailbox full. Not reported again before the mailbox has been half
    /// empty.
    MailboxFull {
        /// The actor that falls behind.
        id: ActorId,
        /// Its label.
        label: &'a str,
        /// How many messages wait.
        bound: usize,
    },
    /// An actor was told to die at its next await point, by [`Address::kill`](crate::Address::kill)
    /// or because it did not stop by its deadline.
    Killed {
        /// The actor, which may still hold its thread.
        id: ActorId,
        /// Its label.
        label: &'a str,
    },
    /// An actor ended by a panic or an error of its own.
    Crashed {
        /// The actor's label.
        label: &'a str,
        /// [`ExitReason::Panicked`] or [`ExitReason::Failed`].
        reason: &'a ExitReason,
    },
    /// An actor ended, in whatever way. Reported once its names are free, and before anyone hears
    /// of its end.
    Ended {
        /// The actor.
        id: ActorId,
        /// Its label.
        label: &'a str,
        /// Why it ended.
        reason: &'a ExitReason,
    },
    /// A supervisor starts a child again.
    Restarted {
        /// The child's label.
        label: &'a str,
        /// Why it had ended.
        reason: &'a ExitReason,
    },
    /// A supervisor had to restart its children more often than its intensity allows, and ends.
    GaveUp {
        /// The supervisor's label.
        label: &'a str,
        /// Why the last child ended.
        reason: &'a ExitReason,
    },
    /// An actor has kept its worker without a pause for so long that a spare thread took the
    /// worker's place: it blocks, or computes without an await.
    Stalled {
        /// The actor.
        id: ActorId,
        /// The actor's label.
        label: &'a str,
        /// [`Builder::stall_after`](crate::Builder::stall_after).
        after: Duration,
    },
    /// A stalled actor let go of its thread.
    Recovered {
        /// The actor.
        id: ActorId,
        /// The actor's label.
        label: &'a str,
        /// For how long it had kept the thread.
        lasted: Duration,
    },
    /// A spare thread is needed, and there are as many as there may be, or as the system gives.
    /// Told once, until one can be had again.
    ThreadsExhausted {
        /// How many there are.
        threads: usize,
    },
}

/// An event hook, shared by the actors of a scope; boxed, so that it takes one word of each.
pub(crate) type Hook = Arc<HookFn>;

pub(crate) struct HookFn(Box<dyn Fn(&Event<'_>) + Send + Sync>);

pub(crate) fn hook(hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Hook {
    Arc::new(HookFn(Box::new(hook)))
}

/// Calls the hook. A hook that panics is cut off, and loses only this event.
pub(crate) fn report(hook: Option<&Hook>, event: &Event<'_>) {
    if let Some(hook) = hook {
        let _: Result<(), Panicked> = catch(|| (hook.0)(event));
    }
}
