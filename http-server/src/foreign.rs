//! Connections that somebody else has accepted, over streams of theirs.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use seawall_actor::{Address, Context, ExitReason, Mailbox, Scope};

use crate::server::Shared;
use crate::serving::Serving;
use crate::upgrade::Transport;
use crate::{connection, refusal};

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(
    scope: Scope,
    shared: Arc<Shared>,
    stream: S,
    peer: SocketAddr,
) -> ExitReason
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let permit = shared.connections.acquire_arc().await;
    shared.counters.accepted.add();
    let Some(seat) = shared.seat(peer, permit) else {
        shared.refuse(peer);
        refusal::turn_away(stream).await;
        return ExitReason::Normal;
    };
    let actor = scope.actor().label(connection::label(peer)).mailbox(1);
    let address = actor.spawn(|_: Mailbox<Infallible>, context: Context| {
        let speaking = connection::speak(Foreign { stream }, None, peer, shared, context);
        Serving::speak(speaking, seat)
    });
    let ending = KillOnDrop(address);
    ending.0.monitor().exited().await
}

/// Ends the actor when nobody waits for it any more.
struct KillOnDrop(Address<Infallible>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

pin_project! {
    /// A stream of which nothing is known but that it reads and writes.
    struct Foreign<S> {
        #[pin]
        stream: S,
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for Foreign<S> {
    /// Being dropped without a close is all that can be done.
    fn abort(&self) {}
}

impl<S: AsyncRead> AsyncRead for Foreign<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_read(cx, buf)
    }
}

impl<S: AsyncWrite> AsyncWrite for Foreign<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_close(cx)
    }
}
