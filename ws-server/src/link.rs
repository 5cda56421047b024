//! One connection's transport: what is being written, what was read, and which deadline is next.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use seawall_actor::Buffer;
use seawall_actor::time::{self, Alarm};
use seawall_http_server::Upgraded;

use crate::batch::Batch;
use crate::outbox::Outbox;

/// What a short read buffer holds. Who has sent as much at once is likely to send more: then more
/// is read at once, too. And this is how much is read while only the client's end is looked for.
const PLENTY: usize = 16 * 1024;

pub(crate) struct Link {
    stream: Upgraded,
    /// What was taken out of the outbox and is not written yet.
    output: Batch,
    /// Since when the client has taken nothing.
    blocked_since: Option<Instant>,
    /// Whether the last read brought as much as it could.
    plenty: bool,
    /// Made when the client does something while nobody reads.
    ahead: Option<Box<Ahead>>,
    alarm: Alarm,
}

/// What a client did while its handler was at work.
#[derive(Default)]
struct Ahead {
    input: Buffer,
    end: Option<End>,
}

/// The end of the client's direction: when it was seen, and whether it was a failure.
struct End {
    at: Instant,
    error: Option<io::Error>,
}

impl Link {
    pub(crate) fn new(stream: Upgraded) -> Self {
        Self {
            stream,
            output: Batch::default(),
            blocked_since: None,
            plenty: false,
            ahead: None,
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
            if self.output.is_done() && !outbox.take(&mut self.output, cx) {
                self.blocked_since = None;
                // TLS keeps what it has encrypted until it is flushed.
                return Pin::new(&mut self.stream).poll_flush(cx);
            }
            match self.output.poll_write(Pin::new(&mut self.stream), cx) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(len)) => {
                    self.blocked_since = None;
                    if !self.output.is_done() {
                        outbox.wrote(len);
                    }
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

    /// Reads once; ready with `None` at the end of the stream. What was read lies in a buffer of
    /// this thread's: a connection that waits has none.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Buffer>>> {
        if let Some(ahead) = &mut self.ahead {
            let input = mem::take(&mut ahead.input);
            if ahead.end.is_none() {
                self.ahead = None;
                return Poll::Ready(Ok(Some(input)));
            }
            if !input.is_empty() {
                return Poll::Ready(Ok(Some(input)));
            }
            let error = ahead.end.as_mut().and_then(|end| end.error.take());
            return Poll::Ready(error.map_or(Ok(None), Err));
        }
        let mut input = Buffer::default();
        let room = if self.plenty { input.long_room() } else { input.room() };
        let polled = Pin::new(&mut self.stream).poll_read(cx, room);
        polled.map_ok(|len| {
            self.plenty = len >= PLENTY;
            input.filled_more(len);
            (len > 0).then_some(input)
        })
    }

    /// Looks for the client's end while nobody reads; ready with the moment when it was seen. What
    /// the client says meanwhile waits for the next read, as far as one buffer holds it: more
    /// hides its end.
    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let mut ahead = self.ahead.take().map(|ahead| *ahead).unwrap_or_default();
        let polled = ahead.poll_ended(&mut self.stream, cx);
        if !ahead.is_empty() {
            self.ahead = Some(Box::new(ahead));
        }
        polled
    }

    /// Reads no more at once than usual the next time: what came was short, and much.
    pub(crate) fn read_less(&mut self) {
        self.plenty = false;
    }

    /// Holds no memory while nothing is to be done.
    pub(crate) fn rest(&mut self) {
        self.output.rest();
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
        let drained = async { while let Ok(Some(_)) = poll_fn(|cx| self.poll_fill(cx)).await {} };
        let _ = time::timeout(patience, drained).await;
    }
}

impl Ahead {
    fn is_empty(&self) -> bool {
        self.input.is_empty() && self.end.is_none()
    }

    fn poll_ended(&mut self, stream: &mut Upgraded, cx: &mut Context<'_>) -> Poll<Instant> {
        loop {
            if let Some(end) = &self.end {
                return Poll::Ready(end.at);
            }
            if self.input.filled().len() >= PLENTY {
                return Poll::Pending;
            }
            match ready!(Pin::new(&mut *stream).poll_read(cx, self.input.room())) {
                Ok(0) => self.end = Some(End { at: time::now(), error: None }),
                Ok(len) => self.input.filled_more(len),
                Err(error) => self.end = Some(End { at: time::now(), error: Some(error) }),
            }
        }
    }
}
