//! What an actor knows about itself.

use std::fmt;
use std::sync::Arc;

use crate::Scope;
use crate::signal::Core;

/// What an actor knows about itself: its label, its scope, and whether it is told to stop.
/// Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(crate) core: Arc<Core>,
    pub(crate) scope: Scope,
}

impl Context {
    /// The actor's label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.core.label()
    }

    /// The scope in which the actor lives; more actors can be spawned beside it.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the actor is told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.core.is_stopping()
    }

    /// Waits until the actor is told to stop.
    ///
    /// For actors that wait for something besides their mailbox, a socket for instance.
    pub async fn stopping(&self) {
        self.core.stopping().await;
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("label", &self.label()).finish_non_exhaustive()
    }
}
