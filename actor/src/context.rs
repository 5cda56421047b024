//! What an actor knows about itself, and its ties to others.

use std::fmt;
use std::sync::Arc;

use crate::life::{Core, erase};
use crate::{ActorId, Address, ExitReason, Reference, Scope, relations};

/// What an actor knows about itself: its label, its scope, and whether it is told to stop; and
/// what it says about others: links, monitors, exit signals. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(crate) core: Arc<Core>,
    pub(crate) scope: Scope,
}

impl Context {
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

    /// The scope in which the actor lives; more actors can be spawned beside it.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the actor is told to stop.
    ///
    /// Its task is woken when it is: a future of its own that looks here whenever it is polled
    /// needs no [`stopping`](Self::stopping), which holds some hundred bytes while it waits.
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

    /// Links this actor with another one, both ways; a second link between the two is the first.
    ///
    /// When one of them ends, the other ends with the same reason, unless that is *normal* or the
    /// other [traps exits](Self::trap_exit). A link to an actor that has ended acts at once, with
    /// the reason *noproc*, which is not *normal*.
    /// [`Spawn::spawn_link`](crate::Spawn::spawn_link) leaves no moment without the link.
    pub fn link<M: Send + 'static>(&self, other: &Address<M>) {
        relations::link(&self.core, &erase(&other.core));
    }

    /// Takes the link away again, for both. An exit that was heard before stays heard.
    pub fn unlink<M: Send + 'static>(&self, other: &Address<M>) {
        relations::unlink(&self.core, &erase(&other.core));
    }

    /// The actors that this one is linked with.
    #[must_use]
    pub fn links(&self) -> Vec<ActorId> {
        relations::links(&self.core)
    }

    /// Whether exit signals, of links and of [`exit`](Self::exit), are heard as
    /// [`Signal::Exit`](crate::Signal::Exit) instead of ending this actor. Off at first.
    pub fn trap_exit(&self, trap: bool) {
        self.core.state().relations().traps = trap;
    }

    /// Monitors another actor: when it ends, this one hears [`Signal::Down`](crate::Signal::Down)
    /// with the returned reference; at once, and with the reason *noproc*, if it has ended already.
    /// Every monitor counts.
    ///
    /// To await an end without a mailbox there is [`Address::monitor`].
    #[must_use = "the reference tells which monitor it was"]
    pub fn monitor<M: Send + 'static>(&self, other: &Address<M>) -> Reference {
        relations::monitor(&self.core, &erase(&other.core))
    }

    /// Takes a monitor away. Its signal is not heard from here on, even if it waits already.
    pub fn demonitor(&self, reference: Reference) {
        relations::demonitor(&self.core, reference);
    }

    /// Sends an exit signal: `other` ends with this reason, unless it traps exits and hears it, or
    /// the reason is *normal*. [`Address::kill`] is what cannot be trapped.
    pub fn exit<M: Send + 'static>(&self, other: &Address<M>, reason: &ExitReason) {
        relations::exit(&erase(&other.core), self.core.id, reason);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("label", &self.label()).finish_non_exhaustive()
    }
}
