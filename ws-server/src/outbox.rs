//! The frames that wait for one client. Senders put them in from anywhere; the connection's actor
//! takes them out.
//!
//! The lock is held while a frame is copied in or the queue is taken out, never during a system
//! call and never during compression: a slow client makes its senders wait for room, not for a
//! lock.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Waker};

use event_listener::Event;
use seawall_codec::ws::{CloseCode, MAX_CONTROL_LEN, Opcode, frame};

use crate::deflate::Encoder;
use crate::group::Members;
use crate::prepared::{Prepared, kind};
use crate::queue::{Frame, Queue};
use crate::websocket::Config;
use crate::{Message, Overflow};

/// A sender has asked the connection to close.
pub(crate) const CLOSE: u8 = 1;

/// Something waits in the inbox.
pub(crate) const INFO: u8 = 2;

/// Messages were dropped.
pub(crate) const DROPPED: u8 = 4;

/// There is room again, after there was none.
pub(crate) const WRITABLE: u8 = 8;

/// The queue of frames between senders and a connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Notified when there is room again, here or in the inbox, or never will be.
    pub(crate) changed: Event,
    /// Compresses what is worth it, if the client agreed. Set once the handshake is done; what is
    /// sent before goes uncompressed.
    encoder: OnceLock<Encoder>,
    /// What the connection has to look at: [`CLOSE`], [`INFO`], [`DROPPED`], [`WRITABLE`].
    news: AtomicU8,
}

struct State {
    queue: Queue,
    /// Octets that were taken out and are not written yet.
    unwritten: usize,
    /// Octets of messages that are being compressed. They count against the bound.
    reserved: usize,
    /// Messages dropped since the handler was told.
    dropped: u64,
    /// There was no room for a message, and the handler was not told since that there is.
    full: bool,
    /// Those that the connection is a member of. They are told when it ends.
    groups: Vec<Weak<Members>>,
    /// The connection is over: it joins no group any more.
    over: bool,
    /// Nothing more goes in: a Close was queued, or the connection is over.
    closed: bool,
    /// What a sender asked the connection to close with.
    close_request: Option<Box<(CloseCode, String)>>,
    /// Wakes the connection when it waits and there is something for it.
    waker: Option<Waker>,
    config: Arc<Config>,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// There is no room, and nothing is to be dropped.
    Full,
    /// There was no room, so it was dropped, as the policy says.
    Dropped,
    Closed,
}

impl Refused {
    pub(crate) fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

impl Outbox {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self {
            state: Mutex::new(State {
                queue: Queue::default(),
                unwritten: 0,
                reserved: 0,
                dropped: 0,
                full: false,
                groups: Vec::new(),
                over: false,
                closed: false,
                close_request: None,
                waker: None,
                config: Arc::clone(config),
            }),
            changed: Event::new(),
            encoder: OnceLock::new(),
            news: AtomicU8::new(0),
        }
    }

