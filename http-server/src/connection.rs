//! One connection, from its first octet to its last: the life of its actor while it speaks HTTP.
//!
//! ```text
//!            ┌────────────────── persist ───────────────────┐
//!            ▼                                              │
//!   poll_head ── head ──▶ handler ── response ──▶ respond ──┤
//!      │  │                  └──── takes its time ───▶ take_time
//!      │  │                                                 ├─ 101 ──▶ another protocol
//!      │  └─ broken, late ──▶ refuse ─┐                     ├─ close ─▶ linger
//!      └─ idle, left ──▶ close        └──▶ linger           └─ cut off ─▶ reset
//! ```
//!
//! Requests whose answers need no waiting are answered one after the other in one poll
//! ([`Connection::poll_requests`]), in memory that the thread keeps. Only what takes its time (a handler that
//! waits, a stream, much to write) gets a future, which an idle connection then does not hold.
//!
//! Everything that is ready leaves in one write: before the connection waits for input, and when
//! more than [`GATHER_LEN`](crate::output::GATHER_LEN) octets wait. While a handler takes its
//! time, earlier answers leave.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Instant;

use seawall_actor::time::{self, Alarm};
use seawall_actor::{Context, ExitReason, Isolated, Outcome, Panicked, catch, isolate};
use seawall_codec::http::{Exchange, Status};
use seawall_tls::Info;

use crate::date;
use crate::error::{Kind, Phase};
use crate::head::Head;
use crate::link::{self, Fault, Link, Slot};
use crate::request::{Origin, Request};
use crate::respond::Rest;
use crate::server::Shared;
use crate::serving::Speaking;
use crate::upgrade::{Driven, Takeover, Transport};
use crate::watched::Watched;
use crate::{Answer, Error, Response, Upgraded};

/// Requests that are answered in a row before other actors of the same worker get their turn.
const TURN: u32 = 32;

/// How a connection's time with HTTP ends.
pub(crate) enum End {
    /// Between two requests: no answer is at stake, so nothing needs to be waited for.
    Idle,
    /// In order: what waits is written, then it lingers.
    Close(ExitReason),
    /// At once: nobody is there any more, or nobody may take what came for all.
    Drop(ExitReason),
    /// It goes on with another protocol, or with nothing if the 101 did not get through.
    Upgrade { takeover: Takeover, intact: bool },
}

/// Speaks HTTP over `stream`.
pub(crate) fn speak<S: Transport>(
    stream: S,
    tls: Option<Arc<Info>>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    context: Context,
) -> Speaking {
    let origin = Origin { peer, tls, context };
    let link = Arc::new(Slot::new(origin, Link::new(stream, shared)));
    Box::pin(Connection { link, head: None, waiting: None, served: 0, doing: Doing::Requests })
}

/// A connection while it speaks HTTP.
struct Connection<S> {
    link: Arc<Slot<S>>,
    /// The head that is being read: none before its first octet.
    head: Option<Head>,
    /// While a head, or the rest of one, is waited for.
    waiting: Option<Waiting>,
    /// Requests so far.
    served: u32,
    doing: Doing,
}

impl<S> Drop for Connection<S> {
    /// However it ends, a request that somebody still holds must not hold the connection with it:
    /// a function that blocks keeps its own until it returns, and an actor that is killed is only
    /// dropped.
    fn drop(&mut self) {
        drop(self.link.take());
    }
}

/// What a connection is at. What comes seldom is boxed: an idle connection holds no room for it.
enum Doing {
    /// It answers requests, or waits for them.
    Requests,
    /// A request takes its time.
    Slow(Pin<Box<dyn Future<Output = Result<(), End>> + Send>>),
    Ending(Speaking),
}

impl<S: Transport> Future for Connection<S> {
    type Output = Result<ExitReason, Driven>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        loop {
            let done = match &mut self.doing {
                Doing::Requests => match ready!(self.poll_requests(cx)) {
                    Ok((slow, watched)) => {
                        let taking = Arc::clone(&self.link).take_time(slow, watched);
                        self.doing = Doing::Slow(Box::pin(taking));
                        continue;
                    }
                    Err(end) => Err(end),
                },
                Doing::Slow(taking) => ready!(taking.as_mut().poll(cx)),
                Doing::Ending(ending) => return ending.as_mut().poll(cx),
            };
            self.doing = match done {
                Ok(()) => Doing::Requests,
                Err(end) => Doing::Ending(Box::pin(Arc::clone(&self.link).end(end))),
            };
        }
    }
}

/// A head, or the rest of one, is waited for.
#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    /// It has begun.
    begun: bool,
}

/// A request that is not answered in one go.
enum Slow {
    /// Its handler takes its time.
    Handler(Isolated<Answer>, Exchange),
    /// Its response does.
    Response(Rest),
}

