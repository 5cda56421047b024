//! One connection, from its 101 to its end: the life of its actor while it speaks WebSocket.
//!
//! A turn: wait for input, for messages of the application, for a signal or a deadline; hand all
//! frames of one read to the handler (`callback.rs`); then write all that they and other senders
//! have queued, at once.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;
use seawall_actor::{Buffer, Context, ExitReason, Outcome, Panicked, time};
use seawall_codec::ws::close::fit_reason;
use seawall_codec::ws::{self, Beat, CloseCode, Event, Heartbeat};
use seawall_http_server::Upgraded;

use crate::accepted::Accepted;
use crate::deflate::Deflate;
use crate::error::Kind;
use crate::group;
use crate::link::Link;
use crate::outbox::{DROPPED, INFO, Outbox, WRITABLE};
use crate::random::random;
use crate::websocket::Config;
use crate::{By, Closed, Error, Handler, Message, Pong, Sender};

/// Reads that are handled in a row before other actors of the same worker get their turn, and
/// before a client that never pauses is asked what is due.
const TURN: u32 = 32;

/// A read with as many frames is enough for one turn, and the next one is a short one.
const MANY: u32 = 64;

/// Messages of the application that are handled in a row before input gets its turn.
const INFO_TURN: usize = 64;

/// How long a connection lingers after its last octet, for the client to read it.
const LINGER: Duration = Duration::from_secs(1);

/// How a connection begins.
pub(crate) enum Opening<H: Handler<I>, I: Send + 'static> {
    Accepted(Accepted<H, I>),
    /// Refused by a Close with 1008 and this reason, right after the 101.
    Rejected(Box<str>),
}

/// A connection with all that belongs to it: what it is while it speaks WebSocket.
pub(crate) struct Life<H: Handler<I>, I: Send + 'static> {
    /// First, so that a handler that is killed is told of it while its connection is still there.
    opening: Opening<H, I>,
    connection: Connection<I>,
}

/// A connection while it speaks WebSocket.
pub(crate) struct Connection<I> {
    pub(crate) link: Link,
    pub(crate) context: Context,
    owner: Owner<I>,
    pub(crate) config: Arc<Config>,
    protocol: ws::Connection,
    pub(crate) heartbeat: Heartbeat,
    /// The moment from which the heartbeat counts.
    started: Instant,
    /// Our Close: when it was queued, and how the connection will have ended.
    pub(crate) ending: Option<Box<(Instant, Ended)>>,
    /// Whether the last turn was for messages of the application: then input comes first.
    informed: bool,
    /// The last read brought many frames.
    crowded: bool,
    /// The client has had its time: what it has not taken by now is not waited for.
    overdue: bool,
}

/// What a connection leaves behind: senders that find it closed, whatever became of it.
pub(crate) struct Owner<I>(pub(crate) Sender<I>);

impl<I> Drop for Owner<I> {
    fn drop(&mut self) {
        self.0.outbox().close();
        self.0.ends.inbox.close();
        for group in self.0.outbox().end() {
            if let Some(group) = group.upgrade() {
                group.remove(group::id(&self.0));
            }
        }
    }
}

impl<H: Handler<I>, I: Send + 'static> Life<H, I> {
    pub(crate) fn new(opening: Opening<H, I>, connection: Connection<I>) -> Self {
        Self { opening, connection }
    }

    /// Serves until the connection is over.
    ///
    /// Boxed: the compiler would keep it twice in the future, as an argument and as a variable.
    pub(crate) async fn run(mut self: Box<Self>) -> ExitReason {
        let Self { opening, connection } = &mut *self;
        let ended = match opening {
            Opening::Accepted(accepted) => connection.serve(accepted.serving()).await,
            Opening::Rejected(reason) => {
                connection.close(CloseCode::POLICY_VIOLATION, reason, ExitReason::Normal);
                Box::pin(connection.serve(&mut Nobody)).await
            }
        };
        // Boxed, since all of a connection's life would be as large as its end.
        Box::pin(self.end(ended)).await
    }

    async fn end(mut self: Box<Self>, ended: Ended) -> ExitReason {
        self.connection.outbox().close();
        if let Opening::Accepted(accepted) = &mut self.opening {
            accepted.ended(ended.closed);
        }
        let Self { opening, mut connection } = *self;
        connection.finish(opening, ended.reason).await
    }
}

/// How a connection ended: what the handler is told, and the actor's exit reason.
pub(crate) struct Ended {
    closed: Closed,
    reason: ExitReason,
}

