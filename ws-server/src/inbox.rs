//! Messages of the application's own to one connection: what a client sends can never be taken for
//! one, since they are of another type and never leave the process.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use seawall_actor::TrySendError;

/// The queue of messages to one connection's handler.
pub(crate) struct Inbox<I> {
    state: Mutex<State<I>>,
}

struct State<I> {
    /// Nothing more goes in.
    closed: bool,
    /// Somebody waits for room.
    awaited: bool,
    /// Made when it is first used, given back when it is empty: most connections never need one.
    #[expect(clippy::box_collection, reason = "three words less for each connection without one")]
    queue: Option<Box<VecDeque<I>>>,
}

impl<I> Inbox<I> {
    pub(crate) const fn new() -> Self {
        Self { state: Mutex::new(State { closed: false, awaited: false, queue: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in, unless `bound` wait already.
    pub(crate) fn try_push(&self, info: I, bound: usize) -> Result<(), TrySendError<I>> {
        let mut state = self.state();
        if state.closed {
            return Err(TrySendError::Closed(info));
        }
        let queue = state.queue.get_or_insert_default();
        if queue.len() >= bound {
            state.awaited = true;
            return Err(TrySendError::Full(info));
        }
        queue.push_back(info);
        Ok(())
    }

    /// Takes the oldest message out; also tells whether somebody waits for the room that it leaves.
    pub(crate) fn pop(&self) -> Option<(I, bool)> {
        let mut state = self.state();
        let Some(info) = state.queue.as_mut()?.pop_front() else {
            state.queue = None;
            return None;
        };
        Some((info, std::mem::take(&mut state.awaited)))
    }

    /// Takes nothing more, and drops what waits.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let queue = state.queue.take();
        drop(state); // what waits may have destructors of its own
        drop(queue);
    }
}
