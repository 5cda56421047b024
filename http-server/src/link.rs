//! One connection's transport with its buffers and deadlines, and the content of the request that
//! is being answered.
//!
//! The connection's actor and the request that its handler holds both reach the link, so it lies
//! in a [`Slot`]. Both run in the same task: the lock is never waited for, save when a handler
//! reads its content from elsewhere.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use seawall_actor::Buffer;
use seawall_actor::time::{self, Alarm};
use seawall_codec::http::{Body, BodyFraming, Content, ResponseWriter, Status, Violation};

use crate::error::{Kind, Phase};
use crate::output::Output;
use crate::pace::Pace;
use crate::pool::Pool;
use crate::request::Origin;
use crate::server::Shared;
use crate::upgrade::Transport;
use crate::{Error, Timeouts};

/// A connection's transport, buffers and deadlines.
pub(crate) struct Link<S> {
    pub(crate) stream: S,
    pub(crate) input: Buffer,
    pub(crate) output: Output,
    /// The client has closed its sending side, or the transport failed.
    pub(crate) ended: bool,
    /// How the transport failed, if it was seen in passing.
    pub(crate) broken: Option<io::ErrorKind>,
    read_alarm: Alarm,
    /// Set while the client does not take what is to be written. Boxed: most clients do.
    stalled: Option<Box<Stalled>>,
    /// The content of the request that is being answered.
    pub(crate) content: Incoming,
    shared: Arc<Shared>,
}

/// A client that does not take what is to be written.
struct Stalled {
    pace: Pace,
    alarm: Alarm,
}

/// The request that is being answered: its content, as far as it is still to come, and its time.
pub(crate) struct Incoming {
    framing: BodyFraming,
    /// Octets of content that may come.
    limit: u64,
    /// Made when the content is first asked for: until then its limit may change.
    /// Boxed: most requests have none, and an idle connection never.
    body: Option<Box<Receiving>>,
    /// Which request of the connection it belongs to.
    exchange: u64,
    /// The client waits for 100 (Continue) before it sends.
    pub(crate) continue_due: bool,
    /// Pieces in a row since it was last waited for.
    pieces: u8,
    /// Somebody waits for octets of it.
    awaited: bool,
    /// Why it will never be complete.
    pub(crate) fault: Option<Fault>,
    /// The status of its response, once that is written.
    pub(crate) status: Option<Status>,
    /// How long the handler may take.
    timeout: Duration,
    /// Since when that runs: the end of the head, or of the last wait for the client.
    since: Instant,
}

