//! What the application implements, and what it is told.

use std::future::{Future, ready};

use seawall_codec::ws::CloseCode;
use seawall_http_server::{Request, Status};

use crate::Sender;

/// One connection's application code. A value of it lives as long as its connection.
///
/// The callbacks run inside the connection's actor, one after the other; while one runs, nothing
/// is read from the client, and what others send still leaves. If one panics, the client gets
/// Close 1011, [`on_close`](Self::on_close) is called, and no other connection notices.
pub trait Handler: Send + 'static {
    /// A client asks for a connection: path, query and fields are in the request.
    ///
    /// What is sent here leaves right behind the handshake. The sender may be handed to others.
    ///
    /// # Errors
    ///
    /// [`Reject`] refuses the connection; then no other callback is called.
    fn on_connect(
        &mut self,
        request: &Request,
        sender: &Sender,
    ) -> impl Future<Output = Result<(), Reject>> + Send {
        let _ = (request, sender);
        ready(Ok(()))
    }

    /// A message arrived.
    fn on_message(
        &mut self,
        message: Message<'_>,
        sender: &Sender,
    ) -> impl Future<Output = ()> + Send;

    /// The connection is over. Called exactly once for each connection that was accepted, however
    /// it ends, save when its actor is killed because a shutdown took too long.
    fn on_close(&mut self, closed: &Closed) -> impl Future<Output = ()> + Send {
        let _ = closed;
        ready(())
    }
}

/// A message, lent from the buffer that it was read into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message<'m> {
    /// Text.
    Text(&'m str),
    /// Octets.
    Binary(&'m [u8]),
}

impl Message<'_> {
    /// The octets, whichever kind it is.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl<'m> From<&'m str> for Message<'m> {
    fn from(text: &'m str) -> Self {
        Self::Text(text)
    }
}

impl<'m> From<&'m [u8]> for Message<'m> {
    fn from(bytes: &'m [u8]) -> Self {
        Self::Binary(bytes)
    }
}

/// How a connection is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reject {
    /// By an HTTP status instead of 101. Browsers do not show it to their scripts.
    Status(Status),
    /// By a Close right after the 101, with code 1008 and this reason, which is cut off after 123
    /// octets. Browsers show both.
    Policy(String),
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closed {
    /// The code of the first Close frame, if there was one with a code.
    pub code: Option<CloseCode>,
    /// Its reason, usually empty.
    pub reason: String,
    /// Who ended it.
    pub by: By,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The client sent the first Close.
    Client,
    /// This side sent the first Close: the application, a shutdown, or an answer to a client that
    /// broke the protocol or was silent.
    Server,
    /// Nobody: the connection was lost.
    Loss,
}
