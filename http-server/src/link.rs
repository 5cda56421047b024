//! One connection's transport with its buffers and deadlines, and the content of the request that
//! is being answered.
//!
//! The connection's actor and the request that its handler holds both reach the link, so it lies
//! in a [`Slot`]. Both run in the same task: the lock is never waited for, save when a handler
//! reads its content from elsewhere.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use seawall_actor::Buffer;
use seawall_actor::time::Alarm;
use seawall_codec::http::{Body, Content, ResponseWriter, Status, Violation};

use crate::Error;
use crate::error::{Kind, Phase};
use crate::output::Output;
use crate::pace::Pace;
use crate::server::Shared;
use crate::upgrade::Transport;

/// A connection's transport, buffers and deadlines.
pub(crate) struct Link<S> {
    pub(crate) stream: S,
    pub(crate) input: Buffer,
    pub(crate) output: Output,
    /// The client has closed its sending side.
    pub(crate) ended: bool,
    read_alarm: Alarm,
    write_alarm: Alarm,
    /// Set while the client does not take what is to be written.
    write_pace: Option<Pace>,
    /// The content of the request that is being answered.
    pub(crate) content: Incoming,
    shared: Arc<Shared>,
}

/// A request's content, as far as it is still to come.
pub(crate) struct Incoming {
    body: Option<Body>,
    /// Which request of the connection it belongs to.
    exchange: u64,
    /// The client waits for 100 (Continue) before it sends.
    pub(crate) continue_due: bool,
    pace: Option<Pace>,
    /// Somebody waits for octets of it.
    pub(crate) awaited: bool,
    /// Why it will never be complete.
    pub(crate) fault: Option<Fault>,
}

/// Why reading failed; small, so that the handler and the connection can both be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Violation(Violation),
    Late,
    Left,
    Io(io::ErrorKind),
}

