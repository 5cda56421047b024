//! Timers: the reactor's wheel, turned by the clock.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::Reactor;
use super::wheel::{Key, Wheel};
use crate::life::lock;
use crate::time::now;

/// What [`Timers::next`] is while no timer is set.
pub(super) const NEVER: u64 = u64::MAX;

/// Nanoseconds of a tick.
const TICK: u64 = 1_000_000;

/// See the module. A tick is a millisecond: coarse enough to fire timers in groups, and finer than
/// any deadline of a server.
pub(super) struct Timers {
    /// The beginning of tick 1.
    start: Instant,
    wheel: Mutex<Wheel>,
    /// The next tick at which the wheel has something to do, readable without its lock.
    next: AtomicU64,
    /// Nanoseconds since the start: timers up to here have left the wheel, and no others.
    reached: AtomicU64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            wheel: Mutex::new(Wheel::new()),
            next: AtomicU64::new(NEVER),
            reached: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// How long it is until the tick; `None` if it is never.
    pub(super) fn until(&self, tick: u64) -> Option<Duration> {
        if tick == NEVER {
            return None;
        }
        let at = self.start.checked_add(Duration::from_millis(tick - 1))?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// Gathers the wakers of the timers that are due.
    pub(super) fn fire(&self, due: &mut Vec<Waker>) {
        let next = self.next();
        if next == NEVER {
            return;
        }
        let now = self.start.elapsed().as_millis() as u64 + 1; // in 2⁶⁴ ms nobody will care
        if now < next {
            return;
        }
        let mut wheel = lock(&self.wheel);
        wheel.advance(now, due);
        self.reached.store((now - 1).saturating_mul(TICK), Ordering::Release);
        self.publish(&wheel);
    }

    /// Whether a timer for this time has left the wheel: its task was woken, or is about to be.
    fn has_reached(&self, at: Instant) -> bool {
        self.nanos(at) <= self.reached.load(Ordering::Acquire)
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_nanos()).unwrap_or(NEVER)
    }

    fn set(&self, at: Instant, waker: Waker) -> (Key, bool) {
        // Rounded up: a timer is never early.
        let tick = self.nanos(at).div_ceil(TICK).saturating_add(1);
        let mut wheel = lock(&self.wheel);
        let key = wheel.insert(tick, waker);
        let before = self.next();
        let next = self.publish(&wheel);
        (key, next < before)
    }

    /// Called under the wheel's lock.
    fn publish(&self, wheel: &Wheel) -> u64 {
        let next = wheel.next().unwrap_or(NEVER);
        self.next.store(next, Ordering::SeqCst);
        next
    }
}

/// Waits for a time. It can be moved later for nothing, and belongs to whatever task polls it.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<Armed>,
}

/// What is set in the wheel.
struct Armed {
    key: Key,
    at: Instant,
    waker: Waker,
}

impl Timer {
    /// Ready once the clock has reached `deadline`.
    ///
    /// One that moved later since the last poll stays set for the earlier time: when that comes,
    /// the task is woken, polls, and sets it for the rest.
    pub(crate) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // Without a look at the clock, which a connection would have for each message.
        if let Some(armed) = &self.armed
            && armed.at <= deadline
            && armed.waker.will_wake(cx.waker())
            && !reactor().timers.has_reached(armed.at)
        {
            return Poll::Pending;
        }
        let now = now();
        if now >= deadline {
            self.disarm();
            return Poll::Ready(());
        }
        if let Some(armed) = &mut self.armed
            && armed.at <= deadline
            && armed.at > now
            && reactor().timers.rewake(armed.key, cx.waker())
        {
            armed.waker = cx.waker().clone();
            return Poll::Pending;
        }
        self.arm(deadline, cx.waker());
        Poll::Pending
    }

    fn arm(&mut self, at: Instant, waker: &Waker) {
        self.disarm();
        let reactor = reactor();
        let (key, sooner) = reactor.timers.set(at, waker.clone());
        self.armed = Some(Armed { key, at, waker: waker.clone() });
        reactor.wait_for_one();
        if sooner {
            reactor.ring();
        }
    }

    fn disarm(&mut self) {
        if let Some(armed) = self.armed.take() {
            let reactor = reactor();
            let waker = lock(&reactor.timers.wheel).remove(armed.key);
            drop(waker);
            reactor.wait_for_one_less();
        }
    }
}

impl Timers {
    fn rewake(&self, key: Key, waker: &Waker) -> bool {
        lock(&self.wheel).rewake(key, waker.clone())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("at", &self.armed.as_ref().map(|armed| armed.at)).finish()
    }
}

/// # Panics
///
/// If the process has no descriptor left for the reactor and no runtime, which would have made it,
/// was ever built.
fn reactor() -> &'static Reactor {
    Reactor::get().expect("a descriptor for the reactor")
}
