//! An actor seen from outside.

use std::fmt;
use std::sync::Arc;

use crate::Monitor;
use crate::signal::Core;

/// An actor seen from outside: the sending end of its mailbox, and its signals.
///
/// Cheap to clone, usable from any thread. Messages of one sender arrive in the order in which
/// they were sent; nothing is promised between senders.
pub struct Address<M> {
    pub(crate) sender: async_channel::Sender<M>,
    pub(crate) core: Arc<Core>,
}

impl<M> Address<M> {
    /// Sends a message, and waits while the mailbox is full.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if the actor has ended.
    pub async fn send(&self, message: M) -> Result<(), SendError<M>> {
        self.sender.send(message).await.map_err(|error| SendError(error.into_inner()))
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the message back if the mailbox is full or the actor has ended.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.sender.try_send(message).map_err(|error| match error {
            async_channel::TrySendError::Full(message) => TrySendError::Full(message),
            async_channel::TrySendError::Closed(message) => TrySendError::Closed(message),
        })
    }

    /// Whether the actor has ended, or no longer takes messages.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Asks the actor to stop. It hears this before any message still in its mailbox, and takes
    /// the time it needs.
    pub fn stop(&self) {
        self.core.stop();
    }

    /// Ends the actor at its next await point by dropping its future.
    pub fn kill(&self) {
        self.core.kill();
    }

    /// Watches the actor's end.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor { core: Arc::clone(&self.core) }
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), core: Arc::clone(&self.core) }
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.core.label()).finish()
    }
}

/// The actor has ended; here is the message.
#[derive(Clone, Copy, Eq, PartialEq, thiserror::Error)]
#[error("the actor has ended")]
pub struct SendError<M>(pub M);

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

/// The message could not be sent now; here it is.
#[derive(Clone, Copy, Eq, PartialEq, thiserror::Error)]
pub enum TrySendError<M> {
    /// The mailbox is full.
    #[error("the mailbox is full")]
    Full(M),
    /// The actor has ended.
    #[error("the actor has ended")]
    Closed(M),
}

impl<M> TrySendError<M> {
    /// The message that was not sent.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(message) | Self::Closed(message) => message,
        }
    }
}

impl<M> fmt::Debug for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}