impl Fault {
    pub(crate) fn during(self, phase: Phase) -> Error {
        Error::new(match self {
            Self::Violation(violation) => Kind::Violation(violation),
            Self::Late => Kind::TooSlow(phase),
            Self::Left => Kind::Left(phase),
            Self::Io(kind) => Kind::Io(kind.into()),
        })
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl<S: Transport> Link<S> {
    pub(crate) fn new(stream: S, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            input: Buffer::default(),
            output: Output::default(),
            ended: false,
            read_alarm: Alarm::new(),
            write_alarm: Alarm::new(),
            write_pace: None,
            content: Incoming {
                body: None,
                exchange: 0,
                continue_due: false,
                pace: None,
                awaited: false,
                fault: None,
            },
            shared,
        }
    }

    /// Reads once, behind what waits in the input; ready with `false` at the end of the stream.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<Result<bool, Fault>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        match Pin::new(&mut self.stream).poll_read(cx, self.input.room()) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                self.input.release();
                Poll::Ready(Ok(false))
            }
            Poll::Ready(Ok(len)) => {
                self.input.filled_more(len);
                Poll::Ready(Ok(true))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending => {
                self.input.release();
                self.read_alarm.set(deadline);
                self.read_alarm.poll(cx).map(|()| Err(Fault::Late))
            }
        }
    }

    /// Writes until nothing waits.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.output.is_empty() {
            match self.output.poll_write(Pin::new(&mut self.stream), cx) {
                Poll::Ready(Ok(len)) => {
                    if let Some(pace) = &mut self.write_pace {
                        pace.moved(len, Instant::now());
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {
                    let pace = self.write_pace.get_or_insert_with(|| Pace::new(Instant::now()));
                    self.write_alarm.set(pace.deadline(&self.shared.timeouts));
                    return self
                        .write_alarm
                        .poll(cx)
                        .map(|()| Err(Fault::Late.during(Phase::Response)));
                }
            }
        }
        self.write_pace = None;
        // TLS keeps what it has encrypted until it is flushed.
        Pin::new(&mut self.stream).poll_flush(cx).map_err(Error::from)
    }

    /// Begins the content of the next request, and gives its number.
    pub(crate) fn begin(&mut self, body: Body, continue_due: bool) -> u64 {
        let exchange = self.content.exchange + 1;
        self.content = Incoming {
            body: Some(body),
            exchange,
            continue_due,
            pace: None,
            awaited: false,
            fault: None,
        };
        exchange
    }

    /// Gives the next piece of the content to `sink`; ready with `false` at the end.
    pub(crate) fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
        mut sink: impl FnMut(&[u8]),
    ) -> Poll<Result<bool, Fault>> {
        self.content.awaited = false;
        let outcome = loop {
            match self.take_piece(&mut sink) {
                Ok(None) => {}
                Ok(Some(more)) => break Ok(more),
                Err(fault) => break Err(fault),
            }
            if self.ended {
                break Err(Fault::Left);
            }
            if std::mem::take(&mut self.content.continue_due) {
                ResponseWriter::new(Status::CONTINUE, self.output.bytes()).end();
            }
            // The client may wait for what is to be written before it sends on.
            if let Poll::Ready(Err(_)) = self.poll_flush(cx) {
                break Err(Fault::Io(io::ErrorKind::BrokenPipe));
            }
            let pace = *self.content.pace.get_or_insert_with(|| Pace::new(Instant::now()));
            let before = self.input.filled().len();
            match self.poll_fill(cx, pace.deadline(&self.shared.timeouts)) {
                Poll::Pending => {
                    self.content.awaited = true;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(_)) => {
                    let len = self.input.filled().len() - before;
                    if let Some(pace) = &mut self.content.pace {
                        pace.moved(len, Instant::now());
                    }
                }
                Poll::Ready(Err(fault)) => break Err(fault),
            }
        };
        if let Err(fault) = outcome {
            self.content.fault = Some(fault);
        }
        Poll::Ready(outcome)
    }

    /// Takes a piece of the content out of what was read. `None`: more must be read.
    fn take_piece(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<Option<bool>, Fault> {
        if let Some(fault) = self.content.fault {
            return Err(fault);
        }
        let Some(body) = &mut self.content.body else { return Ok(Some(false)) };
        let mut input = self.input.filled();
        let before = input.len();
        let found = body.recv(&mut input);
        let consumed = before - input.len();
        let more = match found {
            Ok(Some(Content::Data(data))) => {
                sink(data);
                Some(true)
            }
            Ok(Some(Content::End)) => Some(false),
            Ok(None) => None,
            Err(violation) => return Err(Fault::Violation(violation)),
        };
        self.input.consume(consumed);
        Ok(more)
    }

    /// Drops what was read of the content and nobody asked for, and tells what is left of it.
    pub(crate) fn skip_buffered(&mut self) -> Remainder {
        while !self.input.is_empty() && !self.is_content_complete() {
            match self.take_piece(&mut |_| {}) {
                Ok(Some(true)) => {}
                Ok(Some(false) | None) => break,
                Err(fault) => {
                    self.content.fault = Some(fault);
                    break;
                }
            }
        }
        if self.content.fault.is_some() {
            return Remainder::Unknown;
        }
        match self.content.body.as_ref().map(Body::left) {
            None | Some(Some(0)) => Remainder::Nothing,
            // Whether this client will ever send it, only a 100 (Continue) could tell.
            Some(_) if self.content.continue_due => Remainder::Unknown,
            Some(Some(left)) => Remainder::Octets(left),
            Some(None) => Remainder::Unknown,
        }
    }

    pub(crate) fn is_content_complete(&self) -> bool {
        self.content.body.as_ref().is_none_or(Body::is_complete)
    }
}

/// What is left of a content that the handler did not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Remainder {
    Nothing,
    Octets(u64),
    Unknown,
}

/// Where the link lies while the connection speaks HTTP; empty once it is closed or upgraded.
pub(crate) struct Slot<S>(Mutex<Option<Link<S>>>);

impl<S: Transport> Slot<S> {
    pub(crate) fn new(link: Link<S>) -> Self {
        Self(Mutex::new(Some(link)))
    }

    /// Uses the link; `None` if it is gone.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Link<S>) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(f)
    }

    pub(crate) fn take(&self) -> Option<Link<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where a request's content comes from.
pub(crate) trait Source: Send + Sync {
    /// Appends the next piece of the content of request number `exchange` to `out`; ready with
    /// `false` at its end.
    fn poll_content(
        &self,
        exchange: u64,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<bool, Error>>;
}

impl<S: Transport> Source for Slot<S> {
    fn poll_content(
        &self,
        exchange: u64,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<bool, Error>> {
        let polled = self.with(|link| {
            if link.content.exchange != exchange {
                return Poll::Ready(Err(Error::new(Kind::Over)));
            }
            link.poll_content(cx, |piece| out.extend_from_slice(piece))
                .map_err(|fault| fault.during(Phase::Content))
        });
        match polled {
            Some(polled) => Poll::Ready(ready!(polled)),
            None => Poll::Ready(Err(Error::new(Kind::Over))),
        }
    }
}
