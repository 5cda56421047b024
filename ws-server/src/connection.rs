//! One connection, from its 101 to its end: the life of its actor while it speaks WebSocket.
//!
//! A turn: wait for input, a signal or a deadline; hand all frames of one read to the handler;
//! then write all that they and other senders have queued, at once.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;
use seawall_actor::{Context, ExitReason, Outcome, Panicked, isolate};
use seawall_codec::ws::close::fit_reason;
use seawall_codec::ws::{self, Beat, CloseCode, Event, Heartbeat};
use seawall_http_server::Upgraded;

use crate::deflate::Deflate;
use crate::error::Kind;
use crate::link::Link;
use crate::websocket::Config;
use crate::{By, Closed, Error, Handler, Message, Sender};

/// Output that waits up to here is gathered while the frames of one read are handled; beyond, it
/// is written at once. One write of this size costs little more than one of a few octets.
const GATHER_LEN: usize = 64 * 1024;

/// Reads that are handled in a row before other actors of the same worker get their turn.
const TURN: u32 = 32;

/// How long a connection lingers after its last octet, for the client to read it.
const LINGER: Duration = Duration::from_secs(1);

/// How a connection begins.
pub(crate) enum Opening<H> {
    Accepted(H),
    /// Refused by a Close right after the 101.
    Rejected(CloseCode, String),
}

/// A connection while it speaks WebSocket.
pub(crate) struct Connection {
    link: Link,
    context: Context,
    sender: Sender,
    config: Arc<Config>,
    protocol: ws::Connection,
    heartbeat: Heartbeat,
    /// The moment from which the heartbeat counts.
    started: Instant,
    /// Our Close: when it was queued, and how the connection will have ended.
    ending: Option<(Instant, Ended)>,
}

/// How a connection ended: what the handler is told, and the actor's exit reason.
struct Ended {
    closed: Closed,
    reason: ExitReason,
}

/// What the connection was woken for.
enum Wake {
    Input,
    End,
    Broken(io::Error),
    Stop,
    CloseRequest(CloseCode, String),
    Heartbeat,
    WriteTimeout,
    CloseTimeout,
}

impl Connection {
    pub(crate) fn new(
        upgraded: Upgraded,
        context: Context,
        sender: Sender,
        config: Arc<Config>,
        deflate: Option<Deflate>,
    ) -> Self {
        let timeouts = &config.timeouts;
        let mut protocol = ws::Connection::server(config.limits.for_codec());
        if let Some(deflate) = deflate {
            deflate.apply(&mut protocol);
        }
        Self {
            link: Link::new(upgraded, Arc::clone(&sender.outbox)),
            context,
            sender,
            protocol,
            heartbeat: Heartbeat::new(timeouts.ping, timeouts.pong, Duration::ZERO),
            started: Instant::now(),
            ending: None,
            config,
        }
    }

    pub(crate) async fn run<H: Handler>(mut self, opening: Opening<H>) -> ExitReason {
        let (handler, ended) = match opening {
            Opening::Accepted(mut handler) => {
                let ended = self.serve(&mut handler).await;
                (Some(handler), ended)
            }
            Opening::Rejected(code, reason) => {
                self.close(code, &reason, ExitReason::Normal);
                (None, self.serve(&mut Nobody).await)
            }
        };
        self.sender.outbox.close();
        // "The server MUST close the connection first" (§7.1.1): the client waits for that, so it
        // comes before the application is told.
        let finished = self.link.finish(self.config.timeouts.close).await;
        let mut reason = ended.reason;
        if let Some(mut handler) = handler
            && let Err(Panicked(text)) = isolate(handler.on_close(&ended.closed)).await
            && !matches!(reason, ExitReason::Panicked(_))
        {
            reason = ExitReason::Panicked(text);
        }
        if finished {
            self.link.linger(LINGER).await;
        }
        reason
    }

    /// Serves until nothing more is to be received or sent, save what waits.
    async fn serve<H: Handler>(&mut self, handler: &mut H) -> Ended {
        let context = self.context.clone();
        let mut stopping = pin!(context.stopping());
        let mut stopped = false;
        let mut turn = 0_u32;
        loop {
            let wake = poll_fn(|cx| {
                if !stopped && (context.is_stopping() || stopping.as_mut().poll(cx).is_ready()) {
                    stopped = true;
                    return Poll::Ready(Wake::Stop);
                }
                self.poll_wake(cx)
            })
            .await;
            let ended = match wake {
                Wake::Input => self.receive(handler).await,
                Wake::End => Some(self.lost(Kind::Left)),
                Wake::Broken(error) => Some(self.lost(Kind::Io(error))),
                Wake::Stop => self.close(CloseCode::GOING_AWAY, "", ExitReason::Shutdown),
                Wake::CloseRequest(code, reason) => self.close(code, &reason, ExitReason::Normal),
                Wake::Heartbeat => self.beat(),
                Wake::WriteTimeout => Some(self.lost(Kind::WriteTimeout)),
                Wake::CloseTimeout => Some(self.lost(Kind::CloseTimeout)),
            };
            if let Some(ended) = ended {
                return ended;
            }
            turn = (turn + 1) % TURN;
            if turn == 0 {
                future::yield_now().await;
            }
        }
    }