/// What came of a request.
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// What the connection ends with after the response, if something went wrong.
    pub(crate) failure: Option<ExitReason>,
}

impl Answered {
    fn of(answered: Result<Response, Panicked>) -> Self {
        match answered {
            Ok(response) => Self { response, failure: None },
            Err(Panicked(text)) => {
                let response = Response::status_text(Status::INTERNAL_SERVER_ERROR);
                Self { response, failure: Some(ExitReason::Panicked(text)) }
            }
        }
    }
}

impl<S: Transport> Connection<S> {
    /// Answers requests until one takes its time; an error is how the connection ends.
    fn poll_requests(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(Slow, Option<Watched>), End>> {
        let mut date = None;
        loop {
            let (head, number) = match ready!(self.poll_head(cx)) {
                Ok(Some(begun)) => begun,
                Ok(None) => return Poll::Ready(Err(End::Idle)),
                Err(error) => {
                    return Poll::Ready(Err(self.link.refuse(Exchange::unknown(), error)));
                }
            };
            let mut exchange = Exchange::new(&head.get());
            self.served += 1;
            if self.served >= self.link.shared.limits.requests_per_connection {
                exchange.close();
            }
            self.link.shared.counters.requests.add();
            let watched = self.link.shared.reports().then(|| Watched::new(&head.get()));
            let request = Request::new(head, (Arc::clone(&self.link) as _, number));
            let answered = match catch(|| self.link.shared.handler.handle(request)).map(isolate) {
                Err(panicked) => Err(panicked),
                Ok(mut answer) => match Pin::new(&mut answer).poll(cx) {
                    Poll::Ready(answered) => answered,
                    Poll::Pending => {
                        return Poll::Ready(Ok((Slow::Handler(answer, exchange), watched)));
                    }
                },
            };
            // What is answered in one poll leaves at one time, or nearly.
            let date = date.get_or_insert_with(date::now);
            if let Some(rest) = self.link.respond(exchange, Answered::of(answered), date, cx) {
                return Poll::Ready(Ok((Slow::Response(rest), watched)));
            }
            if let Some(watched) = watched {
                self.link.report(watched);
            }
            if self.served.is_multiple_of(TURN) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// The next request head, and the number of the request. `None`: the client is done, or sent
    /// nothing for as long as it may between two requests, or the server stops.
    fn poll_head(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Option<(Head, u64)>, Error>> {
        let Self { link: slot, head, waiting, served, .. } = self;
        let (shared, context) = (&slot.shared, &slot.origin.context);
        let polled = slot.with(|link| {
            loop {
                if let Some(head) = take_head(link, head, shared)? {
                    *waiting = None;
                    let parts = head.get();
                    let number = link.begin(parts.framing(), parts.expects_continue());
                    return Poll::Ready(Ok(Some((head, number))));
                }
                // All that is answered leaves before anything more is read: a client that does
                // not read its answers is not asked for further requests.
                ready!(link.poll_flush(cx))?;
                let begun = !link.input.is_empty();
                // The actor's task is woken when it is told to stop.
                if !begun && context.is_stopping() {
                    return Poll::Ready(Ok(None));
                }
                let since = match *waiting {
                    Some(waiting) if waiting.begun == begun => waiting.since,
                    _ => waiting.insert(Waiting { since: time::now(), begun }).since,
                };
                let timeouts = &shared.timeouts;
                let (span, phase) = match (begun, *served) {
                    (true, _) => (timeouts.head, Phase::Head),
                    (false, 0) => (timeouts.first_byte, Phase::FirstByte),
                    (false, _) => (timeouts.keep_alive, Phase::Head),
                };
                match ready!(link.poll_fill(cx, since.checked_add(span))) {
                    Ok(true) => {}
                    Ok(false) if begun => return Poll::Ready(Err(Fault::Left.during(phase))),
                    // Between two requests a client may go as it likes.
                    Ok(false) => return Poll::Ready(Ok(None)),
                    Err(_) if !begun && *served > 0 => return Poll::Ready(Ok(None)),
                    Err(fault) => return Poll::Ready(Err(fault.during(phase))),
                }
            }
        });
        polled.unwrap_or(Poll::Ready(Ok(None)))
    }
}

impl<S: Transport> Slot<S> {
    /// Does for a request what could not be done in one go. `Ok` if the connection persists.
    async fn take_time(self: Arc<Self>, slow: Slow, watched: Option<Watched>) -> Result<(), End> {
        let rest =
            match slow {
                Slow::Response(rest) => Some(rest),
                Slow::Handler(answer, exchange) => {
                    let answered = self.answer(answer).await?;
                    let mut answered = Some(answered);
                    poll_fn(|cx| {
                        let answered = answered.take();
                        Poll::Ready(answered.and_then(|answered| {
                            self.respond(exchange, answered, &date::now(), cx)
                        }))
                    })
                    .await
                }
            };
        let ended = match rest {
            Some(rest) => self.finish_response(rest).await,
            None => Ok(()),
        };
        if let Some(watched) = watched {
            self.report(watched);
        }
        ended
    }

    /// Runs a handler that has not answered at once.
    async fn answer(&self, mut answer: Isolated<Answer>) -> Result<Answered, End> {
        let mut alarm = Alarm::new();
        // It has been polled just now.
        let mut polled = true;
        poll_fn(|cx| {
            if !std::mem::take(&mut polled)
                && let Poll::Ready(answered) = Pin::new(&mut answer).poll(cx)
            {
                return Poll::Ready(Ok(Answered::of(answered)));
            }
            let waiting = self.with(|link| {
                if let Poll::Ready(Err(error)) = link.poll_flush(cx) {
                    return Err(End::Drop(failed(error)));
                }
                alarm.set(link.deadline());
                Ok(())
            });
            if let Some(Err(end)) = waiting {
                return Poll::Ready(Err(end));
            }
            alarm.poll(cx).map(|()| {
                let failure = Some(failed(Error::new(Kind::HandlerTimeout)));
                Ok(Answered { response: Response::status_text(Status::GATEWAY_TIMEOUT), failure })
            })
        })
        .await
    }

    /// Tells the event hook about a request that is answered.
    fn report(&self, watched: Watched) {
        if let Some(Some(status)) = self.with(|link| link.content.status) {
            watched.report(self.origin.peer, status, &self.shared);
        }
    }

    /// Writes what waits and closes the sending side. Then, if it is to linger, reads on for a
    /// while: if octets of the client lay unread when the socket is closed, the system would reset
    /// the connection, and the client could lose the answer that it has not read yet (RFC 9112
    /// §9.6).
    async fn finish(&self, linger: bool) {
        let mut closed = false;
        let closing = poll_fn(|cx| {
            let polled = self.with(|link| {
                if !closed {
                    ready!(link.poll_flush(cx))?;
                    ready!(Pin::new(&mut link.stream).poll_close(cx))?;
                    closed = true;
                }
                // Neither others nor the clock have a turn before this returns, and not every stream
                // returns by itself.
                for _ in 0..link::TURN {
                    if !linger || link.ended {
                        return Poll::Ready(Ok::<_, Error>(()));
                    }
                    let filled = ready!(link.poll_fill(cx, None));
                    filled.map_err(|fault| fault.during(Phase::Response))?;
                    let len = link.input.filled().len();
                    link.input.consume(len);
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            polled.unwrap_or(Poll::Ready(Ok(())))
        });
        // One bound for all of it: who sends for ever is cut off like who is silent.
        let _ = time::timeout(self.shared.timeouts.linger, closing).await;
    }

    /// Ends the connection's time with HTTP.
    async fn end(self: Arc<Self>, end: End) -> Result<ExitReason, Driven> {
        let reason = match end {
            End::Drop(reason) => reason,
            End::Idle => {
                self.finish(false).await;
                ExitReason::Normal
            }
            End::Close(reason) => {
                self.finish(true).await;
                reason
            }
            End::Upgrade { takeover, intact } => {
                let Some(link) = self.take() else { return Ok(ExitReason::Normal) };
                self.shared.counters.upgrades.add();
                let unread = link.input.filled().to_vec();
                let stream = intact.then(|| Box::new(link.stream) as Box<dyn Transport>);
                let upgraded = Upgraded::new(stream, unread);
                return Err(takeover.call(upgraded, self.origin.context.clone()));
            }
        };
        // Closed before anybody hears of its end.
        drop(self.take());
        Ok(reason)
    }
}

/// What a connection's actor is called.
pub(crate) fn label(peer: SocketAddr) -> String {
    // As long as it is: a label lives as long as its connection.
    format!("connection {peer}").into_boxed_str().into_string()
}

/// The exit reason of a connection that ends with `error`.
pub(crate) fn failed(error: Error) -> ExitReason {
    Err::<(), _>(error).into_reason()
}

/// Takes a head out of what was read, if it is complete; `head` is the one that is being read.
fn take_head<S>(
    link: &mut Link<S>,
    head: &mut Option<Head>,
    shared: &Shared,
) -> Result<Option<Head>, Error> {
    if link.input.is_empty() {
        return Ok(None);
    }
    let reading = head.get_or_insert_with(|| Head::new(&shared.head_limits));
    if !reading.read(link.input.filled())? {
        return Ok(None);
    }
    link.input.consume(reading.len());
    Ok(head.take())
}
