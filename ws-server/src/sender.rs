//! Sending to one client, or to its handler, from anywhere.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use seawall_actor as actor;
use seawall_codec::ws::CloseCode;

use crate::Message;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::room::Refused;
use crate::websocket::Config;

/// One connection, seen from anywhere: sends to its client, and messages of type `I` to its
/// handler. Cheap to clone, usable from any actor and any thread, also while the client is silent.
///
/// Messages of one sender arrive in order and whole. Nobody can send a message of type `I` to a
/// handler that knows none: `I` has no values then.
pub struct Sender<I = Infallible> {
    pub(crate) ends: Arc<Ends<I>>,
}

/// The two queues of a connection: to its client, and to its handler.
pub(crate) struct Ends<I> {
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox<I>,
}

impl<I> Ends<I> {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self { outbox: Outbox::new(config), inbox: Inbox::new() }
    }
}

impl<I> Sender<I> {
    /// Sends a message. If too much waits for the client already, this waits too, or the message
    /// meets what [`Overflow`](crate::Overflow) says.
    ///
    /// Cancel safe: dropped while it waits, it has sent nothing; once it is ready, the message waits
    /// for the client, once.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the connection is closing or closed.
    pub async fn send(&self, message: impl Into<Message<'_>>) -> Result<(), SendError> {
        self.outbox().push(message.into()).await.map_err(|()| SendError)
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] if too much waits for the client already, or the message was dropped
    /// for that; [`TrySendError::Closed`] if the connection is closing or closed.
    pub fn try_send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), TrySendError> {
        Ok(self.outbox().try_push(message.into())?)
    }

    /// Sends a Ping, besides those of the heartbeat; its Pong comes to
    /// [`Handler::on_pong`](crate::Handler::on_pong). The payload is cut off after 125 octets.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn ping(&self, payload: impl AsRef<[u8]>) -> Result<(), TrySendError> {
        Ok(self.outbox().try_push_ping(payload.as_ref())?)
    }

    /// Sends a message to the connection's handler, and waits while too many wait there already.
    /// It comes to [`Handler::on_info`](crate::Handler::on_info).
    ///
    /// A handler that waits here for itself waits for ever: in a callback,
    /// [`try_tell`](Self::try_tell) is the one to use.
    ///
    /// Dropped while it waits, it has told nothing, and the message is dropped with it. Who wants to
    /// keep it uses [`try_tell`](Self::try_tell), which gives it back.
    ///
    /// # Errors
    ///
    /// Gives the message back if the connection is closing or closed.
    pub async fn tell(&self, info: I) -> Result<(), actor::SendError<I>> {
        let mut unsent = match self.try_tell(info) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        loop {
            let listener = match unsent {
                actor::TrySendError::Closed(info) => return Err(actor::SendError(info)),
                actor::TrySendError::Full(_) => self.outbox().changed.listen(),
            };
            // Room may have come between the refusal and `listen`.
            match self.try_tell(unsent.into_inner()) {
                Ok(()) => return Ok(()),
                Err(error) => unsent = error,
            }
            if matches!(unsent, actor::TrySendError::Full(_)) {
                listener.await;
            }
        }
    }

    /// Sends a message to the connection's handler if there is room for it now.
    ///
    /// # Errors
    ///
    /// Gives the message back, if too many wait already or the connection is closing or closed.
    pub fn try_tell(&self, info: I) -> Result<(), actor::TrySendError<I>> {
        if self.is_closed() {
            return Err(actor::TrySendError::Closed(info));
        }
        self.ends.inbox.try_push(info, self.outbox().max_infos())?;
        self.outbox().informed();
        Ok(())
    }

    /// Closes the connection: what was sent before leaves, then a Close with this code and reason,
    /// which is cut off after 123 octets. Nothing can be sent afterwards.
    pub fn close(&self, code: CloseCode, reason: impl Into<String>) {
        self.outbox().request_close(code, reason.into());
    }

    /// Whether the connection is closing or closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.outbox().is_closed()
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.ends.outbox
    }
}

impl<I> Clone for Sender<I> {
    fn clone(&self) -> Self {
        Self { ends: Arc::clone(&self.ends) }
    }
}

impl<I> fmt::Debug for Sender<I> {
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

impl From<Refused> for TrySendError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full | Refused::Dropped => Self::Full,
            Refused::Closed => Self::Closed,
        }
    }
}
