//! The answer to one message: a slot with two ends, which never passes through a mailbox.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::sync::{Mutex, lock};

/// Where the answer to one message goes; it travels inside the message, to whoever answers.
///
/// Dropped without an answer, it fails the caller at once. An answer that comes late, when the
/// caller waits no more, goes nowhere.
pub struct Reply<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

/// The caller's end.
pub(crate) struct Answer<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

enum Slot<T> {
    Empty(Option<Waker>),
    Full(T),
    /// One end is gone, or the answer is taken.
    Closed,
}

pub(crate) fn slot<T>() -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot::Empty(None)));
    (Reply { slot: Arc::clone(&slot) }, Answer { slot })
}

impl<T> Reply<T> {
    /// Answers.
    ///
    /// # Errors
    ///
    /// The answer comes back if the caller waits no more.
    pub fn send(self, answer: T) -> Result<(), T> {
        let mut slot = lock(&self.slot);
        let waker = match &mut *slot {
            Slot::Empty(waker) => waker.take(),
            Slot::Full(_) | Slot::Closed => return Err(answer),
        };
        *slot = Slot::Full(answer);
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Whether the caller waits no more, and an answer is not worth the work.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*lock(&self.slot), Slot::Closed)
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        if let Slot::Empty(waker) = &mut *slot {
            let waker = waker.take();
            *slot = Slot::Closed;
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}

impl<T> Answer<T> {
    /// The answer, or `None` if there will be none.
    pub(crate) async fn recv(&self) -> Option<T> {
        poll_fn(|cx| {
            let mut slot = lock(&self.slot);
            if let Slot::Empty(waker) = &mut *slot {
                if !waker.as_ref().is_some_and(|stored| stored.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            match mem::replace(&mut *slot, Slot::Closed) {
                Slot::Full(answer) => Poll::Ready(Some(answer)),
                Slot::Empty(_) | Slot::Closed => Poll::Ready(None),
            }
        })
        .await
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        // What is in it is foreign code to drop, and is dropped without the lock.
        let left = mem::replace(&mut *lock(&self.slot), Slot::Closed);
        drop(left);
    }
}
