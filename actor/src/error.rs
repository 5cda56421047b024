//! What can go wrong when a message is sent; where it was not taken, it comes back.

use std::fmt;

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

/// A call brought no answer. Where the mailbox never took the message, here it is.
#[derive(thiserror::Error)]
pub enum CallError<M> {
    /// The actor had ended before it could take the message.
    #[error("the actor has ended")]
    Closed(M),
    /// The mailbox was full until the deadline.
    #[error("the mailbox was full until the deadline")]
    Full(M),
    /// The actor ended, or let go of the [`Reply`](crate::Reply), without an answer.
    #[error("the actor let go of the call without an answer")]
    Dropped,
    /// The deadline passed before the answer came. The actor may still act on the message.
    #[error("no answer by the deadline")]
    Elapsed,
}

impl<M> CallError<M> {
    /// The message, where the mailbox never took it.
    pub fn into_inner(self) -> Option<M> {
        match self {
            Self::Closed(message) | Self::Full(message) => Some(message),
            Self::Dropped | Self::Elapsed => None,
        }
    }
}

impl<M> fmt::Debug for CallError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::Full(_) => "Full(..)",
            Self::Dropped => "Dropped",
            Self::Elapsed => "Elapsed",
        })
    }
}
