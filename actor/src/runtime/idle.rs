//! Workers that have nothing to do, and how they are woken: as few as will do, for waking a thread
//! costs more than most turns of an actor.
//!
//! At most one woken worker at a time looks for tasks. When it finds one it has the next worker
//! woken, if there is more; so a burst wakes as many as it keeps busy, and a single message at most
//! one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};

use super::worker::Worker;
use crate::life::lock;
use crate::reactor::Reactor;

impl Resting {
    fn wake(&self, reactor: &Reactor) {
        self.worker.wake(self.polls.then_some(reactor));
    }
}

#[derive(Default)]
pub(super) struct Idle {
    list: Mutex<Vec<Resting>>,
    /// The length of the list.
    count: AtomicUsize,
    /// A woken worker has not yet found a task.
    searching: AtomicBool,
}

struct Resting {
    worker: Arc<Worker>,
    /// It waits in the reactor; the others are parked.
    polls: bool,
}

impl Idle {
    /// Lists a worker that is about to rest. It must look for tasks once more after this: who
    /// brings one looks here after that, so that one of the two sees the other.
    pub(super) fn enter(&self, worker: &Arc<Worker>, polls: bool) {
        let mut list = lock(&self.list);
        list.push(Resting { worker: Arc::clone(worker), polls });
        self.count.store(list.len(), Ordering::SeqCst);
        drop(list);
        fence(Ordering::SeqCst);
    }

    /// Takes a worker that has rested off the list. `false`: somebody has woken it, to search.
    pub(super) fn leave(&self, worker: &Arc<Worker>) -> bool {
        let mut list = lock(&self.list);
        let place = list.iter().position(|resting| Arc::ptr_eq(&resting.worker, worker));
        if let Some(place) = place {
            list.swap_remove(place);
            self.count.store(list.len(), Ordering::SeqCst);
        }
        place.is_some()
    }

    /// Wakes a worker to search for tasks, unless all are at work or one searches already. Returns
    /// whether it has woken one.
    pub(super) fn wake_one(&self, reactor: &Reactor) -> bool {
        loop {
            fence(Ordering::SeqCst); // see `enter`
            if self.count.load(Ordering::SeqCst) == 0 || self.searching.swap(true, Ordering::SeqCst)
            {
                return false;
            }
            if let Some(resting) = self.take_one() {
                resting.wake(reactor);
                return true;
            }
            // Somebody may have relied on this search and gone, while somebody else came to rest.
            self.searched();
        }
    }

    fn take_one(&self) -> Option<Resting> {
        let mut list = lock(&self.list);
        // One that is parked, so that the one who polls can go on with that.
        let parked = list.iter().rposition(|resting| !resting.polls);
        let resting = parked.map(|place| list.remove(place)).or_else(|| list.pop())?;
        self.count.store(list.len(), Ordering::SeqCst);
        resting.worker.rouse();
        Some(resting)
    }

    /// Wakes all, at the end.
    pub(super) fn wake_all(&self, reactor: &Reactor) {
        let list = std::mem::take(&mut *lock(&self.list));
        self.count.store(0, Ordering::SeqCst);
        for resting in list {
            resting.worker.rouse();
            resting.wake(reactor);
        }
    }

    /// Said by the worker that searched.
    pub(super) fn searched(&self) {
        self.searching.store(false, Ordering::SeqCst);
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}