    /// Waits for whatever comes first. All that waits is written meanwhile.
    fn poll_wake(&mut self, cx: &mut task::Context<'_>) -> Poll<Wake> {
        let flushed = match self.link.poll_flush(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => return Poll::Ready(Wake::Broken(error)),
            Poll::Pending => false,
        };
        if flushed && self.sender.outbox.append(|out| self.protocol.send_held_pong(out)) {
            return self.poll_wake(cx); // at most once: one Pong is held
        }
        if self.ending.is_none()
            && let Some((code, reason)) = self.sender.outbox.take_close_request()
        {
            return Poll::Ready(Wake::CloseRequest(code, reason));
        }
        match self.link.poll_fill(cx) {
            Poll::Ready(Ok(true)) => return Poll::Ready(Wake::Input),
            Poll::Ready(Ok(false)) => return Poll::Ready(Wake::End),
            Poll::Ready(Err(error)) => return Poll::Ready(Wake::Broken(error)),
            Poll::Pending => {}
        }
        self.link.rest();
        self.protocol.shrink();
        let (deadline, wake) = self.next_deadline();
        match deadline {
            Some(deadline) => self.link.poll_deadline(deadline, cx).map(|()| wake),
            None => Poll::Pending,
        }
    }

    /// The deadline that comes first. One beyond what the clock can hold never comes.
    fn next_deadline(&self) -> (Option<Instant>, Wake) {
        let timeouts = &self.config.timeouts;
        if let Some((since, _)) = &self.ending {
            return (since.checked_add(timeouts.close), Wake::CloseTimeout);
        }
        match self.link.blocked_since() {
            // A Ping could not leave either, and who reads slowly is not gone.
            Some(since) => (since.checked_add(timeouts.write), Wake::WriteTimeout),
            None => (self.started.checked_add(self.heartbeat.poll_timeout()), Wake::Heartbeat),
        }
    }

    /// Handles all frames of one read.
    async fn receive<H: Handler>(&mut self, handler: &mut H) -> Option<Ended> {
        // Frames are decoded in the buffer and lent from it, while `self` goes on writing.
        let mut buffer = std::mem::take(&mut self.link.input);
        let mut input = buffer.filled_mut();
        loop {
            let event = match self.protocol.recv(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(violation) => {
                    self.sender.outbox.close();
                    self.sender.outbox.append(|out| self.protocol.fail(violation, out));
                    let closed = Closed {
                        code: Some(violation.close_code()),
                        reason: violation.to_string(),
                        by: By::Server,
                    };
                    let reason = failed(Kind::Violation(violation));
                    return Some(self.ended(Ended { closed, reason }));
                }
            };
            let ended = match event {
                Event::Text(text) => self.deliver(handler, Message::Text(&text)).await,
                Event::Binary(bytes) => self.deliver(handler, Message::Binary(&bytes)).await,
                Event::Ping(payload) => {
                    self.pong(&payload);
                    None
                }
                Event::Pong(payload) => {
                    let _ = self.heartbeat.handle_pong(&payload, self.started.elapsed());
                    None
                }
                Event::Close { code, reason } => Some(self.answer_close(code, &reason)),
            };
            if ended.is_some() {
                return ended;
            }
        }
        let len = buffer.filled().len();
        buffer.consume(len);
        self.link.input = buffer;
        None
    }

