//! A connection that leaves HTTP for another protocol (RFC 9110 §7.8).

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{self, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use seawall_actor::net::TcpStream;
use seawall_actor::{ExitReason, Outcome};
use seawall_tls::Stream;

use crate::Context;
use crate::map::map;

/// A connection after its 101: the transport, and the octets that came with the request's head.
///
/// Reading gives those octets first.
pub struct Upgraded {
    /// `None` if the 101 did not get through: then reading and writing fail.
    stream: Option<Box<dyn Transport>>,
    /// What was read beyond the head and not yet handed on. Boxed: seldom anything is.
    #[expect(clippy::box_collection, reason = "two words less for each connection without it")]
    unread: Option<Box<Vec<u8>>>,
}

/// What a connection runs over.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes the end of this connection a reset: the client is not to take what it got for all.
    fn abort(&self);
}

impl Transport for Stream<TcpStream> {
    fn abort(&self) {
        // If the system refuses, an end in the middle of a message still tells most clients.
        let _ = self.get_ref().reset_when_dropped();
    }
}

impl Upgraded {
    pub(crate) fn new(stream: Option<Box<dyn Transport>>, unread: Vec<u8>) -> Self {
        let unread = (!unread.is_empty()).then(|| Box::new(unread));
        Self { stream, unread }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut dyn Transport>> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok(Pin::new(&mut **stream))
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let stream = this.stream.as_mut().ok_or(io::ErrorKind::ConnectionAborted)?;
        let Some(unread) = &mut this.unread else {
            return Pin::new(&mut **stream).poll_read(cx, buf);
        };
        let len = unread.len().min(buf.len());
        buf[..len].copy_from_slice(&unread[..len]);
        unread.drain(..len);
        if unread.is_empty() {
            this.unread = None;
        }
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_close(cx)
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

/// What drives the connection after its 101.
pub(crate) struct Takeover(Box<dyn FnOnce(Upgraded, Context) -> Driven + Send>);

/// The rest of the connection's life, in the same actor.
pub(crate) type Driven = Pin<Box<dyn Future<Output = ExitReason> + Send>>;

impl Takeover {
    pub(crate) fn new<F, Fut>(takeover: F) -> Self
    where
        F: FnOnce(Upgraded, Context) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        Self(Box::new(|upgraded, context| {
            Box::pin(map(takeover(upgraded, context), Outcome::into_reason))
        }))
    }

    pub(crate) fn call(self, upgraded: Upgraded, context: Context) -> Driven {
        (self.0)(upgraded, context)
    }
}
