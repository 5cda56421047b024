//! The frames that wait for one client. Senders put them in from anywhere; the connection's actor
//! takes them out, all at once.
//!
//! The lock is held while a frame is copied in or the whole buffer is swapped out, never during a
//! system call and never during compression: a slow client makes its senders wait for room, not
//! for a lock.

use std::mem;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};

use event_listener::Event;
use seawall_codec::ws::{CloseCode, Kind, Opcode, frame};

use crate::config::Limits;
use crate::deflate::Encoder;

/// The queue of frames between senders and a connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Notified when there is room again, here or in the inbox, or never will be.
    pub(crate) changed: Event,
    /// Compresses what is worth it, if the client agreed. Set once the handshake is done; what is
    /// sent before goes uncompressed.
    encoder: OnceLock<Encoder>,
    /// What the connection has to look at: [`CLOSE`], [`INFO`].
    news: AtomicU8,
}

/// A sender has asked the connection to close.
pub(crate) const CLOSE: u8 = 1;

/// Something waits in the inbox.
pub(crate) const INFO: u8 = 2;

/// The longest payload of a control frame in octets (RFC 6455 §5.5).
const MAX_CONTROL_LEN: usize = 125;

struct State {
    /// Encoded frames, in order.
    bytes: Vec<u8>,
    /// How many messages are among them.
    messages: usize,
    /// Octets that were taken out and are not written yet. They count against the bound.
    unwritten: usize,
    /// Octets of messages that are being compressed. They count against the bound.
    reserved: usize,
    /// Nothing more goes in: a Close was queued, or the connection is over.
    closed: bool,
    /// What a sender asked the connection to close with.
    close_request: Option<(CloseCode, String)>,
    /// Wakes the connection when it waits and there is something for it.
    waker: Option<Waker>,
    bounds: Bounds,
}

/// How much may wait, in octets and messages, and messages in the inbox.
#[derive(Clone, Copy)]
struct Bounds {
    bytes: usize,
    messages: usize,
    infos: usize,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self { bytes: limits.queued, messages: limits.queued_messages, infos: limits.infos }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

impl Outbox {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::new(State {
                bytes: Vec::new(),
                messages: 0,
                unwritten: 0,
                reserved: 0,
                closed: false,
                close_request: None,
                waker: None,
                bounds: limits.into(),
            }),
            changed: Event::new(),
            encoder: OnceLock::new(),
            news: AtomicU8::new(0),
        }
    }

    /// Settles what was not known when the first message could be sent.
    pub(crate) fn settle(&self, limits: &Limits, encoder: Option<Encoder>) {
        self.state().bounds = limits.into();
        if let Some(encoder) = encoder {
            let _ = self.encoder.set(encoder); // called once
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one message as one frame.
    pub(crate) fn try_push(&self, kind: Kind, payload: &[u8]) -> Result<(), Refused> {
        if let Some(encoder) = self.encoder.get()
            && encoder.wants(payload)
        {
            return self.try_push_compressed(encoder, kind, payload);
        }
        let mut state = self.admit(payload.len())?;
        frame::encode(kind.opcode(), true, None, payload, &mut state.bytes);
        state.pushed();
        Ok(())
    }

    /// Queues a Ping. It counts as a message: who sends nothing else is bounded, too.
    pub(crate) fn try_push_ping(&self, payload: &[u8]) -> Result<(), Refused> {
        let payload = &payload[..payload.len().min(MAX_CONTROL_LEN)];
        let mut state = self.admit(payload.len())?;
        frame::encode(Opcode::Ping, true, None, payload, &mut state.bytes);
        state.pushed();
        Ok(())
    }

    /// Queues one message as one frame, compressed if it becomes shorter by it.
    fn try_push_compressed(
        &self,
        encoder: &Encoder,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), Refused> {
        encoder.with(|compressor| {
            // First, since what a compressor has taken in must be sent.
            self.admit(payload.len())?.reserved += payload.len();
            let mut frame = Vec::new();
            compressor.encode(kind, payload, None, &mut frame);
            let mut state = self.state();
            state.reserved -= payload.len();
            if state.closed {
                return Err(Refused::Closed);
            }
            if state.bytes.is_empty() {
                state.bytes = frame;
            } else {
                state.bytes.extend_from_slice(&frame);
            }
            state.pushed();
            Ok(())
        })
    }

    /// The state, if there is room in it for a message of this length.
    fn admit(&self, len: usize) -> Result<MutexGuard<'_, State>, Refused> {
        let state = self.state();
        if state.closed || state.close_request.is_some() {
            return Err(Refused::Closed);
        }
        let waiting = state.bytes.len() + state.unwritten + state.reserved;
        // A message beyond the bound is taken when it is alone: else it could never be sent.
        let room = waiting == 0 || waiting.saturating_add(len) <= state.bounds.bytes;
        if !room || state.messages >= state.bounds.messages {
            return Err(Refused::Full);
        }
        Ok(state)
    }

    /// Queues one message, and waits while there is no room. `Err`: the connection is closing.
    pub(crate) async fn push(&self, kind: Kind, payload: &[u8]) -> Result<(), ()> {
        loop {
            let listener = match self.try_push(kind, payload) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed) => return Err(()),
                Err(Refused::Full) => self.changed.listen(),
            };
            // Room may have come between the refusal and `listen`.
            match self.try_push(kind, payload) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed) => return Err(()),
                Err(Refused::Full) => listener.await,
            }
        }
    }

    /// Asks the connection to close; the first request counts.
    pub(crate) fn request_close(&self, code: CloseCode, reason: String) {
        let mut state = self.state();
        if !state.closed && state.close_request.is_none() {
            state.close_request = Some((code, reason));
            self.news.fetch_or(CLOSE, Ordering::Release);
            state.wake();
            drop(state);
            self.changed.notify(usize::MAX);
        }
    }

    /// How many messages may wait in the inbox.
    pub(crate) fn max_infos(&self) -> usize {
        self.state().bounds.infos
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

    pub(crate) fn take_close_request(&self) -> Option<(CloseCode, String)> {
        if !self.take_news(CLOSE) {
            return None;
        }
        let mut state = self.state();
        if state.closed { None } else { state.close_request.take() }
    }

    pub(crate) fn is_closed(&self) -> bool {
        let state = self.state();
        state.closed || state.close_request.is_some()
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
        f(&mut self.state().bytes)
    }

    /// How many octets wait, written out or not.
    pub(crate) fn len(&self) -> usize {
        let state = self.state();
        state.bytes.len() + state.unwritten
    }

    /// Moves all that waits into `into`, which is empty. If nothing waits, `cx` is woken when
    /// something does; tells whether something came.
    pub(crate) fn take(&self, into: &mut Vec<u8>, cx: &mut Context<'_>) -> bool {
        let mut state = self.state();
        if state.bytes.is_empty() {
            state.await_news(cx);
            state.bytes = Vec::new(); // an idle connection holds no memory for its output
            return false;
        }
        mem::swap(&mut state.bytes, into);
        state.messages = 0;
        state.unwritten = into.len();
        true
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
        drop(state);
        self.changed.notify(usize::MAX);
    }
}