    /// Hands a message to the handler. Output of others leaves while it takes its time.
    async fn deliver<H: Handler>(
        &mut self,
        handler: &mut H,
        message: Message<'_>,
    ) -> Option<Ended> {
        if self.ending.is_some() {
            return None; // after our Close, data means nothing any more
        }
        self.sender.outbox.attend();
        let sender = self.sender.clone();
        let mut handled = pin!(isolate(handler.on_message(message, &sender)));
        let mut broken = None;
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(outcome) = handled.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            if broken.is_none() {
                broken = self.poll_output(cx);
                if broken.is_some() {
                    // The handler may wait for room that will never come.
                    self.sender.outbox.close();
                }
            }
            Poll::Pending
        })
        .await;
        if let Err(Panicked(text)) = outcome {
            let reason = ExitReason::Panicked(text);
            return self.close(CloseCode::INTERNAL_ERROR, "internal error", reason);
        }
        if broken.is_none() && self.sender.outbox.len() >= GATHER_LEN {
            // A client that takes its messages slowly has its own wait meanwhile.
            broken = poll_fn(|cx| match self.poll_output(cx) {
                None if self.sender.outbox.len() > 0 => Poll::Pending,
                broken => Poll::Ready(broken),
            })
            .await;
        }
        if let Some(kind) = broken {
            return Some(self.lost(kind));
        }
        match self.sender.outbox.take_close_request() {
            Some((code, reason)) => self.close(code, &reason, ExitReason::Normal),
            None => None,
        }
    }

    /// Writes what waits, as far as the client takes it; tells why it never will.
    fn poll_output(&mut self, cx: &mut task::Context<'_>) -> Option<Kind> {
        match self.link.poll_flush(cx) {
            Poll::Ready(Ok(())) => None,
            Poll::Ready(Err(error)) => Some(Kind::Io(error)),
            Poll::Pending => {
                let since = self.link.blocked_since()?;
                let deadline = since.checked_add(self.config.timeouts.write)?;
                let late = self.link.poll_deadline(deadline, cx).is_ready();
                late.then_some(Kind::WriteTimeout)
            }
        }
    }

    fn pong(&mut self, payload: &[u8]) {
        if self.link.blocked_since().is_some() {
            // Who does not read gets one Pong, the newest, when it does: "MAY elect to send a Pong
            // frame for only the most recently processed Ping" (§5.5.3).
            self.protocol.hold_pong(payload);
        } else {
            // Refused after our Close, which is right.
            let _ = self.sender.outbox.append(|out| self.protocol.send_pong(payload, out));
        }
    }

    fn beat(&mut self) -> Option<Ended> {
        match self.heartbeat.handle_timeout(self.started.elapsed(), random()) {
            Some(Beat::Ping(payload)) => {
                let _ = self.sender.outbox.append(|out| self.protocol.send_ping(&payload, out));
                self.sender.outbox.rest();
                None
            }
            Some(Beat::GiveUp) => {
                let reason = failed(Kind::PongTimeout);
                let _waits = self.close(Heartbeat::CODE, Heartbeat::REASON, reason);
                Some(self.lost(Kind::PongTimeout))
            }
            None => None,
        }
    }

    /// Queues our Close, unless there is one. The connection goes on until the client's.
    fn close(&mut self, code: CloseCode, reason: &str, exit: ExitReason) -> Option<Ended> {
        if self.ending.is_none() {
            let reason = fit_reason(reason);
            self.sender.outbox.close();
            let _ = self.sender.outbox.append(|out| self.protocol.close(Some(code), reason, out));
            let closed = Closed { code: Some(code), reason: reason.to_owned(), by: By::Server };
            self.ending = Some((Instant::now(), Ended { closed, reason: exit }));
        }
        None
    }

    /// The client's Close: the answer to ours, or to be answered.
    fn answer_close(&mut self, code: Option<CloseCode>, reason: &str) -> Ended {
        self.sender.outbox.close();
        self.sender.outbox.append(|out| self.protocol.answer_close(code, out));
        let closed = Closed { code, reason: reason.to_owned(), by: By::Client };
        self.ended(Ended { closed, reason: ExitReason::Normal })
    }

    fn lost(&mut self, kind: Kind) -> Ended {
        let closed = Closed { code: None, reason: String::new(), by: By::Loss };
        self.ended(Ended { closed, reason: failed(kind) })
    }

    /// How the connection ended: by our Close if there was one, whatever came after it.
    fn ended(&mut self, otherwise: Ended) -> Ended {
        match self.ending.take() {
            Some((_, ended)) => ended,
            None => otherwise,
        }
    }
}

fn failed(kind: Kind) -> ExitReason {
    Err::<(), _>(Error::new(kind)).into_reason()
}

/// Four octets that no client can foresee: the keys of the hasher are random.
fn random() -> [u8; 4] {
    let [a, b, c, d, ..] = RandomState::new().hash_one(Instant::now()).to_ne_bytes();
    [a, b, c, d]
}

/// The handler of a connection that was refused.
struct Nobody;

impl Handler for Nobody {
    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
}