    /// Settles what was not known when the first message could be sent.
    pub(crate) fn settle(&self, config: &Arc<Config>, encoder: Option<Encoder>) {
        self.state().config = Arc::clone(config);
        if let Some(encoder) = encoder {
            let _ = self.encoder.set(encoder); // called once
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one message as one frame.
    pub(crate) fn try_push(&self, message: Message<'_>) -> Result<(), Refused> {
        let kind = kind(message);
        let payload = message.as_bytes();
        if let Some(encoder) = self.encoder.get()
            && encoder.wants(payload)
        {
            return self.try_push_compressed(encoder, message);
        }
        let mut state = self.admit(payload.len())?;
        if state.config.overflow.drops_waiting() {
            let mut bytes = Vec::new();
            frame::encode(kind.opcode(), true, None, payload, &mut bytes);
            self.push_loose(&mut state, message, Frame::Own(bytes));
        } else {
            let encode = |tail: &mut _| frame::encode(kind.opcode(), true, None, payload, tail);
            state.queue.append(1, encode);
        }
        state.wake();
        Ok(())
    }

    /// Queues a message that others get as well.
    pub(crate) fn try_push_prepared(&self, prepared: &mut Prepared<'_>) -> Result<(), Refused> {
        let frame = prepared.frame(self.encoder.get());
        let frame = Arc::clone(frame);
        let mut state = self.admit(frame.len())?;
        if state.config.overflow.drops_waiting() {
            self.push_loose(&mut state, prepared.message, Frame::Shared(frame));
        } else {
            state.queue.push_shared(&frame);
        }
        state.wake();
        Ok(())
    }

    /// Takes note of a group; tells whether the connection still is one to be in groups.
    pub(crate) fn join(&self, group: &Arc<Members>) -> bool {
        let mut state = self.state();
        if !state.over && !state.groups.iter().any(|known| known.as_ptr() == Arc::as_ptr(group)) {
            state.groups.retain(|known| known.strong_count() > 0);
            state.groups.push(Arc::downgrade(group));
        }
        !state.over
    }

    /// Forgets a group.
    pub(crate) fn leave(&self, group: &Arc<Members>) {
        self.state().groups.retain(|known| known.as_ptr() != Arc::as_ptr(group));
    }

    /// Gives the groups that the connection was a member of: it is over.
    pub(crate) fn end(&self) -> Vec<Weak<Members>> {
        let mut state = self.state();
        state.over = true;
        std::mem::take(&mut state.groups)
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
        state.wake();
        Ok(())
    }

    /// Queues one message as one frame, compressed if it becomes shorter by it.
    fn try_push_compressed(&self, encoder: &Encoder, message: Message<'_>) -> Result<(), Refused> {
        let payload = message.as_bytes();
        encoder.with(|compressor| {
            // First, since what a compressor has taken in must be sent.
            self.admit(payload.len())?.reserved += payload.len();
            let mut frame = Vec::new();
            compressor.encode(kind(message), payload, None, &mut frame);
            let mut state = self.state();
            state.reserved -= payload.len();
            if state.closed {
                return Err(Refused::Closed);
            }
            if state.config.overflow.drops_waiting() {
                self.push_loose(&mut state, message, Frame::Own(frame));
            } else {
                state.queue.append(1, |tail| match tail.is_empty() {
                    true => *tail = frame,
                    false => tail.extend_from_slice(&frame),
                });
            }
            state.wake();
            Ok(())
        })
    }

    /// Queues a message that may be dropped later, or takes the place of an earlier one.
    fn push_loose(&self, state: &mut State, message: Message<'_>, frame: Frame) {
        let config = Arc::clone(&state.config);
        let key = match &config.overflow {
            Overflow::Coalesce(key) => key.of(message),
            _ => None,
        };
        let frame = match key {
            Some(key) => match state.queue.replace(key, frame) {
                Ok(()) => {
                    config.counters.coalesced.add();
                    return;
                }
                Err(frame) => frame,
            },
            None => frame,
        };
        let limits = &config.limits;
        let len = frame.bytes().len();
        while (state.queue.len() + len > limits.queued
            || state.queue.messages() >= limits.queued_messages)
            && state.queue.drop_oldest()
        {
            config.counters.dropped_oldest.add();
            self.dropped(state, 1);
        }
        state.queue.push_loose(frame, key);
    }

    /// The state, if there is room in it for a message of this length.
    fn admit(&self, len: usize) -> Result<MutexGuard<'_, State>, Refused> {
        let mut state = self.state();
        if state.is_closed() {
            return Err(Refused::Closed);
        }
        if state.has_room(len) || state.config.overflow.drops_waiting() {
            return Ok(state);
        }
        state.full = true;
        let config = Arc::clone(&state.config);
        match config.overflow {
            Overflow::DropNewest => {
                config.counters.dropped_newest.add();
                self.dropped(&mut state, 1);
                state.wake();
                Err(Refused::Dropped)
            }
            Overflow::Close => {
                config.counters.closed_slow.add();
                let lost = state.queue.clear() as u64;
                self.dropped(&mut state, lost + 1);
                let close = (CloseCode::TRY_AGAIN_LATER, "too slow".to_owned());
                self.ask_to_close(&mut state, close);
                Err(Refused::Closed)
            }
            Overflow::Block | Overflow::DropOldest | Overflow::Coalesce(_) => {
                config.counters.blocked.add();
                Err(Refused::Full)
            }
        }
    }

    fn dropped(&self, state: &mut State, messages: u64) {
        state.dropped += messages;
        state.full = true;
        self.news.fetch_or(DROPPED, Ordering::Release);
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

    /// Asks the connection to close; the first request counts.
    pub(crate) fn request_close(&self, code: CloseCode, reason: String) {
        let mut state = self.state();
        if !state.is_closed() {
            self.ask_to_close(&mut state, (code, reason));
        }
    }

    fn ask_to_close(&self, state: &mut State, close: (CloseCode, String)) {
        state.close_request = Some(Box::new(close));
        self.news.fetch_or(CLOSE, Ordering::Release);
        state.wake();
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn take_close_request(&self) -> Option<(CloseCode, String)> {
        if !self.take_news(CLOSE) {
            return None;
        }
        let mut state = self.state();
        if state.closed { None } else { state.close_request.take().map(|request| *request) }
    }

    /// How many messages may wait in the inbox.
    pub(crate) fn max_infos(&self) -> usize {
        self.state().config.limits.infos
    }

    /// Lets the connection know that something waits in the inbox.
    pub(crate) fn informed(&self) {
        self.news.fetch_or(INFO, Ordering::Release);
        self.state().wake();
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
        std::mem::take(&mut self.state().dropped)
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

    /// How many octets wait, written out or not.
    pub(crate) fn len(&self) -> usize {
        let state = self.state();
        state.queue.len() + state.unwritten
    }

    /// Takes out what is to be written next. If nothing waits, `cx` is woken when something does;
    /// tells whether something came.
    pub(crate) fn take(&self, next: &mut Frame, cx: &mut Context<'_>) -> bool {
        let mut state = self.state();
        if state.queue.take(next) {
            state.unwritten = next.bytes().len();
            return true;
        }
        state.await_news(cx);
        state.queue.shrink(); // an idle connection holds no memory for its output
        false
    }

    /// Wakes `cx` when something happens that the connection has to look at, though it cannot
    /// write now.
    pub(crate) fn await_news(&self, cx: &mut Context<'_>) {
        self.state().await_news(cx);
    }

    /// Senders need not wake the connection: it will look by itself.
    pub(crate) fn attend(&self) {
        self.state().waker = None;
    }

    /// Counts octets that were taken out and are now written.
    pub(crate) fn wrote(&self, len: usize) {
        let mut state = self.state();
        state.unwritten = state.unwritten.saturating_sub(len);
        if state.full && state.is_half_empty() {
            state.full = false;
            self.news.fetch_or(WRITABLE, Ordering::Release);
        }
        drop(state);
        self.changed.notify(usize::MAX);
    }
}

impl State {
    fn is_closed(&self) -> bool {
        self.closed || self.close_request.is_some()
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.unwritten + self.reserved
    }

    fn has_room(&self, len: usize) -> bool {
        let limits = &self.config.limits;
        let waiting = self.waiting();
        // A message beyond the bound is taken when it is alone: else it could never be sent.
        let fits = waiting == 0 || waiting.saturating_add(len) <= limits.queued;
        fits && self.queue.messages() < limits.queued_messages
    }

    fn is_half_empty(&self) -> bool {
        let limits = &self.config.limits;
        self.waiting() <= limits.queued / 2 && self.queue.messages() <= limits.queued_messages / 2
    }

    fn await_news(&mut self, cx: &mut Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    /// Lets the connection know that there is something for it.
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::Limits;

    const EIGHT: Message<'_> = Message::Binary(&[0; 8]);
    const EMPTY: Message<'_> = Message::Text("");

    fn outbox(queued: usize, queued_messages: usize) -> Outbox {
        let limits = Limits { queued, queued_messages, ..Limits::default() };
        Outbox::new(&Arc::new(Config { limits, ..Config::default() }))
    }

    fn take(outbox: &Outbox) -> usize {
        let mut next = Frame::default();
        outbox.take(&mut next, &mut Context::from_waker(Waker::noop()));
        next.bytes().len()
    }

    #[test]
    fn bounded_by_octets_until_they_are_written() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(EIGHT), Ok(()));
        assert_eq!(outbox.try_push(EIGHT), Err(Refused::Full));
        let taken = take(&outbox);
        assert_eq!(outbox.try_push(EIGHT), Err(Refused::Full));
        outbox.wrote(taken);
        assert!(outbox.take_news(WRITABLE) && !outbox.take_news(WRITABLE));
        assert_eq!(outbox.try_push(EIGHT), Ok(()));
    }

    #[test]
    fn a_message_beyond_the_bound_goes_alone() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(Message::Binary(&[0; 100])), Ok(()));
        assert_eq!(outbox.try_push(Message::Binary(&[])), Err(Refused::Full));
    }

    #[test]
    fn bounded_by_messages() {
        let outbox = outbox(1000, 2);
        assert_eq!(outbox.try_push(EMPTY), Ok(()));
        assert_eq!(outbox.try_push(EMPTY), Ok(()));
        assert_eq!(outbox.try_push(EMPTY), Err(Refused::Full));
    }

    #[test]
    fn nothing_goes_in_behind_a_close() {
        let outbox = outbox(10, 10);
        outbox.request_close(CloseCode::NORMAL, String::new());
        assert_eq!(outbox.try_push(EMPTY), Err(Refused::Closed));
        assert!(outbox.take_close_request().is_some());
    }
}
