//! Sending to one client, from anywhere.

use std::fmt;
use std::sync::Arc;

use seawall_codec::ws::{CloseCode, Kind};

use crate::Message;
use crate::outbox::{Outbox, Refused};

/// Sends to one client. Cheap to clone, usable from any actor and any thread, also while the
/// client is silent. Messages of one sender arrive in order and whole.
#[derive(Clone)]
pub struct Sender {
    pub(crate) outbox: Arc<Outbox>,
}

impl Sender {
    /// Sends a message, and waits while too much waits for the client already.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the connection is closing or closed.
    pub async fn send(&self, message: impl Into<Message<'_>>) -> Result<(), SendError> {
        let message = message.into();
        self.outbox.push(kind(message), message.as_bytes()).await.map_err(|()| SendError)
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] if too much waits for the client already, [`TrySendError::Closed`] if
    /// the connection is closing or closed.
    pub fn try_send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), TrySendError> {
        let message = message.into();
        self.outbox.try_push(kind(message), message.as_bytes()).map_err(|refused| match refused {
            Refused::Full => TrySendError::Full,
            Refused::Closed => TrySendError::Closed,
        })
    }

    /// Closes the connection: what was sent before leaves, then a Close with this code and reason,
    /// which is cut off after 123 octets. Nothing can be sent afterwards.
    pub fn close(&self, code: CloseCode, reason: impl Into<String>) {
        self.outbox.request_close(code, reason.into());
    }

    /// Whether the connection is closing or closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.outbox.is_closed()
    }
}

fn kind(message: Message<'_>) -> Kind {
    match message {
        Message::Text(_) => Kind::Text,
        Message::Binary(_) => Kind::Binary,
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The connection is closing or closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the connection is closing or closed")]
pub struct SendError;

/// The message could not be sent now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrySendError {
    /// Too much waits for the client already.
    #[error("too much waits for the client already")]
    Full,
    /// The connection is closing or closed.
    #[error("the connection is closing or closed")]
    Closed,
}
