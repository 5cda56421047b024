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
