//! Readiness of sockets, and timers: one for the whole process, so that both can be made without a
//! handle and used under any executor.
//!
//! Nobody owns the reactor. Whoever is idle polls it: workers, one at a time. While there is no
//! worker at all, and something waits, a thread of its own does (`helper.rs`).
//!
//! ```text
//!   epoll ──▶ event ──▶ Source: flags set, reader or writer woken ──▶ its task tries again
//!   clock ──▶ Wheel ──▶ waker of what is due
//! ```

mod helper;
mod poller;
mod source;
mod timers;
mod wheel;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError, Weak};
use std::task::Waker;
use std::time::Duration;

use self::helper::Helper;
use self::poller::{Events, Poller};
use self::source::Table;
pub(crate) use self::source::{Direction, Watched};
pub(crate) use self::timers::Timer;
use self::timers::{NEVER, Timers};
use crate::life::lock;
use crate::{Panicked, catch};

/// See the module.
pub(crate) struct Reactor {
    poller: Poller,
    table: Mutex<Table>,
    timers: Timers,
    /// Who holds this polls.
    turn: Mutex<()>,
    /// Somebody holds it.
    polled: AtomicBool,
    /// The tick until which the one who polls sleeps; [`AWAKE`] if nobody does.
    sleeping: AtomicU64,
    /// Threads that come by to poll: workers that are not stalled.
    drivers: AtomicUsize,
    /// Sources and timers: without any, nobody needs to poll.
    waiting: AtomicUsize,
    helper: Helper,
    /// Those who can be asked for somebody to poll.
    crews: Mutex<Vec<Weak<dyn Crew>>>,
}

/// Threads among which an idle one may be found to poll.
pub(crate) trait Crew: Send + Sync {
    /// Wakes an idle thread, which then polls if it finds nothing better to do. `false`: all are
    /// at work.
    fn wake_one(&self) -> bool;
}

/// What one poll brings, kept by the thread that polls.
pub(crate) struct Harvest {
    events: Events,
    wakers: Vec<Waker>,
}

impl Harvest {
    pub(crate) fn new() -> Self {
        Self { events: Events::new(), wakers: Vec::new() }
    }

    /// Wakes who waited for what the poll brought. Wakers may be foreign code: one that panics is
    /// cut off, and keeps none of the others from being woken.
    pub(crate) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            let _: Result<(), Panicked> = catch(|| waker.wake());
        }
    }
}

/// The right to poll, of one thread at a time.
pub(crate) struct Turn<'a> {
    reactor: &'a Reactor,
    _guard: MutexGuard<'a, ()>,
}

