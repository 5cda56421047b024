//! Awaiting an actor's end from anywhere.

use std::fmt;
use std::sync::Arc;

use crate::life::Core;
use crate::{ActorId, ExitReason};

/// Watches one actor: it learns the exit reason, also when the actor is long gone.
///
/// Cheap to clone. Watching keeps no mailbox open and no actor alive.
#[derive(Clone)]
pub struct Monitor {
    pub(crate) core: Arc<Core>,
}

impl Monitor {
    /// Waits until the actor has ended, and tells why.
    pub async fn exited(&self) -> ExitReason {
        self.core.exited().await
    }

    /// Why the actor ended, or `None` while it lives.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.core.exit_reason()
    }

    /// The actor's id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.core.id
    }

    /// The actor's label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.core.label()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Monitor").field(&self.label()).finish()
    }
}