impl State {
    /// Counts a message that was appended, and lets the connection know.
    fn pushed(&mut self) {
        self.messages += 1;
        self.wake();
    }

    fn await_news(&mut self, cx: &mut Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

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

    fn outbox(queued: usize, queued_messages: usize) -> Outbox {
        Outbox::new(&Limits { queued, queued_messages, ..Limits::default() })
    }

    fn take(outbox: &Outbox) -> Vec<u8> {
        let mut bytes = Vec::new();
        outbox.take(&mut bytes, &mut Context::from_waker(Waker::noop()));
        bytes
    }

    #[test]
    fn bounded_by_octets_until_they_are_written() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(Kind::Binary, &[0; 8]), Ok(()));
        assert_eq!(outbox.try_push(Kind::Binary, &[0; 8]), Err(Refused::Full));
        let taken = take(&outbox).len();
        assert_eq!(outbox.try_push(Kind::Binary, &[0; 8]), Err(Refused::Full));
        outbox.wrote(taken);
        assert_eq!(outbox.try_push(Kind::Binary, &[0; 8]), Ok(()));
    }

    #[test]
    fn a_message_beyond_the_bound_goes_alone() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(Kind::Binary, &[0; 100]), Ok(()));
        assert_eq!(outbox.try_push(Kind::Binary, &[]), Err(Refused::Full));
    }

    #[test]
    fn bounded_by_messages() {
        let outbox = outbox(1000, 2);
        assert_eq!(outbox.try_push(Kind::Text, b""), Ok(()));
        assert_eq!(outbox.try_push(Kind::Text, b""), Ok(()));
        assert_eq!(outbox.try_push(Kind::Text, b""), Err(Refused::Full));
    }

    #[test]
    fn nothing_goes_in_behind_a_close() {
        let outbox = outbox(10, 10);
        outbox.request_close(CloseCode::NORMAL, String::new());
        assert_eq!(outbox.try_push(Kind::Text, b""), Err(Refused::Closed));
        assert!(outbox.take_close_request().is_some());
    }
}
