//! The frames that wait for one client. Senders put them in from anywhere; the connection's actor
//! takes them out. What happens when there is no room is in `room.rs`.
//!
//! The lock is held while a frame is copied in or the queue is taken out, never during a system
//! call and never during compression: a slow client makes its senders wait for room, not for a
//! lock.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Context;

use event_listener::Event;
use seawall_codec::ws::{CloseCode, MAX_CONTROL_LEN, Opcode, frame};

use crate::Message;
use crate::batch::Batch;
use crate::deflate::Encoder;
use crate::group::Members;
use crate::prepared::{Prepared, kind};
use crate::queue::Frame;
use crate::room::{Refused, State};
use crate::websocket::Config;

/// A sender has asked the connection to close.
pub(crate) const CLOSE: u8 = 1;

/// Something waits in the inbox.
pub(crate) const INFO: u8 = 2;

/// Messages were dropped.
pub(crate) const DROPPED: u8 = 4;

/// There is room again, after there was none.
pub(crate) const WRITABLE: u8 = 8;

/// As much waits as is worth a write of its own.
pub(crate) const PLENTY: u8 = 16;

/// Octets that are: one write of this size costs little more than one of a few.
const PLENTY_LEN: usize = 64 * 1024;

/// The queue of frames between senders and a connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Notified when there is room again, here or in the inbox, or never will be.
    pub(crate) changed: Event,
    /// Compresses what is worth it, if the client agreed. Set once the handshake is done; what is
    /// sent before goes uncompressed. Boxed: most connections have none.
    encoder: OnceLock<Box<Encoder>>,
    /// What the connection has to look at: [`CLOSE`], [`INFO`], [`DROPPED`], [`WRITABLE`],
    /// [`PLENTY`].
    news: AtomicU8,
    /// The connection waits, and is to be woken. Set and asked under the lock, since what it means
    /// stands there; taken back by the connection without it.
    asleep: AtomicBool,
}