/// What the connection was woken for.
enum Wake {
    Input(Buffer),
    Info,
    Dropped,
    Writable,
    End,
    Broken(io::Error),
    Due(Due),
}

/// What is due at a deadline.
#[derive(Clone, Copy)]
pub(crate) enum Due {
    Heartbeat,
    WriteTimeout,
    CloseTimeout,
}

impl<I: Send + 'static> Connection<I> {
    pub(crate) fn new(
        upgraded: Upgraded,
        context: Context,
        owner: Owner<I>,
        config: Arc<Config>,
        deflate: Option<Deflate>,
    ) -> Self {
        let timeouts = &config.timeouts;
        let mut protocol = ws::Connection::server(Arc::clone(&config.codec_limits));
        if let Some(deflate) = deflate {
            deflate.apply(&mut protocol);
        }
        Self {
            link: Link::new(upgraded),
            context,
            owner,
            protocol,
            heartbeat: Heartbeat::new(timeouts.ping, timeouts.pong, Duration::ZERO),
            started: time::now(),
            ending: None,
            informed: false,
            crowded: false,
            overdue: false,
            config,
        }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        self.owner.0.outbox()
    }

    /// How long the connection has been there: what the heartbeat counts in.
    pub(crate) fn age(&self) -> Duration {
        time::now().saturating_duration_since(self.started)
    }

    /// Writes what waits, as far as the client takes it.
    pub(crate) fn poll_flush(&mut self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let was_blocked = self.link.blocked_since().is_some();
        let flushed = self.link.poll_flush(self.owner.0.outbox(), cx);
        if was_blocked && matches!(flushed, Poll::Ready(Ok(()))) {
            // Who reads slowly is not gone: a Ping that waited with the rest left only now.
            let now = self.age();
            self.heartbeat.handle_flushed(now);
        }
        flushed
    }

    /// Writes what waits, ends the connection, and tells the handler.
    async fn finish<H: Handler<I>>(
        &mut self,
        opening: Opening<H, I>,
        mut reason: ExitReason,
    ) -> ExitReason {
        // "The server MUST close the connection first" (§7.1.1): the client waits for that, so it
        // comes before the application is told.
        let patience = self.config.timeouts.close;
        let last = if self.overdue { Duration::ZERO } else { patience };
        let finished = self.link.finish(self.owner.0.outbox(), last).await;
        if let Opening::Accepted(accepted) = opening {
            // What came first says more, save that nothing hides a panic.
            reason = match (time::timeout(patience, accepted.tell()).await, reason) {
                (_, panicked @ ExitReason::Panicked(_)) => panicked,
                (Ok(Err(Panicked(text))), _) => ExitReason::Panicked(text),
                (Err(time::Elapsed), ExitReason::Normal | ExitReason::Shutdown) => {
                    failed(Kind::OnClose)
                }
                (_, reason) => reason,
            };
        }
        if finished {
            self.link.linger(LINGER).await;
        }
        reason
    }

    /// Serves until nothing more is to be received or sent, save what waits.
    async fn serve<H: Handler<I>>(&mut self, handler: &mut H) -> Ended {
        let sender = self.owner.0.clone();
        let mut turn = 0_u32;
        loop {
            let wake = poll_fn(|cx| self.poll_wake(cx)).await;
            // Boxed: a connection that waits holds no more than what it waits for.
            if let Some(ended) = Box::pin(self.act(wake, handler, &sender)).await {
                return ended;
            }
            turn = if std::mem::take(&mut self.crowded) { 0 } else { (turn + 1) % TURN };
            if turn == 0 {
                // Who sends without a pause never lets the deadline be awaited.
                if let (Some(deadline), due) = self.next_deadline()
                    && deadline <= time::now()
                    && let Some(ended) = self.meet(due)
                {
                    return ended;
                }
                future::yield_now().await;
            }
        }
    }

    /// Waits for whatever comes first. All that waits is written meanwhile.
    fn poll_wake(&mut self, cx: &mut task::Context<'_>) -> Poll<Wake> {
        match self.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                let outbox = self.owner.0.outbox();
                if self.protocol.holds_pong()
                    && outbox.append(|out| self.protocol.send_held_pong(out))
                {
                    return self.poll_wake(cx); // at most once: one Pong is held
                }
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Wake::Broken(error)),
            Poll::Pending => {}
        }
        if self.heed() {
            return self.poll_wake(cx); // at most once: then a Close is queued
        }
        if self.ending.is_none() {
            if self.outbox().take_news(DROPPED) {
                return Poll::Ready(Wake::Dropped);
            }
            if self.outbox().take_news(WRITABLE) {
                return Poll::Ready(Wake::Writable);
            }
        }
        if !self.informed && self.outbox().take_news(INFO) {
            return Poll::Ready(Wake::Info);
        }
        match self.link.poll_fill(cx) {
            Poll::Ready(Ok(Some(input))) => return Poll::Ready(Wake::Input(input)),
            Poll::Ready(Ok(None)) => return Poll::Ready(Wake::End),
            Poll::Ready(Err(error)) => return Poll::Ready(Wake::Broken(error)),
            Poll::Pending => {}
        }
        if self.informed && self.outbox().take_news(INFO) {
            return Poll::Ready(Wake::Info);
        }
        self.link.rest();
        self.protocol.shrink();
        match self.next_deadline() {
            (Some(deadline), due) => self.link.poll_deadline(deadline, cx).map(|()| Wake::Due(due)),
            (None, _) => Poll::Pending,
        }
    }

    /// Begins to close if the actor is told to stop or a sender asks for it; tells whether so.
    pub(crate) fn heed(&mut self) -> bool {
        if self.ending.is_some() {
            return false;
        }
        if self.context.is_stopping() {
            self.close(CloseCode::GOING_AWAY, "", ExitReason::Shutdown);
        } else if let Some((code, reason)) = self.outbox().take_close_request() {
            self.close(code, &reason, ExitReason::Normal);
        }
        self.ending.is_some()
    }

    /// The deadline that comes first. One beyond what the clock can hold never comes.
    pub(crate) fn next_deadline(&self) -> (Option<Instant>, Due) {
        let timeouts = &self.config.timeouts;
        if let Some(since) = self.ending_since() {
            return (since.checked_add(timeouts.close), Due::CloseTimeout);
        }
        match self.link.blocked_since() {
            // A Ping could not leave either, and who reads slowly is not gone.
            Some(since) => (since.checked_add(timeouts.write), Due::WriteTimeout),
            None => (self.started.checked_add(self.heartbeat.poll_timeout()), Due::Heartbeat),
        }
    }

    /// Does what the connection was woken for.
    async fn act<H: Handler<I>>(
        &mut self,
        wake: Wake,
        handler: &mut H,
        sender: &Sender<I>,
    ) -> Option<Ended> {
        match wake {
            Wake::Input(input) => self.receive(input, handler, sender).await,
            Wake::Info => self.inform(handler, sender).await,
            Wake::Dropped => {
                let messages = self.outbox().take_dropped();
                self.call(handler.on_dropped(messages, sender)).await
            }
            Wake::Writable => self.call(handler.on_writable(sender)).await,
            Wake::End => Some(self.lost(Kind::Left)),
            Wake::Broken(error) => Some(self.lost(Kind::Io(error))),
            Wake::Due(due) => self.meet(due),
        }
    }

    fn meet(&mut self, due: Due) -> Option<Ended> {
        match due {
            Due::Heartbeat => self.beat(),
            Due::WriteTimeout => Some(self.lost(Kind::WriteTimeout)),
            Due::CloseTimeout => Some(self.lost(Kind::CloseTimeout)),
        }
    }

    /// Handles all frames of one read.
    async fn receive<H: Handler<I>>(
        &mut self,
        mut input: Buffer,
        handler: &mut H,
        sender: &Sender<I>,
    ) -> Option<Ended> {
        self.informed = false;
        let mut input = input.filled_mut(); // frames are decoded there, and lent from it
        let mut events = 0_u32;
        loop {
            let event = match self.protocol.recv(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(violation) => {
                    self.outbox().close();
                    self.owner.0.outbox().append(|out| self.protocol.fail(violation, out));
                    let closed = Closed {
                        code: Some(violation.close_code()),
                        reason: violation.to_string(),
                        by: By::Server,
                    };
                    let reason = failed(Kind::Violation(violation));
                    return Some(self.ended(Ended { closed, reason }));
                }
            };
            events += 1;
            if events == MANY {
                self.crowded = true;
                self.link.read_less();
            }
            let deaf = self.ending.is_some(); // after our Close, data means nothing any more
            let ended = match event {
                Event::Close { code, reason } => Some(self.answer_close(code, &reason)),
                _ if deaf => None,
                Event::Text(text) => {
                    self.call(handler.on_message(Message::Text(&text), sender)).await
                }
                Event::Binary(bytes) => {
                    self.call(handler.on_message(Message::Binary(&bytes), sender)).await
                }
                Event::Ping(payload) => {
                    self.pong(&payload);
                    self.call(handler.on_ping(&payload, sender)).await
                }
                Event::Pong(payload) => {
                    let round_trip = self.heartbeat.handle_pong(&payload, self.age());
                    let pong = Pong { payload: &payload, round_trip };
                    self.call(handler.on_pong(pong, sender)).await
                }
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    /// Handles messages of the application that wait.
    async fn inform<H: Handler<I>>(
        &mut self,
        handler: &mut H,
        sender: &Sender<I>,
    ) -> Option<Ended> {
        self.informed = true;
        let mut handled = 0;
        while self.ending.is_none()
            && let Some((info, awaited)) = self.owner.0.ends.inbox.pop()
        {
            if awaited {
                self.outbox().changed.notify(usize::MAX);
            }
            if let Some(ended) = self.call(handler.on_info(info, sender)).await {
                return Some(ended);
            }
            handled += 1;
            if handled == INFO_TURN {
                self.outbox().informed();
                break;
            }
        }
        None
    }

    fn pong(&mut self, payload: &[u8]) {
        if self.link.blocked_since().is_some() || self.protocol.holds_pong() {
            // Who does not read gets one Pong, the newest, when it does: "MAY elect to send a Pong
            // frame for only the most recently processed Ping" (§5.5.3).
            self.protocol.hold_pong(payload);
        } else {
            // Refused after our Close, which is right.
            let _ = self.owner.0.outbox().append(|out| self.protocol.send_pong(payload, out));
        }
    }

    fn beat(&mut self) -> Option<Ended> {
        match self.heartbeat.handle_timeout(self.age(), random()) {
            Some(Beat::Ping(payload)) => {
                let outbox = self.owner.0.outbox();
                let _ = outbox.append(|out| self.protocol.send_ping(&payload, out));
                outbox.rest();
                None
            }
            Some(Beat::GiveUp) => {
                let reason = failed(Kind::PongTimeout);
                self.close(Heartbeat::CODE, Heartbeat::REASON, reason);
                Some(self.lost(Kind::PongTimeout))
            }
            None => None,
        }
    }

    /// Queues our Close, unless there is one. The connection goes on until the client's.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &str, exit: ExitReason) {
        if self.ending.is_none() {
            let reason = fit_reason(reason);
            let outbox = self.owner.0.outbox();
            outbox.close();
            let _ = outbox.append(|out| self.protocol.close(Some(code), reason, out));
            let closed = Closed { code: Some(code), reason: reason.to_owned(), by: By::Server };
            self.ending = Some(Box::new((time::now(), Ended { closed, reason: exit })));
        }
    }

    /// A callback panicked: the connection closes, unless it does already, and this is why it ends.
    pub(crate) fn panicked(&mut self, exit: ExitReason) {
        match &mut self.ending {
            Some(ending) => ending.1.reason = exit,
            None => self.close(CloseCode::INTERNAL_ERROR, "internal error", exit),
        }
    }

    /// The client's Close: the answer to ours, or to be answered.
    fn answer_close(&mut self, code: Option<CloseCode>, reason: &str) -> Ended {
        let outbox = self.owner.0.outbox();
        outbox.close();
        outbox.append(|out| self.protocol.answer_close(code, out));
        let closed = Closed { code, reason: reason.to_owned(), by: By::Client };
        self.ended(Ended { closed, reason: ExitReason::Normal })
    }

    /// Since when our Close is queued.
    pub(crate) fn ending_since(&self) -> Option<Instant> {
        self.ending.as_ref().map(|ending| ending.0)
    }

    pub(crate) fn lost(&mut self, kind: Kind) -> Ended {
        self.overdue = matches!(kind, Kind::WriteTimeout | Kind::CloseTimeout);
        let closed = Closed { code: None, reason: String::new(), by: By::Loss };
        self.ended(Ended { closed, reason: failed(kind) })
    }

    /// How the connection ended: by our Close if there was one, whatever came after it.
    fn ended(&mut self, otherwise: Ended) -> Ended {
        match self.ending.take() {
            Some(ending) => ending.1,
            None => otherwise,
        }
    }
}

fn failed(kind: Kind) -> ExitReason {
    Err::<(), _>(Error::new(kind)).into_reason()
}

/// The handler of a connection that was refused.
struct Nobody;

impl<I: Send + 'static> Handler<I> for Nobody {
    async fn on_message(&mut self, _: Message<'_>, _: &Sender<I>) {}
}
