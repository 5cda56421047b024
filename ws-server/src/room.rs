//! Room in an outbox: what bounds it, what becomes of a message for which there is none, and who
//! hears of it when there is some again.

use std::sync::{Arc, MutexGuard, Weak};
use std::task::Waker;

use seawall_codec::ws::CloseCode;

use crate::group::Members;
use crate::outbox::{CLOSE, DROPPED, Outbox, WRITABLE};
use crate::queue::{Frame, Queue};
use crate::websocket::Config;
use crate::{Message, Overflow};

/// What an outbox guards by its lock.
pub(crate) struct State {
    pub(crate) queue: Queue,
    /// Octets that were taken out and are not written yet.
    pub(crate) unwritten: usize,
    rare: Option<Box<Rare>>,
    /// Wakes the connection. Stored once: the executor hands a task the same waker for life. A waker
    /// keeps its task's memory, so it goes with the connection.
    pub(crate) waker: Option<Waker>,
    pub(crate) config: Arc<Config>,
    /// There was no room for a message, and the handler was not told since that there is.
    full: bool,
    /// Somebody waits for room. A notice that nobody hears would cost as much.
    awaited: bool,
    /// The connection is over: it joins no group any more.
    pub(crate) over: bool,
    /// Nothing more goes in: a Close was queued, or the connection is over.
    pub(crate) closed: bool,
}

/// What only some connections need.
#[derive(Default)]
pub(crate) struct Rare {
    /// Octets of messages that are being compressed. They count against the bound.
    pub(crate) reserved: usize,
    /// Messages dropped since the handler was told.
    pub(crate) dropped: u64,
    /// Those that the connection is a member of. They are told when it ends.
    pub(crate) groups: Vec<Weak<Members>>,
    /// What a sender asked the connection to close with.
    pub(crate) close_request: Option<(CloseCode, String)>,
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
    /// The state, if there is room in it for a message of this length.
    pub(crate) fn admit(&self, len: usize) -> Result<MutexGuard<'_, State>, Refused> {
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
                self.wake(&state);
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
                state.awaited = true;
                Err(Refused::Full)
            }
        }
    }

    /// Queues a message that may be dropped later, or takes the place of an earlier one.
    pub(crate) fn push_loose(&self, state: &mut State, message: Message<'_>, mut frame: Frame) {
        let config = Arc::clone(&state.config);
        let key = match &config.overflow {
            Overflow::Coalesce(key) => key.of(message),
            _ => None,
        };
        let limits = &config.limits;
        let len = frame.bytes().len();
        if let Some(at) = key.and_then(|key| state.queue.find(key)) {
            config.counters.coalesced.add();
            match state.queue.replace(at, frame, limits.queued) {
                Ok(()) => return,
                Err(longer) => frame = longer, // there is no room for it where the older was
            }
        }
        while (state.queue.len() + len > limits.queued
            || state.queue.messages() >= limits.queued_messages)
            && state.queue.drop_oldest()
        {
            config.counters.dropped_oldest.add();
            self.dropped(state, 1);
        }
        state.queue.push_loose(frame, key);
    }

    fn dropped(&self, state: &mut State, messages: u64) {
        state.rare().dropped += messages;
        state.full = true;
        self.mark(DROPPED);
    }

    pub(crate) fn ask_to_close(&self, state: &mut State, close: (CloseCode, String)) {
        state.rare().close_request = Some(close);
        self.mark(CLOSE);
        self.wake(state);
        self.changed.notify(usize::MAX);
    }

    /// Counts octets that are written. Tells whether somebody waits for the room that they leave.
    pub(crate) fn has_written(&self, state: &mut State, len: usize) -> bool {
        state.unwritten = state.unwritten.saturating_sub(len);
        if state.full && state.is_half_empty() {
            state.full = false;
            self.mark(WRITABLE);
        }
        std::mem::take(&mut state.awaited)
    }
}

impl State {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self {
            queue: Queue::default(),
            unwritten: 0,
            rare: None,
            waker: None,
            config: Arc::clone(config),
            full: false,
            awaited: false,
            over: false,
            closed: false,
        }
    }

    /// What only some connections need, made when it is first asked for.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed || self.rare.as_ref().is_some_and(|rare| rare.close_request.is_some())
    }

    /// Octets that wait, written out or not.
    pub(crate) fn unsent(&self) -> usize {
        self.queue.len() + self.unwritten
    }

    fn waiting(&self) -> usize {
        self.unsent() + self.rare.as_ref().map_or(0, |rare| rare.reserved)
    }

    pub(crate) fn has_room(&self, len: usize) -> bool {
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
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;
    use crate::batch::Batch;
    use crate::{Limits, StatsReader};

    const EIGHT: Message<'_> = Message::Binary(&[0; 8]);
    const EMPTY: Message<'_> = Message::Text("");

    fn outbox(queued: usize, queued_messages: usize) -> Outbox {
        let limits = Limits { queued, queued_messages, ..Limits::default() };
        Outbox::new(&Arc::new(Config { limits, ..Config::default() }))
    }

    fn take(outbox: &Outbox) -> bool {
        outbox.take(&mut Batch::default(), &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn bounded_by_octets_until_they_are_written() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(EIGHT), Ok(()));
        assert_eq!(outbox.try_push(EIGHT), Err(Refused::Full));
        assert!(take(&outbox));
        assert_eq!(outbox.try_push(EIGHT), Err(Refused::Full), "being written");
        outbox.wrote(2);
        assert_eq!(outbox.try_push(EIGHT), Err(Refused::Full), "some of it is written");
        assert!(!outbox.take_news(WRITABLE));
        assert!(!take(&outbox), "all of it is written, and nothing more waits");
        assert!(outbox.take_news(WRITABLE) && !outbox.take_news(WRITABLE));
        assert_eq!(outbox.try_push(EIGHT), Ok(()));
    }

    #[test]
    fn a_message_beyond_the_bound_goes_alone() {
        let outbox = outbox(10, 100);
        assert_eq!(outbox.try_push(Message::Binary(&[0; 100])), Ok(()));
        assert_eq!(outbox.try_push(Message::Binary(&[])), Err(Refused::Full));
    }

    /// Each of ten keys is replaced by a message as long as the bound on all of them.
    #[test]
    fn replacements_are_bounded_by_octets() {
        const LONG: usize = 10 * 1024;
        let limits = Limits { queued: LONG + 10, ..Limits::default() };
        let overflow =
            Overflow::coalesce(|message| message.as_bytes().first().copied().map(u64::from));
        let config = Arc::new(Config { limits, overflow, ..Config::default() });
        let outbox = Outbox::new(&config);
        for key in 0..10 {
            assert_eq!(outbox.try_push(Message::Binary(&[key])), Ok(()));
        }
        for key in 0..10 {
            assert_eq!(outbox.try_push(Message::Binary(&[key; LONG])), Ok(()));
            assert!(outbox.state().unsent() <= LONG + 10);
        }
        let mut newest = Batch::default();
        outbox.take(&mut newest, &mut Context::from_waker(Waker::noop()));
        assert_eq!(newest.len(), LONG + 4, "only the last of them is left");
        assert!(!take(&outbox));
        let stats = StatsReader(Arc::clone(&config.counters)).read();
        assert_eq!(stats.coalesced + stats.dropped_oldest, 19, "all others are accounted for");
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
