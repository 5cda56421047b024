//! One connection's transport: what is being written, what was read, and which deadline is next.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use seawall_actor::Buffer;
use seawall_actor::time::{self, Alarm};
use seawall_http_server::Upgraded;

use crate::outbox::Outbox;
use crate::queue::Frame;

/// A write buffer up to this long is kept while its connection is at work; longer ones are for
/// long messages, and go with them.
const KEPT_LEN: usize = 4 * 1024;

pub(crate) struct Link {
    stream: Upgraded,
    pub(crate) input: Buffer,
    /// What was taken out of the outbox, of which the first `written` octets are written.
    output: Frame,
    written: usize,
    /// Since when the client has taken nothing.
    blocked_since: Option<Instant>,
    alarm: Alarm,
}

impl Link {
    pub(crate) fn new(stream: Upgraded) -> Self {
        Self {
            stream,
            input: Buffer::default(),
            output: Frame::default(),
            written: 0,
            blocked_since: None,
            alarm: Alarm::new(),
        }
    }

    /// Since when the client has taken nothing, if something waits for it.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Writes until nothing waits in `outbox`. Senders that come later wake the task.
    pub(crate) fn poll_flush(
        &mut self,
        outbox: &Outbox,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.written == self.output.bytes().len() {
                self.written = 0;
                self.output.forget(KEPT_LEN);
                if !outbox.take(&mut self.output, cx) {
                    self.blocked_since = None;
                    // TLS keeps what it has encrypted until it is flushed.
                    return Pin::new(&mut self.stream).poll_flush(cx);
                }
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.output.bytes()[self.written..]) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(len)) => {
                    self.written += len;
                    self.blocked_since = None;
                    outbox.wrote(len);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.blocked_since.get_or_insert_with(time::now);
                    outbox.await_news(cx);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Reads once; ready with `false` at the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, self.input.room());
        match &polled {
            Poll::Ready(Ok(len)) => self.input.filled_more(*len),
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        if self.input.is_empty() {
            self.input.release();
        }
        polled.map_ok(|len| len > 0)
    }

    /// Holds no memory while nothing is to be done.
    pub(crate) fn rest(&mut self) {
        if self.output.bytes().is_empty() {
            self.output = Frame::default();
        }
    }

    /// Ready once `deadline` has passed.
    pub(crate) fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.alarm.set(Some(deadline));
        self.alarm.poll(cx)
    }

    /// Writes all that waits and ends the sending direction, within `patience`.
    pub(crate) async fn finish(&mut self, outbox: &Outbox, patience: Duration) -> bool {
        let finished = time::timeout(patience, async {
            poll_fn(|cx| self.poll_flush(outbox, cx)).await?;
            poll_fn(|cx| Pin::new(&mut self.stream).poll_close(cx)).await
        });
        matches!(finished.await, Ok(Ok(())))
    }

    /// Reads on until the client has ended its direction too, within `patience`: octets that lie
    /// unread when the socket is closed would make the system reset the connection, and the client
    /// could lose our Close.
    pub(crate) async fn linger(&mut self, patience: Duration) {
        let drained = async {
            while let Ok(true) = poll_fn(|cx| self.poll_fill(cx)).await {
                let len = self.input.filled().len();
                self.input.consume(len);
            }
        };
        let _ = time::timeout(patience, drained).await;
    }
}
