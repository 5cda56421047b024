//! Content that is made while it is sent.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_channel::{Receiver, Sender, bounded};
use futures_lite::Stream;
use seawall_actor::{ExitReason, Outcome, Panicked, isolate};

use crate::map::map;

/// Sends a response's content piece by piece.
#[derive(Debug)]
pub struct BodySender {
    pieces: Sender<Piece>,
    /// Closed once the client has left.
    gone: Receiver<Infallible>,
}

/// What a producer sends.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Not empty.
    Data(Vec<u8>),
    Trailer(Cow<'static, str>, Cow<'static, str>),
}

impl BodySender {
    /// Sends a piece, and waits while the client is behind. An empty piece is nothing.
    ///
    /// # Errors
    ///
    /// [`ClientGone`] if nobody will read it any more.
    pub async fn send(&mut self, piece: impl Into<Vec<u8>>) -> Result<(), ClientGone> {
        let piece = piece.into();
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(Piece::Data(piece)).await.map_err(|_| ClientGone)
    }

    /// Sends a field behind the content, a checksum for instance. Those who speak HTTP/1.0, or do
    /// not look for it, never see it (RFC 9110 §6.5). Fields that frame or route a message, or
    /// that say how its content is to be read, must not come so late: one of them cuts the content
    /// off, as a failure of the producer does.
    ///
    /// # Errors
    ///
    /// [`ClientGone`] if nobody will read it any more.
    pub async fn trailer(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Result<(), ClientGone> {
        let trailer = Piece::Trailer(name.into(), value.into());
        self.pieces.send(trailer).await.map_err(|_| ClientGone)
    }

    /// Waits until the client has closed its connection, or at least its sending side, which from
    /// here looks the same. Who has closed only that still reads; what is sent may get through.
    pub async fn gone(&self) {
        let _ = self.gone.recv().await;
    }
}

/// The client left, or wants no content.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the client reads no more")]
pub struct ClientGone;

/// Runs the code that makes the content, inside the connection's actor.
pub(crate) struct Producer {
    /// `None` once it has returned.
    running: Option<Running>,
    pieces: Pin<Box<Receiver<Piece>>>,
    /// Dropped once the client has left.
    present: Option<Sender<Infallible>>,
    /// Why the content will be cut off.
    failure: Option<ExitReason>,
}

type Running = Pin<Box<dyn Future<Output = Result<ExitReason, Panicked>> + Send>>;

impl Producer {
    pub(crate) fn new<F, Fut>(produce: F) -> Self
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        // One piece waits while the one before it is written: the producer works ahead by one,
        // and a client that does not read stops it.
        let (sender, pieces) = bounded(1);
        let (present, gone) = bounded(1);
        let sender = BodySender { pieces: sender, gone };
        let running = isolate(map(produce(sender), Outcome::into_reason));
        Self {
            running: Some(Box::pin(running)),
            pieces: Box::pin(pieces),
            present: Some(present),
            failure: None,
        }
    }

    /// Lets the producer know that the client has left.
    pub(crate) fn client_left(&mut self) {
        self.present = None;
    }

    /// Lets the producer run for the first time. Tells why it failed if it has done so before it
    /// sent anything: then there is still time for another response.
    pub(crate) fn poll_start(&mut self, cx: &mut Context<'_>) -> Option<ExitReason> {
        self.poll_running(cx);
        if self.pieces.is_empty() { self.failure.take() } else { None }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) {
        if let Some(running) = &mut self.running
            && let Poll::Ready(ended) = running.as_mut().poll(cx)
        {
            self.running = None;
            self.failure = match ended {
                Ok(reason) => Some(reason).filter(ExitReason::is_abnormal),
                Err(Panicked(text)) => Some(ExitReason::Panicked(text)),
            };
        }
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Why the content was cut off.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Piece>, ExitReason>> {
        self.poll_running(cx);
        // What was sent before a failure was sent.
        match self.pieces.as_mut().poll_next(cx) {
            Poll::Ready(Some(piece)) => Poll::Ready(Ok(Some(piece))),
            // A sender that outlives its producer may still send; after a failure nobody waits.
            Poll::Ready(None) | Poll::Pending if self.failure.is_some() => {
                Poll::Ready(Err(self.failure.take().unwrap_or(ExitReason::Killed)))
            }
            Poll::Ready(None) if self.running.is_none() => Poll::Ready(Ok(None)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
