//! What the runtime reports: events, not logs. A hook that is absent costs nothing.

use std::sync::Arc;

use crate::{ExitReason, Panicked, catch};

/// Something that the one who runs the program may want to know.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An actor ended by a panic or an error.
    Crashed {
        /// The actor's label.
        label: &'a str,
        /// [`ExitReason::Panicked`] or [`ExitReason::Failed`].
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
}

/// A scope's event hook.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Calls the hook. A hook that panics is cut off, and loses only this event.
pub(crate) fn report(hook: Option<&Hook>, event: &Event<'_>) {
    if let Some(hook) = hook {
        let _: Result<(), Panicked> = catch(|| hook(event));
    }
}
