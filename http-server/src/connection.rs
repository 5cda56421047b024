//! One connection, from its first octet to its last: the life of its actor while it speaks HTTP.
//!
//! ```text
//!            ┌───────────────── persist ─────────────────┐
//!            ▼                                           │
//!   next_head ── head ──▶ handle ── response ──▶ respond ┤
//!      │  │                                              ├─ 101 ──▶ another protocol
//!      │  └─ broken, late ──▶ refuse ─┐                  ├─ close ─▶ linger
//!      └─ idle, left ──▶ close        └──▶ linger        └─ cut off ─▶ reset
//! ```
//!
//! Everything that is ready leaves in one write: before the connection waits for input, and when
//! more than [`GATHER_LEN`](crate::output::GATHER_LEN) octets wait. While a handler takes its
//! time, earlier answers leave.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Instant;

use futures_lite::future;
use seawall_actor::time::{self, Alarm};
use seawall_actor::{Context, ExitReason, Outcome, Panicked, catch, isolate};
use seawall_codec::http::{BodyFraming, Exchange, RequestLayout, RequestParser, Status};
use seawall_tls::Info;

use crate::error::{Kind, Phase};
use crate::link::{Fault, Link, Slot};
use crate::request::{Origin, Request};
use crate::server::Shared;
use crate::upgrade::{Takeover, Transport};
use crate::{Answer, Error, Event, Response, Upgraded};

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

/// Serves a connection until it ends.
pub(crate) fn serve<S: Transport>(
    stream: S,
    tls: Option<Arc<Info>>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    context: Context,
) -> impl Future<Output = ExitReason> + Send {
    let mut connection = Connection {
        link: Arc::new(Slot::new(Link::new(stream, Arc::clone(&shared)))),
        context: context.clone(),
        origin: Origin { peer, tls, scope: context.scope().clone() },
        parser: RequestParser::new(shared.head_limits),
        shared,
        served: 0,
    };
    // Boxed: an upgraded connection gives the memory of its time with HTTP back.
    let speaking = Box::pin(async move { connection.run().await });
    async move {
        match speaking.await {
            Ok(reason) => reason,
            Err((takeover, upgraded)) => takeover.call(upgraded, context).await,
        }
    }
}

/// A connection while it speaks HTTP.
pub(crate) struct Connection<S> {
    pub(crate) link: Arc<Slot<S>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) context: Context,
    origin: Origin,
    parser: RequestParser,
    /// Requests so far.
    served: u32,
}

/// A request head: its octets, and where its parts lie in them.
struct Head {
    bytes: Box<[u8]>,
    layout: RequestLayout,
}

/// A request that its handler has.
struct Begun {
    exchange: Exchange,
    /// The handler's future, unless it panicked before it made one.
    answer: Result<Answer, Panicked>,
    watched: Option<Box<Watched>>,
}

/// What came of a request.
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// What the connection ends with after the response, if something went wrong.
    pub(crate) failure: Option<ExitReason>,
}

/// What an event tells about a request that is answered by then.
struct Watched {
    method: String,
    target: String,
    since: Instant,
}