/// Content on its way in.
struct Receiving {
    body: Body,
    /// Set while it is waited for.
    pace: Option<Pace>,
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
            broken: None,
            read_alarm: Alarm::new(),
            stalled: None,
            content: Incoming::new(0, BodyFraming::None, false, &shared),
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
                    if let Some(stalled) = &mut self.stalled {
                        stalled.pace.moved(len, time::now());
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {
                    let stalled = self.stalled.get_or_insert_with(|| {
                        Box::new(Stalled { pace: Pace::new(time::now()), alarm: Alarm::new() })
                    });
                    stalled.alarm.set(stalled.pace.deadline(&self.shared.timeouts));
                    let late = stalled.alarm.poll(cx);
                    return late.map(|()| Err(Fault::Late.during(Phase::Response)));
                }
            }
        }
        self.stalled = None;
        // TLS keeps what it has encrypted until it is flushed.
        Pin::new(&mut self.stream).poll_flush(cx).map_err(Error::from)
    }

    /// Begins the next request, and gives its number.
    pub(crate) fn begin(&mut self, framing: BodyFraming, continue_due: bool) -> u64 {
        let exchange = self.content.exchange + 1;
        self.content = Incoming::new(exchange, framing, continue_due, &self.shared);
        exchange
    }

    /// When the handler's time is over; `None` if the clock cannot hold it.
    ///
    /// The time that the client takes for its content is not the handler's. That has a bound of its
    /// own, which counts even if the one who waits does not look: a future that is kept and not
    /// polled any more says nothing of it.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let since = if self.content.awaited {
            self.content.pace()?.deadline(&self.shared.timeouts)?
        } else {
            self.content.since
        };
        since.checked_add(self.content.timeout)
    }

    /// Ready once the client has closed its sending side, or the transport has failed. What it
    /// sends meanwhile is read, as far as one buffer holds it; more hides its end.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended {
            if self.input.filled().len() >= WATCH_LEN {
                return Poll::Pending;
            }
            match Pin::new(&mut self.stream).poll_read(cx, self.input.room()) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(len)) => {
                    self.input.filled_more(len);
                    self.content.moved(len);
                }
                Poll::Ready(Err(error)) => {
                    self.broken = Some(error.kind());
                    self.ended = true;
                }
                Poll::Pending => {
                    self.input.release();
                    return Poll::Pending;
                }
            }
        }
        self.input.release();
        Poll::Ready(())
    }

    /// Gives the next piece of the content to `sink`; ready with `false` at the end.
    pub(crate) fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
        mut sink: impl FnMut(&[u8]),
    ) -> Poll<Result<bool, Fault>> {
        self.content.leave_off();
        // A client that is never short of content: others of the same worker want their turn, too.
        if self.content.pieces == TURN {
            self.content.pieces = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.content.pieces += 1;
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
            let deadline = self.content.wait(&self.shared.timeouts);
            let before = self.input.filled().len();
            match self.poll_fill(cx, deadline) {
                Poll::Pending => {
                    self.content.pieces = 0;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(_)) => {
                    let len = self.input.filled().len() - before;
                    self.content.moved(len);
                }
                Poll::Ready(Err(fault)) => break Err(fault),
            }
        };
        self.content.leave_off();
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
        let receiving = match &mut self.content.body {
            Some(receiving) => receiving,
            None => {
                let body =
                    Body::new(self.content.framing, self.content.limit, &self.shared.head_limits);
                let body = body.map_err(Fault::Violation)?;
                self.content.body.insert(Box::new(Receiving { body, pace: None }))
            }
        };
        let mut input = self.input.filled();
        let before = input.len();
        let found = receiving.body.recv(&mut input);
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

    /// Drops what was read of the content and nobody asked for.
    pub(crate) fn skip_buffered(&mut self) {
        // Nobody holds what is skipped: its limit is another, and not kept here.
        if self.content.body.is_none() {
            self.content.limit = u64::MAX;
        }
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
    }

    /// What is left of the content.
    pub(crate) fn remainder(&self) -> Remainder {
        if self.content.fault.is_some() {
            return Remainder::Unknown;
        }
        match self.content.left() {
            Some(0) => Remainder::Nothing,
            // Whether this client will ever send it, only a 100 (Continue) could tell.
            _ if self.content.continue_due => Remainder::Unknown,
            Some(left) => Remainder::Octets(left),
            None => Remainder::Unknown,
        }
    }

    pub(crate) fn is_content_complete(&self) -> bool {
        self.content.left() == Some(0)
    }
}

impl Incoming {
    fn new(exchange: u64, framing: BodyFraming, continue_due: bool, shared: &Shared) -> Self {
        Self {
            framing,
            limit: shared.limits.body,
            body: None,
            exchange,
            continue_due,
            pieces: 0,
            awaited: false,
            fault: None,
            status: None,
            timeout: shared.timeouts.handler,
            since: time::now(),
        }
    }

    /// Counts octets that came.
    fn moved(&mut self, octets: usize) {
        if let Some(pace) = self.body.as_mut().and_then(|receiving| receiving.pace.as_mut()) {
            pace.moved(octets, time::now());
        }
    }

    /// Somebody waits for more of it from now on; tells when the client is too slow.
    fn wait(&mut self, timeouts: &Timeouts) -> Option<Instant> {
        self.awaited = true;
        let pace = self.pace()?;
        pace.resume(time::now());
        pace.deadline(timeouts)
    }

    /// Whoever waited for more waits no more: the handler's time runs.
    fn leave_off(&mut self) {
        if std::mem::take(&mut self.awaited) {
            self.since = time::now();
            let now = self.since;
            if let Some(pace) = self.pace() {
                pace.pause(now);
            }
        }
    }

    /// How fast it comes, from its first wait on; `None` before somebody has asked for it.
    fn pace(&mut self) -> Option<&mut Pace> {
        let receiving = self.body.as_mut()?;
        Some(receiving.pace.get_or_insert_with(|| Pace::new(time::now())))
    }

    /// How many octets are still to come, if that is known.
    fn left(&self) -> Option<u64> {
        match (&self.body, self.framing) {
            (Some(receiving), _) => receiving.body.left(),
            (None, BodyFraming::None) => Some(0),
            (None, BodyFraming::Length(len)) => Some(len),
            (None, BodyFraming::Chunked) => None,
        }
    }
}

