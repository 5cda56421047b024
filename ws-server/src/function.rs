//! The plain form of a handler: an async function over a receiver and a sender.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::thread;

use seawall_actor::{Address, Context, Mailbox, WeakAddress};
use seawall_codec::ws::CloseCode;
use seawall_http_server::Request;

use crate::{Accept, Closed, Handler, Message, Reject, Sender};

/// How many messages wait between a connection and its function. One: it may be 16 MiB long.
const BOUND: usize = 1;

/// The handler of [`WebSocket::from_fn`](crate::WebSocket::from_fn): hands messages on to a
/// function that runs in an actor of its own.
pub struct Function<G> {
    function: Arc<G>,
    address: Option<Address<OwnedMessage>>,
    closed: Arc<OnceLock<Closed>>,
}

impl<G> Function<G> {
    pub(crate) fn new(function: Arc<G>) -> Self {
        Self { function, address: None, closed: Arc::default() }
    }
}

impl<G, Fut> Handler for Function<G>
where
    G: Fn(Receiver, Sender) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        let function = Arc::clone(&self.function);
        let closed = Arc::clone(&self.closed);
        let target = request.target().into();
        let end = End { sender: sender.clone(), code: CloseCode::GOING_AWAY };
        let actor = request.scope().actor().mailbox(BOUND);
        let actor = actor.label(format!("function of {}", request.peer_addr()));
        self.address = Some(actor.spawn(move |mailbox, context: Context| {
            let receiver = Receiver { mailbox, target, closed };
            let running = function(receiver, end.sender.clone());
            async move {
                let mut end = end;
                running.await;
                if !context.is_stopping() {
                    end.code = CloseCode::NORMAL;
                }
            }
        }));
        Ok(Accept::new())
    }

    async fn on_message(&mut self, message: Message<'_>, _: &Sender) {
        if let Some(address) = &self.address {
            let _ = address.send(message.into()).await; // an error: it has returned, and `End` closes
        }
    }

    async fn on_close(&mut self, closed: &Closed) {
        let _ = self.closed.set(closed.clone()); // called once
        let Some(address) = self.address.take() else { return };
        let ended = address.monitor();
        let mut survivor = Survivor(Some(address.downgrade()));
        drop(address); // what waits can still be received, then there is nothing more
        ended.exited().await;
        survivor.0 = None;
    }
}

impl<G> fmt::Debug for Function<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A function whose connection has ended. It is killed unless it is waited for to its end.
struct Survivor(Option<WeakAddress<OwnedMessage>>);

impl Drop for Survivor {
    fn drop(&mut self) {
        if let Some(address) = &self.0 {
            address.kill();
        }
    }
}

/// Closes the connection when its function ends, however it does.
struct End {
    sender: Sender,
    code: CloseCode,
}

impl Drop for End {
    fn drop(&mut self) {
        if thread::panicking() {
            self.sender.close(CloseCode::INTERNAL_ERROR, "internal error");
        } else {
            self.sender.close(self.code, "");
        }
    }
}

/// Receives the messages of one client, in a function of
/// [`WebSocket::from_fn`](crate::WebSocket::from_fn).
pub struct Receiver {
    mailbox: Mailbox<OwnedMessage>,
    target: Box<str>,
    closed: Arc<OnceLock<Closed>>,
}

impl Receiver {
    /// The next message, or `None` once the connection has ended or is told to stop.
    ///
    /// Cancel safe: dropped while it waits, it has taken none.
    pub async fn recv(&mut self) -> Option<OwnedMessage> {
        self.mailbox.recv().await
    }

    /// The target of the request that the connection began with: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.get()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A message of its own: [`Message`] with the octets in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OwnedMessage {
    /// Text.
    Text(String),
    /// Octets.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_owned()),
        }
    }
}

impl<'m> From<&'m OwnedMessage> for Message<'m> {
    fn from(message: &'m OwnedMessage) -> Self {
        match message {
            OwnedMessage::Text(text) => Self::Text(text),
            OwnedMessage::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