impl Reactor {
    /// The process's reactor.
    ///
    /// # Errors
    ///
    /// At the first call: what the system says if it has no descriptor for it.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static REACTOR: OnceLock<Reactor> = OnceLock::new();
        static MAKING: Mutex<()> = Mutex::new(());
        if let Some(reactor) = REACTOR.get() {
            return Ok(reactor);
        }
        let _one_makes_it = lock(&MAKING);
        if let Some(reactor) = REACTOR.get() {
            return Ok(reactor);
        }
        let made = Self {
            poller: Poller::new()?,
            table: Mutex::default(),
            timers: Timers::new(),
            turn: Mutex::new(()),
            polled: AtomicBool::new(false),
            sleeping: AtomicU64::new(AWAKE),
            drivers: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            helper: Helper::default(),
            crews: Mutex::default(),
        };
        Ok(REACTOR.get_or_init(|| made))
    }

    /// The right to poll, unless somebody has it.
    pub(crate) fn try_turn(&self) -> Option<Turn<'_>> {
        match self.turn.try_lock() {
            Ok(guard) => Some(self.take_turn(guard)),
            Err(TryLockError::Poisoned(guard)) => Some(self.take_turn(guard.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take_turn<'a>(&'a self, guard: MutexGuard<'a, ()>) -> Turn<'a> {
        self.polled.store(true, Ordering::SeqCst);
        Turn { reactor: self, _guard: guard }
    }

    /// Whether somebody polls.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled.load(Ordering::SeqCst)
    }

    /// The right to poll, once nobody else has it.
    fn turn(&self) -> Turn<'_> {
        self.take_turn(lock(&self.turn))
    }

    /// Wakes the one who sleeps in [`Turn::poll`], if somebody does.
    pub(crate) fn ring(&self) {
        if self.sleeping.swap(AWAKE, Ordering::SeqCst) != AWAKE {
            self.poller.ring();
        }
    }

    /// Counts the calling thread among those who come by to poll.
    pub(crate) fn enter(&self) {
        if self.drivers.fetch_add(1, Ordering::SeqCst) == 0 {
            self.ring(); // the helper is not needed any more
        }
    }

    /// The counterpart of [`enter`](Self::enter). If others are idle, one of them polls from here
    /// on.
    pub(crate) fn leave(&'static self) {
        if self.drivers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.helper.look_after(self);
        } else {
            self.hand_over();
        }
    }

    /// Has an idle thread poll, unless somebody does.
    pub(crate) fn hand_over(&self) {
        if !self.is_polled() {
            let crews: Vec<_> = lock(&self.crews).iter().filter_map(Weak::upgrade).collect();
            let _found = crews.iter().any(|crew| crew.wake_one());
        }
    }

    /// Adds to those who can be asked for somebody to poll.
    pub(crate) fn sign_on(&self, crew: Weak<dyn Crew>) {
        let mut crews = lock(&self.crews);
        crews.retain(|crew| crew.strong_count() > 0);
        crews.push(crew);
    }

    /// Counts a source or a timer.
    fn wait_for_one(&'static self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if self.drivers.load(Ordering::SeqCst) == 0 {
            self.helper.look_after(self);
        }
    }

    /// The counterpart of [`wait_for_one`](Self::wait_for_one).
    fn wait_for_one_less(&self) {
        if self.waiting.fetch_sub(1, Ordering::SeqCst) == 1
            && self.drivers.load(Ordering::SeqCst) == 0
        {
            self.ring(); // the helper may go
        }
    }

    /// Whether the helper has something to do.
    fn is_orphaned(&self) -> bool {
        self.drivers.load(Ordering::SeqCst) == 0 && self.waiting.load(Ordering::SeqCst) > 0
    }
}

impl Turn<'_> {
    /// Takes what is ready, after waiting for it if `wait` says so, and gives the turn back.
    /// [`Harvest::wake`] is to follow.
    ///
    /// `wait` is asked last, once [`Reactor::ring`] would end the wait.
    pub(crate) fn poll(self, harvest: &mut Harvest, wait: impl FnOnce() -> bool) {
        let reactor = self.reactor;
        let until = loop {
            let next = reactor.timers.next();
            reactor.sleeping.store(next, Ordering::SeqCst);
            // A timer that was set in between did not ring.
            if reactor.timers.next() == next {
                break next;
            }
        };
        let timeout = if wait() { reactor.timers.until(until) } else { Some(Duration::ZERO) };
        if timeout != Some(Duration::ZERO) || reactor.waiting.load(Ordering::Relaxed) > 0 {
            reactor.poller.wait(&mut harvest.events, timeout);
        }
        reactor.sleeping.store(AWAKE, Ordering::SeqCst);
        if !harvest.events.is_empty() {
            lock(&reactor.table).dispatch(&mut harvest.events, &mut harvest.wakers);
        }
        reactor.timers.fire(&mut harvest.wakers);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.reactor.polled.store(false, Ordering::SeqCst);
    }
}

/// Adds a socket to the reactor.
fn register(source: &Arc<source::Source>, fd: std::os::fd::BorrowedFd<'_>) -> io::Result<u64> {
    let reactor = Reactor::get()?;
    let token = lock(&reactor.table).insert(Arc::clone(source));
    if let Err(error) = reactor.poller.add(fd, token) {
        lock(&reactor.table).remove(token);
        return Err(error);
    }
    reactor.wait_for_one();
    Ok(token)
}

/// In [`Reactor::sleeping`]: nobody sleeps. No timer has this tick.
const AWAKE: u64 = 0;

const _: () = assert!(NEVER != AWAKE);
