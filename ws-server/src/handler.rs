//! What the application implements, and what it is told.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::time::Duration;

use seawall_codec::ws::CloseCode;
use seawall_http_server::Request;

use crate::{Accept, Reject, Sender};

/// One connection's application code. A value of it lives as long as its connection.
///
/// The callbacks run inside the connection's actor, one after the other. While one waits, what
/// others send still leaves, and the client's end is noticed, unless it lies behind more than a
/// read buffer (16 KiB) of what it has said. Nothing else is heard of the client: its Pings are
/// answered, and the heartbeat goes on, when the callback has returned. If one panics, the client
/// gets Close 1011, [`on_close`](Self::on_close) is called, and no other connection notices.
///
/// When the connection is to be closed while a callback runs, the client hears so at once. A
/// callback that has not returned when [`Timeouts::close`](crate::Timeouts::close) has passed
/// since then, or since the client left, is dropped at its await point.
///
/// # Messages of the application's own
///
/// `I` is what others may send to this handler by [`Sender::tell`]: from actors, threads, other
/// connections. It is a type of the application's, so nothing that a client sends can be taken for
/// it.
///
/// ```
/// use seawall_http_server::Request;
/// use seawall_ws_server::{Accept, Handler, Message, Reject, Sender};
///
/// enum Tick {
///     Price(u64),
///     MarketClosed,
/// }
///
/// struct Ticker;
///
/// impl Handler<Tick> for Ticker {
///     async fn on_connect(
///         &mut self,
///         request: &Request,
///         sender: &Sender<Tick>,
///     ) -> Result<Accept, Reject> {
///         let sender = sender.clone();
///         std::thread::spawn(move || {
///             let _ = sender.try_tell(Tick::Price(100));
///             let _ = sender.try_tell(Tick::MarketClosed);
///         });
///         Ok(Accept::new())
///     }
///
///     async fn on_message(&mut self, _: Message<'_>, _: &Sender<Tick>) {}
///
///     async fn on_info(&mut self, tick: Tick, sender: &Sender<Tick>) {
///         let _ = match tick {
///             Tick::Price(price) => sender.send(&*price.to_string()).await,
///             Tick::MarketClosed => sender.send("closed").await,
///         };
///     }
/// }
/// ```
pub trait Handler<I: Send + 'static = Infallible>: Send + 'static {
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
        sender: &Sender<I>,
    ) -> impl Future<Output = Result<Accept, Reject>> + Send {
        let _ = (request, sender);
        ready(Ok(Accept::new()))
    }

    /// A message arrived.
    fn on_message(
        &mut self,
        message: Message<'_>,
        sender: &Sender<I>,
    ) -> impl Future<Output = ()> + Send;

    /// Somebody has sent this handler a message of the application's own.
    ///
    /// In the order of each sender; nothing is promised between these and the client's.
    fn on_info(&mut self, info: I, sender: &Sender<I>) -> impl Future<Output = ()> + Send {
        let _ = (info, sender);
        ready(())
    }

    /// The client sent a Ping; its Pong is queued already.
    fn on_ping(&mut self, payload: &[u8], sender: &Sender<I>) -> impl Future<Output = ()> + Send {
        let _ = (payload, sender);
        ready(())
    }

    /// The client sent a Pong: to a Ping of the heartbeat, to one of the application's, or to
    /// none.
    fn on_pong(&mut self, pong: Pong<'_>, sender: &Sender<I>) -> impl Future<Output = ()> + Send {
        let _ = (pong, sender);
        ready(())
    }

    /// There is room for messages to the client again, after there was none: for those who send by
    /// [`Sender::try_send`], and stop when it is refused.
    fn on_writable(&mut self, sender: &Sender<I>) -> impl Future<Output = ()> + Send {
        let _ = sender;
        ready(())
    }

    /// This many messages to the client were dropped since the last call, as
    /// [`Overflow`](crate::Overflow) says.
    fn on_dropped(&mut self, messages: u64, sender: &Sender<I>) -> impl Future<Output = ()> + Send {
        let _ = (messages, sender);
        ready(())
    }

    /// The connection is over. Called exactly once for each connection that was accepted, however
    /// it ends.
    ///
    /// It may take as long as a Close may ([`Timeouts::close`](crate::Timeouts::close)); then it is
    /// dropped at its await point, and the connection has failed.
    ///
    /// Where the connection's actor is killed, because a shutdown took too long, the callback is
    /// called too, but nobody can wait for it any more: it runs up to its first await that is not
    /// ready at once.
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

/// A Pong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pong<'p> {
    /// Its payload: what the Ping that it answers carried.
    pub payload: &'p [u8],
    /// How long the client took, if this answers the heartbeat's Ping that was out: time in which
    /// a callback ran, and nothing was read, does not count. Each Ping carries four random octets,
    /// so nobody can answer early.
    pub round_trip: Option<Duration>,
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
    /// broke the protocol or was silent. Or the shutdown took too long, and killed the actor.
    Server,
    /// Nobody: the connection was lost.
    Loss,
}
