//! Calling the handler: what goes on meanwhile, and what comes of it if it does not return.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{self, Poll};
use std::time::Instant;

use seawall_actor::{ExitReason, Panicked, isolate, time};

use crate::connection::{Connection, Due, Ended};
use crate::error::Kind;
use crate::outbox::PLENTY;

/// A connection that was lost while the handler was at work.
struct Lost {
    since: Instant,
    kind: Kind,
}

impl<I: Send + 'static> Connection<I> {
    /// Runs a callback of the handler. Output leaves meanwhile, and the client's end is noticed.
    pub(crate) async fn call(&mut self, callback: impl Future<Output = ()>) -> Option<Ended> {
        self.outbox().attend();
        // Asked for each callback: the clock is looked at only where it matters.
        let unread_since = self.heartbeat.is_waiting().then(|| self.age());
        let mut callback = pin!(isolate(callback));
        let mut lost = None;
        let outcome = poll_fn(|cx| match callback.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => self.poll_beside(&mut lost, cx).map(|()| Ok(())),
        })
        .await;
        if let Some(since) = unread_since {
            let now = self.age();
            self.heartbeat.handle_unread(since, now);
        }
        if let Err(Panicked(text)) = outcome {
            self.panicked(ExitReason::Panicked(text));
        }
        if lost.is_none() && self.outbox().take_news(PLENTY) {
            // What the client does not take now waits within its bound.
            let flushed = poll_fn(|cx| {
                Poll::Ready(match self.poll_output(cx) {
                    Poll::Ready(Err(kind)) => Some(kind),
                    Poll::Ready(Ok(())) | Poll::Pending => None,
                })
            });
            lost = flushed.await.map(|kind| Lost { since: time::now(), kind });
        }
        if let Some(Lost { kind, .. }) = lost {
            return Some(self.lost(kind));
        }
        self.heed();
        None
    }

    /// Writes what waits, and begins to close if that is asked for. Ready when the callback has
    /// had all the time that a connection which is over may still take.
    fn poll_beside(&mut self, lost: &mut Option<Lost>, cx: &mut task::Context<'_>) -> Poll<()> {
        let mut left = None;
        if lost.is_none() {
            let mut output = self.poll_output(cx);
            if self.heed() {
                output = self.poll_output(cx);
            }
            if let Poll::Ready(Err(kind)) = output {
                // The handler may wait for room that will never come.
                self.outbox().close();
                *lost = Some(Lost { since: time::now(), kind });
            } else if let Poll::Ready(at) = self.link.poll_ended(cx) {
                left = Some(at); // what it said before may still be handled
            }
        }
        let over = lost.as_ref().map(|lost| lost.since);
        let over = over.or(self.ending_since()).or(left);
        match over.and_then(|since| since.checked_add(self.config.timeouts.close)) {
            Some(deadline) => self.link.poll_deadline(deadline, cx).map(|()| {
                lost.get_or_insert(Lost { since: time::now(), kind: Kind::Left });
            }),
            None => Poll::Pending,
        }
    }

    /// Writes what waits, as far as the client takes it.
    ///
    /// # Errors
    ///
    /// Why it never will.
    fn poll_output(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Kind>> {
        match self.poll_flush(cx) {
            Poll::Ready(flushed) => Poll::Ready(flushed.map_err(Kind::Io)),
            Poll::Pending => match self.next_deadline() {
                (Some(deadline), Due::WriteTimeout) => {
                    self.link.poll_deadline(deadline, cx).map(|()| Err(Kind::WriteTimeout))
                }
                _ => Poll::Pending,
            },
        }
    }
}
