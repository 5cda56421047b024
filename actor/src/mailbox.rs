//! The receiving end of an actor's queue of messages.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures_lite::future;

use crate::signal::Core;

/// How many messages wait in a mailbox unless the spawner says otherwise.
///
/// Enough to keep an actor busy while its senders wait for the CPU, little enough that a slow
/// actor is felt by its senders instead of by memory.
pub(crate) const DEFAULT_BOUND: usize = 64;

/// The receiving end of an actor's queue of messages. Bounded, and the actor's own.
pub struct Mailbox<M> {
    pub(crate) receiver: async_channel::Receiver<M>,
    pub(crate) core: Arc<Core>,
}

impl<M> Mailbox<M> {
    /// The next message, or `None` once the actor is told to stop or nobody can send any more.
    ///
    /// The stop signal goes before messages; [`try_recv`](Self::try_recv) still finds those.
    pub async fn recv(&mut self) -> Option<M> {
        let stopping = pin!(async {
            self.core.stopping().await;
            None
        });
        let message = pin!(async { self.receiver.recv().await.ok() });
        future::or(stopping, message).await
    }

    /// The next message if one waits, whether the actor is told to stop or not.
    pub fn try_recv(&mut self) -> Option<M> {
        self.receiver.try_recv().ok()
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Takes no more messages; those that wait can still be received.
    pub fn close(&mut self) {
        self.receiver.close();
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("label", &self.core.label()).finish_non_exhaustive()
    }
}