/// Reads in a row, or pieces of content that are no longer than one, before others of the same
/// worker get their turn.
pub(crate) const TURN: u8 = 16;

/// Octets that are read while only the client's end is watched for: one read buffer.
const WATCH_LEN: usize = 16 * 1024;

/// What is left of a content that the handler did not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Remainder {
    Nothing,
    Octets(u64),
    Unknown,
}

/// Where the link lies while the connection speaks HTTP; empty once it is closed or upgraded.
pub(crate) struct Slot<S> {
    pub(crate) origin: Origin,
    pub(crate) shared: Arc<Shared>,
    link: Mutex<Option<Link<S>>>,
}

impl<S> Slot<S> {
    pub(crate) fn new(origin: Origin, link: Link<S>) -> Self {
        Self { origin, shared: Arc::clone(&link.shared), link: Mutex::new(Some(link)) }
    }

    /// Uses the link; `None` if it is gone.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Link<S>) -> T) -> Option<T> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(f)
    }

    pub(crate) fn take(&self) -> Option<Link<S>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection as a request that it serves sees it. Each call names the request by its number:
/// once that is answered, the connection is no longer its own.
pub(crate) trait Source: Send + Sync {
    /// Where the connection comes from.
    fn origin(&self) -> &Origin;

    /// Appends the next piece of the content to `out`; ready with `false` at its end.
    fn poll_content(
        &self,
        exchange: u64,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<bool, Error>>;

    /// Ready once the client has closed its sending side, or the request is over.
    fn poll_gone(&self, exchange: u64, cx: &mut Context<'_>) -> Poll<()>;

    /// Name and value of each trailer field, once the content was read.
    fn trailers(&self, exchange: u64) -> Vec<(String, Vec<u8>)>;

    /// When the handler's time is over.
    fn deadline(&self, exchange: u64) -> Option<Instant>;

    /// The server's threads for what blocks; `None` if the connection is gone.
    fn pool(&self) -> Option<Arc<Pool>>;

    /// Whoever waited for content waits no more.
    fn leave_off(&self, exchange: u64);

    fn set_body_limit(&self, exchange: u64, octets: u64);

    fn set_timeout(&self, exchange: u64, timeout: Duration);
}

impl<S: Transport> Slot<S> {
    /// Uses the link for request number `exchange`; `None` if that is over.
    fn during<T>(&self, exchange: u64, f: impl FnOnce(&mut Link<S>) -> T) -> Option<T> {
        self.with(|link| (link.content.exchange == exchange).then(|| f(link)))?
    }
}

impl<S: Transport> Source for Slot<S> {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn poll_content(
        &self,
        exchange: u64,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<bool, Error>> {
        let polled = self.during(exchange, |link| {
            link.poll_content(cx, |piece| out.extend_from_slice(piece))
                .map_err(|fault| fault.during(Phase::Content))
        });
        polled.unwrap_or_else(|| Poll::Ready(Err(Error::new(Kind::Over))))
    }

    fn poll_gone(&self, exchange: u64, cx: &mut Context<'_>) -> Poll<()> {
        self.during(exchange, |link| link.poll_gone(cx)).unwrap_or(Poll::Ready(()))
    }

    fn trailers(&self, exchange: u64) -> Vec<(String, Vec<u8>)> {
        let trailers = self.during(exchange, |link| {
            let body = link.content.body.as_ref().map(|receiving| &receiving.body);
            let complete = body.filter(|body| body.is_complete());
            let fields = complete.map(|body| body.trailers()).into_iter().flatten();
            fields.map(|field| (field.name.to_owned(), field.value.to_vec())).collect()
        });
        trailers.unwrap_or_default()
    }

    fn deadline(&self, exchange: u64) -> Option<Instant> {
        self.during(exchange, Link::deadline)?
    }

    fn pool(&self) -> Option<Arc<Pool>> {
        self.with(|link| Arc::clone(&link.shared.pool))
    }

    fn leave_off(&self, exchange: u64) {
        self.during(exchange, |link| link.content.leave_off());
    }

    fn set_body_limit(&self, exchange: u64, octets: u64) {
        self.during(exchange, |link| link.content.limit = octets);
    }

    fn set_timeout(&self, exchange: u64, timeout: Duration) {
        self.during(exchange, |link| {
            link.content.timeout = timeout;
            link.content.since = time::now();
        });
    }
}
