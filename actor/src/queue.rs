//! An actor's queue of messages: bounded, allocated as it fills, one lock.

use std::collections::VecDeque;
use std::mem;
use std::task::{Poll, Waker};
use std::time::Instant;

use event_listener::{Event, IntoNotification};

use crate::sync::{Mutex, MutexGuard, lock};
use crate::{TrySendError, time};

/// A queue whatever its messages.
pub(crate) trait Lane: Send + Sync {
    /// Wakes the receiver, so that it looks at the actor's flags.
    fn wake(&self);
}

pub(crate) struct Queue<M> {
    bound: usize,
    state: Mutex<State<M>>,
    /// Notified once for each message taken, and whenever the queue closes.
    room: Event,
}

struct State<M> {
    messages: VecDeque<M>,
    /// They go before the others; made when the first is sent.
    #[expect(clippy::box_collection, reason = "one pointer in the many actors that get none")]
    urgent: Option<Box<VecDeque<M>>>,
    receiver: Option<Waker>,
    closed: bool,
    /// A sender has found it full, and it has not been half empty since.
    overrun: bool,
    /// Somebody listens to [`Queue::room`], or has. A notice that nobody hears would allocate.
    awaited: bool,
}

impl<M> Queue<M> {
    pub(crate) fn new(bound: usize) -> Self {
        let state = State {
            messages: VecDeque::new(),
            urgent: None,
            receiver: None,
            closed: false,
            overrun: false,
            awaited: false,
        };
        Self { bound, state: Mutex::new(state), room: Event::new() }
    }

    /// `into` is called under the lock, once the message is sure to be taken: one that is not is
    /// given back as it came.
    pub(crate) fn try_send<T>(
        &self,
        message: T,
        into: impl FnOnce(T) -> M,
    ) -> Result<(), TrySendError<T>> {
        self.push(message, into, false)
    }

    /// `waits`: who sends listens for room, in case there is none.
    fn push<T>(
        &self,
        message: T,
        into: impl FnOnce(T) -> M,
        waits: bool,
    ) -> Result<(), TrySendError<T>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(TrySendError::Closed(message));
        }
        if state.messages.len() >= self.bound {
            state.awaited |= waits;
            return Err(TrySendError::Full(message));
        }
        state.messages.push_back(into(message));
        wake(state);
        Ok(())
    }

    /// A message that goes before the others.
    pub(crate) fn try_send_urgently(&self, message: M) -> Result<(), TrySendError<M>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(TrySendError::Closed(message));
        }
        let urgent = state.urgent.get_or_insert_default();
        if urgent.len() >= self.bound {
            return Err(TrySendError::Full(message));
        }
        urgent.push_back(message);
        wake(state);
        Ok(())
    }

    /// Waits for room until `deadline`, or for as long as it takes if there is none. For a message
    /// for which there was none a moment ago.
    pub(crate) async fn send<T>(
        &self,
        mut message: T,
        into: impl Fn(T) -> M,
        deadline: Option<Instant>,
    ) -> Result<(), TrySendError<T>> {
        loop {
            let listener = self.room.listen();
            // Between the last try and `listen` a message may have been taken.
            match self.push(message, &into, true) {
                Err(TrySendError::Full(back)) => message = back,
                done => return done,
            }
            if time::timeout_at(deadline, listener).await.is_err() {
                return Err(TrySendError::Full(message));
            }
        }
    }

    /// The next message. Both questions are asked under the lock under which `waker` is stored:
    /// whether something else than a message is due, and, of an empty queue, whether more may
    /// come, which is told whether the queue is closed.
    pub(crate) fn poll_recv(
        &self,
        waker: &Waker,
        interrupted: impl FnOnce() -> bool,
        open: impl FnOnce(bool) -> bool,
    ) -> Poll<Taken<M>> {
        let mut state = lock(&self.state);
        if interrupted() {
            return Poll::Ready(Taken::Interrupted);
        }
        if let Some(message) = state.take_urgent() {
            return Poll::Ready(Taken::Message(message));
        }
        if let Some(message) = self.take(&mut state) {
            self.make_room(state);
            return Poll::Ready(Taken::Message(message));
        }
        if !open(state.closed) {
            return Poll::Ready(Taken::Closed);
        }
        if !state.receiver.as_ref().is_some_and(|stored| stored.will_wake(waker)) {
            state.receiver = Some(waker.clone());
        }
        Poll::Pending
    }

    pub(crate) fn wake_receiver(&self) {
        wake(lock(&self.state));
    }

    pub(crate) fn try_recv(&self) -> Option<M> {
        let mut state = lock(&self.state);
        if let Some(message) = state.take_urgent() {
            return Some(message);
        }
        let message = self.take(&mut state)?;
        self.make_room(state);
        Some(message)
    }

    fn take(&self, state: &mut State<M>) -> Option<M> {
        let message = state.messages.pop_front()?;
        if state.messages.len() <= self.bound / 2 {
            state.overrun = false;
        }
        Some(message)
    }

    /// Tells one of those who wait, after a message was taken.
    fn make_room(&self, state: MutexGuard<'_, State<M>>) {
        let awaited = state.awaited;
        drop(state);
        if awaited {
            self.room.notify(1.additional().relaxed());
        }
    }

    /// Notes that a sender found it full. Returns whether that is news: half of it has been empty
    /// since the last time.
    pub(crate) fn overruns(&self) -> bool {
        !mem::replace(&mut lock(&self.state).overrun, true)
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    pub(crate) fn len(&self) -> usize {
        let state = lock(&self.state);
        state.messages.len() + state.urgent.as_ref().map_or(0, |urgent| urgent.len())
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    pub(crate) fn close(&self) {
        self.shut(lock(&self.state));
    }

    /// Closes, and gives what waits, the urgent first, to be dropped without a lock: destructors are
    /// foreign code.
    pub(crate) fn end(&self) -> (VecDeque<M>, VecDeque<M>) {
        let mut state = lock(&self.state);
        let urgent = state.urgent.take().map_or_else(VecDeque::new, |urgent| *urgent);
        let left = (urgent, mem::take(&mut state.messages));
        let receiver = state.receiver.take();
        self.shut(state);
        drop(receiver);
        left
    }

    fn shut(&self, mut state: MutexGuard<'_, State<M>>) {
        state.closed = true;
        let awaited = state.awaited;
        drop(state);
        if awaited {
            self.room.notify(usize::MAX.relaxed());
        }
    }
}

impl<M> State<M> {
    fn take_urgent(&mut self) -> Option<M> {
        self.urgent.as_mut()?.pop_front()
    }
}

/// Wakes the receiver, without the lock: its waker may be foreign code.
fn wake<M>(mut state: MutexGuard<'_, State<M>>) {
    let receiver = state.receiver.take();
    drop(state);
    if let Some(receiver) = receiver {
        receiver.wake();
    }
}

impl<M: Send> Lane for Queue<M> {
    fn wake(&self) {
        self.wake_receiver();
    }
}

/// Of an actor that takes no messages.
pub(crate) struct NoQueue;

impl Lane for NoQueue {
    fn wake(&self) {} // nobody waits here; who stops or kills the actor wakes its task
}

/// What [`Queue::poll_recv`] found.
pub(crate) enum Taken<M> {
    Message(M),
    Interrupted,
    /// Empty, and nothing can come any more.
    Closed,
}
