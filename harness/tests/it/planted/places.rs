//! Places for handlers: each takes one while it runs. Without faults there is always another.

use std::sync::{Condvar, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::fault::{Fault, Faults};
use super::head::Head;

/// What all connections draw from.
pub(super) struct Places {
    free: Mutex<usize>,
    returned: Condvar,
    /// Held by a handler that computes, alone, where `spin-holds-all` has it so.
    all: RwLock<()>,
}

/// A place that is taken; dropping it gives it back.
pub(super) struct Place<'a> {
    places: &'a Places,
    is_lost: bool,
    _all: Hold<'a>,
}

/// Held, not looked at.
enum Hold<'a> {
    Alone { _guard: RwLockWriteGuard<'a, ()> },
    Among { _guard: RwLockReadGuard<'a, ()> },
}

impl Places {
    pub(super) fn new(faults: &Faults) -> Self {
        let few = [
            (Fault::OneHandler, 1),
            (Fault::FewHandlers, FEW),
            (Fault::HungPlacesLost, UNTIL_LOST),
        ];
        let few = few.into_iter().find(|(fault, _)| faults.has(*fault));
        Self {
            free: Mutex::new(few.map_or(usize::MAX, |(_, count)| count)),
            returned: Condvar::new(),
            all: RwLock::new(()),
        }
    }

    /// Waits for a place, and takes it.
    pub(super) fn take(&self, head: &Head, faults: &Faults) -> Place<'_> {
        let free = self.free.lock().expect("no one panics here");
        let mut free =
            self.returned.wait_while(free, |free| *free == 0).expect("no one panics here");
        *free -= 1;
        drop(free);
        let path = &*head.target.path;
        let alone = path == "/spin" && faults.has(Fault::SpinHoldsAll);
        let hold = if alone {
            Hold::Alone { _guard: self.all.write().expect("no one panics here") }
        } else {
            Hold::Among { _guard: self.all.read().expect("no one panics here") }
        };
        let is_lost = path == "/hang" && faults.has(Fault::HungPlacesLost);
        Place { places: self, is_lost, _all: hold }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_lost {
            *self.places.free.lock().expect("no one panics here") += 1;
            self.places.returned.notify_one();
        }
    }
}

/// Handlers at once, where there are few.
const FEW: usize = 64;
/// Handlers that may hang until none is left.
const UNTIL_LOST: usize = 120;
