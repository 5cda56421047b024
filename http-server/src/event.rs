//! What a server reports: events, not logs. A hook that is absent costs nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use seawall_actor::catch;
use seawall_codec::http::Status;

use crate::Error;

/// Something that the one who runs the server may want to know.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A handler, or the code that makes a response's content, panicked.
    Crashed {
        /// The connection's label: its role and its peer.
        label: &'a str,
        /// The panic's message.
        text: &'a str,
    },
    /// A connection ended before its time: the client broke the protocol, left or was too slow,
    /// the transport failed, or the code that makes a response's content returned an error.
    ConnectionFailed {
        /// The connection's label.
        label: &'a str,
        /// Why: an [`Error`], or what drove an upgraded connection, or made content,
        /// returned.
        error: &'a (dyn std::error::Error + Send + Sync + 'static),
    },
    /// A request is answered: its response is written, or as much of it as there will be.
    Answered {
        /// The client's address.
        peer: SocketAddr,
        /// The method as received.
        method: &'a str,
        /// The target as received; it may hold what is not for logs.
        target: &'a str,
        /// The status that was sent.
        status: Status,
        /// From the end of the request's head to the end of the response, as far as the server
        /// is concerned: the last octets may still be on their way.
        duration: Duration,
    },
    /// A request is answered whose head could not be read: by 400, 408, 414, 431 or the like. What
    /// it asked for is not known; nobody else has seen it. The connection ends, and
    /// [`ConnectionFailed`](Self::ConnectionFailed) follows.
    Rejected {
        /// The client's address.
        peer: SocketAddr,
        /// The status that was sent.
        status: Status,
        /// What was wrong.
        error: &'a Error,
    },
    /// A connection was refused at a limit.
    Refused {
        /// Who was refused.
        peer: SocketAddr,
    },
    /// Accepting failed; the server goes on, after a pause if the fault is likely to last.
    AcceptFailed {
        /// What the system said.
        error: &'a io::Error,
    },
}

/// A server's event hook.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Calls the hook. A hook that panics is cut off, and loses only this event.
pub(crate) fn report(hook: Option<&Hook>, event: &Event<'_>) {
    if let Some(hook) = hook {
        let _ = catch(|| hook(event));
    }
}