impl Outbox {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self {
            state: Mutex::new(State::new(config)),
            changed: Event::new(),
            encoder: OnceLock::new(),
            news: AtomicU8::new(0),
            asleep: AtomicBool::new(false),
        }
    }

    /// Settles what was not known when the first message could be sent.
    pub(crate) fn settle(&self, config: &Arc<Config>, encoder: Option<Encoder>) {
        self.state().config = Arc::clone(config);
        if let Some(encoder) = encoder {
            let _ = self.encoder.set(Box::new(encoder)); // called once
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one message as one frame.
    pub(crate) fn try_push(&self, message: Message<'_>) -> Result<(), Refused> {
        let payload = message.as_bytes();
        if let Some(encoder) = self.encoder.get()
            && encoder.wants(payload)
        {
            return self.try_push_compressed(encoder, message);
        }
        let opcode = kind(message).opcode();
        let mut state = self.admit(payload.len())?;
        if state.config.overflow.drops_waiting() {
            let mut bytes = Vec::new();
            frame::encode(opcode, true, None, payload, &mut bytes);
            self.push_loose(&mut state, message, Frame::Own(bytes));
        } else {
            state.queue.push_message(opcode, payload);
        }
        self.pushed(&state);
        Ok(())
    }

    /// Queues a message that others get as well.
    pub(crate) fn try_push_prepared(&self, prepared: &mut Prepared<'_>) -> Result<(), Refused> {
        let frame = prepared.frame(self.encoder.get().map(|encoder| &**encoder));
        let frame = Arc::clone(frame);
        let mut state = self.admit(frame.len())?;
        if state.config.overflow.drops_waiting() {
            self.push_loose(&mut state, prepared.message, Frame::Shared(frame));
        } else {
            state.queue.push_shared(&frame);
        }
        self.pushed(&state);
        Ok(())
    }

    /// Queues a Ping. It counts as a message: who sends nothing else is bounded, too.
    pub(crate) fn try_push_ping(&self, payload: &[u8]) -> Result<(), Refused> {
        let payload = &payload[..payload.len().min(MAX_CONTROL_LEN)];
        let mut state = self.state();
        if state.is_closed() {
            return Err(Refused::Closed);
        }
        if !state.has_room(payload.len()) {
            return Err(Refused::Full);
        }
        state.queue.append(1, |tail| frame::encode(Opcode::Ping, true, None, payload, tail));
        self.wake(&state);
        Ok(())
    }

    /// Queues one message as one frame, compressed if it becomes shorter by it.
    fn try_push_compressed(&self, encoder: &Encoder, message: Message<'_>) -> Result<(), Refused> {
        let payload = message.as_bytes();
        encoder.with(|compressor| {
            // First, since what a compressor has taken in must be sent.
            self.admit(payload.len())?.rare().reserved += payload.len();
            let mut frame = Vec::new();
            compressor.encode(kind(message), payload, None, &mut frame);
            let mut state = self.state();
            state.rare().reserved -= payload.len();
            if state.closed {
                return Err(Refused::Closed);
            }
            if state.config.overflow.drops_waiting() {
                self.push_loose(&mut state, message, Frame::Own(frame));
            } else {
                state.queue.push_encoded(frame);
            }
            self.pushed(&state);
            Ok(())
        })
    }

    /// Queues one message, and waits while there is no room. `Err`: the connection is closing.
    pub(crate) async fn push(&self, message: Message<'_>) -> Result<(), ()> {
        loop {
            let listener = match self.try_push(message) {
                Ok(()) | Err(Refused::Dropped) => return Ok(()),
                Err(Refused::Closed) => return Err(()),
                Err(Refused::Full) => self.changed.listen(),
            };
            // Room may have come between the refusal and `listen`.
            match self.try_push(message) {
                Ok(()) | Err(Refused::Dropped) => return Ok(()),
                Err(Refused::Closed) => return Err(()),
                Err(Refused::Full) => listener.await,
            }
        }
    }

    /// Takes note of a group; tells whether the connection still is one to be in groups.
    pub(crate) fn join(&self, group: &Arc<Members>) -> bool {
        let mut state = self.state();
        if state.over {
            return false;
        }
        let groups = &mut state.rare().groups;
        if !groups.iter().any(|known| known.as_ptr() == Arc::as_ptr(group)) {
            groups.retain(|known| known.strong_count() > 0);
            groups.push(Arc::downgrade(group));
        }
        true
    }

    /// Forgets a group.
    pub(crate) fn leave(&self, group: &Arc<Members>) {
        self.state().rare().groups.retain(|known| known.as_ptr() != Arc::as_ptr(group));
    }

    /// Asks the connection to close; the first request counts.
    pub(crate) fn request_close(&self, code: CloseCode, reason: String) {
        let mut state = self.state();
        if !state.is_closed() {
            self.ask_to_close(&mut state, (code, reason));
        }
    }

    pub(crate) fn take_close_request(&self) -> Option<(CloseCode, String)> {
        if !self.take_news(CLOSE) {
            return None;
        }
        let mut state = self.state();
        if state.closed { None } else { state.rare().close_request.take() }
    }

    /// How many messages may wait in the inbox.
    pub(crate) fn max_infos(&self) -> usize {
        self.state().config.limits.infos
    }

    /// Lets the connection know that something waits in the inbox.
    pub(crate) fn informed(&self) {
        self.mark(INFO);
        self.wake(&self.state());
    }

    /// Marks something that the connection has to look at.
    pub(crate) fn mark(&self, what: u8) {
        self.news.fetch_or(what, Ordering::Release);
    }

    /// Whether `what` is to be looked at; says so once.
    ///
    /// News are marked before the waker is looked for, so who has stored a waker before it asks
    /// here misses none.
    pub(crate) fn take_news(&self, what: u8) -> bool {
        self.news.load(Ordering::Acquire) & what != 0
            && self.news.fetch_and(!what, Ordering::AcqRel) & what != 0
    }

    /// How many messages were dropped since this was asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state().rare().dropped)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed()
    }

    /// Takes nothing more from senders.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify(usize::MAX);
        if let Some(encoder) = self.encoder.get() {
            encoder.close();
        }
    }

    /// The connection is over; gives the groups that it was a member of.
    pub(crate) fn end(&self) -> Vec<Weak<Members>> {
        let mut state = self.state();
        state.over = true;
        let left = (std::mem::take(&mut state.rare().groups), state.waker.take());
        drop(state); // what it wakes is let go without the lock
        left.0
    }

    /// Called now and then: gives back what was not used since.
    pub(crate) fn rest(&self) {
        if let Some(encoder) = self.encoder.get() {
            encoder.rest();
        }
    }

    /// Lets the connection append frames of its own, which no bound refuses: control frames.
    pub(crate) fn append<T>(&self, f: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.state().queue.append(0, f)
    }

    /// Takes out what is to be written next; what was in `next` is written. If nothing waits, `cx`
    /// is woken when something does; tells whether something came.
    pub(crate) fn take(&self, next: &mut Batch, cx: &mut Context<'_>) -> bool {
        let mut state = self.state();
        let awaited = self.has_written(&mut state, usize::MAX);
        let came = state.queue.take(next);
        if came {
            state.unwritten = next.len();
        } else {
            self.sleep(&mut state, cx);
            state.queue.shrink(); // an idle connection holds no memory for its output
        }
        drop(state);
        if awaited {
            self.changed.notify(usize::MAX);
        }
        came
    }

    /// Counts octets that were taken out and are now written, of more than those.
    pub(crate) fn wrote(&self, len: usize) {
        let awaited = self.has_written(&mut self.state(), len);
        if awaited {
            self.changed.notify(usize::MAX);
        }
    }

    /// Wakes `cx` when something happens that the connection has to look at, though it cannot
    /// write now.
    pub(crate) fn await_news(&self, cx: &mut Context<'_>) {
        self.sleep(&mut self.state(), cx);
    }

    /// Senders need not wake the connection: it will look by itself.
    pub(crate) fn attend(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    fn sleep(&self, state: &mut State, cx: &mut Context<'_>) {
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        self.asleep.store(true, Ordering::Relaxed);
    }

    /// Lets the connection know that there is something for it.
    pub(crate) fn wake(&self, state: &State) {
        if self.asleep.load(Ordering::Relaxed)
            && let Some(waker) = &state.waker
        {
            self.asleep.store(false, Ordering::Relaxed);
            waker.wake_by_ref();
        }
    }

    fn pushed(&self, state: &State) {
        if state.unsent() >= PLENTY_LEN {
            self.mark(PLENTY);
        }
        self.wake(state);
    }
}
