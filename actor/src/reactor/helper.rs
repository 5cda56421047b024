//! The thread that polls while there is no worker at all, and something waits: for sockets and
//! timers under a foreign executor.

use std::sync::Mutex;
use std::thread;

use super::{Harvest, Reactor};
use crate::life::lock;

#[derive(Default)]
pub(super) struct Helper {
    runs: Mutex<bool>,
}

impl Helper {
    /// Starts the thread if it is needed and not there.
    pub(super) fn look_after(&self, reactor: &'static Reactor) {
        let mut runs = lock(&self.runs);
        if *runs || !reactor.is_orphaned() {
            return;
        }
        // Where no thread can be had, the next source or timer tries again.
        let thread = thread::Builder::new().name("seawall-reactor".into());
        *runs = thread.spawn(move || drive(reactor)).is_ok();
    }

    /// Whether the thread may end; it must, then.
    fn is_done(&self, reactor: &Reactor) -> bool {
        let mut runs = lock(&self.runs);
        // Under the lock: who makes it needed from here on starts another.
        *runs = reactor.is_orphaned();
        !*runs
    }
}

fn drive(reactor: &'static Reactor) {
    let mut harvest = Harvest::new();
    while !reactor.helper.is_done(reactor) {
        reactor.turn().poll(&mut harvest, || reactor.is_orphaned());
        harvest.wake();
    }
    // A worker that came meanwhile may have found the turn taken, and rest.
    reactor.hand_over();
}