impl<S: Transport> Connection<S> {
    /// Speaks HTTP until the connection ends, or goes on with another protocol.
    async fn run(&mut self) -> Result<ExitReason, (Takeover, Upgraded)> {
        let reason = match self.answer_all().await {
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
                let Some(link) = self.link.take() else { return Ok(ExitReason::Normal) };
                self.shared.counters.upgrades.add();
                let unread = link.input.filled().to_vec();
                let stream = Box::new(link.stream);
                return Err((takeover, Upgraded::new(stream, unread, self.origin.peer, intact)));
            }
        };
        // A request that somebody still holds must not hold the connection with it.
        drop(self.link.take());
        Ok(reason)
    }

    /// Answers one request after the other.
    async fn answer_all(&mut self) -> End {
        loop {
            let head = match self.next_head().await {
                Ok(Some(head)) => head,
                Ok(None) => return End::Idle,
                Err(error) => return self.refuse(Exchange::unknown(), error),
            };
            // Nothing of the head or the request is held over an await: an idle connection holds the
            // room for whatever is.
            let begun = self.begin(head);
            match self.conclude(begun).await {
                Ok(()) if self.served.is_multiple_of(TURN) => future::yield_now().await,
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// Writes what waits and closes the sending side. Then, if it is to linger, reads on for a
    /// while: if octets of the client lay unread when the socket is closed, the system would reset
    /// the connection, and the client could lose the answer that it has not read yet (RFC 9112
    /// §9.6).
    async fn finish(&self, linger: bool) {
        let mut closed = false;
        let closing = poll_fn(|cx| {
            let polled = self.link.with(|link| {
                if !closed {
                    ready!(link.poll_flush(cx))?;
                    ready!(Pin::new(&mut link.stream).poll_close(cx))?;
                    closed = true;
                }
                while linger && !link.ended {
                    let filled = ready!(link.poll_fill(cx, None));
                    filled.map_err(|fault| fault.during(Phase::Response))?;
                    let len = link.input.filled().len();
                    link.input.consume(len);
                }
                Poll::Ready(Ok::<_, Error>(()))
            });
            polled.unwrap_or(Poll::Ready(Ok(())))
        });
        // One bound for all of it: who sends for ever is cut off like who is silent.
        let _ = time::timeout(self.shared.timeouts.linger, closing).await;
    }

    /// The next request head. `None`: the client is done, or sent nothing for as long as it may
    /// between two requests, or the server stops.
    async fn next_head(&mut self) -> Result<Option<Head>, Error> {
        let buffered = self.link.with(|link| take_head(link, &mut self.parser)).transpose()?;
        if let Some(Some(head)) = buffered {
            return Ok(Some(head));
        }
        let context = self.context.clone();
        let mut stopping = pin!(context.stopping());
        let idle_since = time::now();
        let mut begun_at = None;
        poll_fn(|cx| {
            let stop = context.is_stopping() || stopping.as_mut().poll(cx).is_ready();
            let Some(polled) = self.link.with(|link| {
                loop {
                    // All that is answered leaves before anything more is read: a client that
                    // does not read its answers is not asked for further requests.
                    ready!(link.poll_flush(cx))?;
                    let begun = !link.input.is_empty();
                    if !begun && stop {
                        return Poll::Ready(Ok(None));
                    }
                    let timeouts = &self.shared.timeouts;
                    let (since, span, phase) = match (begun, self.served) {
                        (true, _) => {
                            let since = *begun_at.get_or_insert_with(time::now);
                            (since, timeouts.head, Phase::Head)
                        }
                        (false, 0) => (idle_since, timeouts.first_byte, Phase::FirstByte),
                        (false, _) => (idle_since, timeouts.keep_alive, Phase::Head),
                    };
                    match ready!(link.poll_fill(cx, since.checked_add(span))) {
                        Ok(true) => {}
                        Ok(false) if begun => {
                            return Poll::Ready(Err(Fault::Left.during(phase)));
                        }
                        // Between two requests a client may go as it likes.
                        Ok(false) => return Poll::Ready(Ok(None)),
                        Err(_) if !begun && self.served > 0 => return Poll::Ready(Ok(None)),
                        Err(fault) => return Poll::Ready(Err(fault.during(phase))),
                    }
                    if let Some(head) = take_head(link, &mut self.parser)? {
                        return Poll::Ready(Ok(Some(head)));
                    }
                }
            }) else {
                return Poll::Ready(Ok(None));
            };
            polled
        })
        .await
    }

    /// Makes a request of a head, and hands it to the handler.
    fn begin(&mut self, head: Head) -> Begun {
        self.served += 1;
        self.shared.counters.requests.add();
        let parts = head.layout.head(&head.bytes);
        let framing = parts.framing();
        let mut exchange = Exchange::new(&parts);
        if self.served >= self.shared.limits.requests_per_connection {
            exchange.close();
        }
        let continue_due = parts.expects_continue();
        let number = self.link.with(|link| link.begin(framing, continue_due)).unwrap_or_default();
        let link = Arc::clone(&self.link) as _;
        let has_content = framing != BodyFraming::None;
        let origin = self.origin.clone();
        let watched = self.shared.reports().then(|| {
            let (method, target) = (parts.method().to_owned(), parts.target().to_owned());
            Box::new(Watched { method, target, since: time::now() })
        });
        let request = Request::new(head.bytes, head.layout, origin, (link, number), has_content);
        let answer = catch(|| self.shared.handler.handle(request));
        Begun { exchange, answer, watched }
    }

    /// Runs the handler and writes its response. `Ok` if the connection persists.
    async fn conclude(&self, begun: Begun) -> Result<(), End> {
        let Begun { exchange, answer, watched } = begun;
        let mut answered = self.answer(answer).await?;
        let ended = self.respond(exchange, &mut answered).await;
        if let Some(watched) = watched {
            self.report(&watched);
        }
        ended
    }

    fn report(&self, watched: &Watched) {
        if let Some(Some(status)) = self.link.with(|link| link.content.status) {
            self.shared.report(&Event::Answered {
                peer: self.origin.peer,
                method: &watched.method,
                target: &watched.target,
                status,
                duration: time::now().saturating_duration_since(watched.since),
            });
        }
    }

    /// Runs the handler.
    async fn answer(&self, answer: Result<Answer, Panicked>) -> Result<Answered, End> {
        let crashed = |Panicked(text)| {
            let response = Response::status_text(Status::INTERNAL_SERVER_ERROR);
            Answered { response, failure: Some(ExitReason::Panicked(text)) }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(panicked) => return Ok(crashed(panicked)),
        };
        let mut answer = pin!(isolate(answer));
        let mut alarm = Alarm::new();
        poll_fn(|cx| {
            if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(match answered {
                    Ok(response) => Answered { response, failure: None },
                    Err(panicked) => crashed(panicked),
                }));
            }
            let waiting = self.link.with(|link| {
                if let Poll::Ready(Err(error)) = link.poll_flush(cx) {
                    return Err(End::Drop(failed(error)));
                }
                // The time that the client takes for its content is not the handler's.
                if link.content.awaited {
                    link.restart_deadline();
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
}

/// The exit reason of a connection that ends with `error`.
pub(crate) fn failed(error: Error) -> ExitReason {
    Err::<(), _>(error).into_reason()
}

/// Takes a head out of what was read, if it is complete.
fn take_head<S>(link: &mut Link<S>, parser: &mut RequestParser) -> Result<Option<Head>, Error> {
    let bytes = link.input.filled();
    if bytes.is_empty() || !parser.parse_layout(bytes)? {
        return Ok(None);
    }
    let layout = parser.take_layout();
    let bytes: Box<[u8]> = layout.head(bytes).as_bytes().into();
    link.input.consume(bytes.len());
    Ok(Some(Head { bytes, layout }))
}
