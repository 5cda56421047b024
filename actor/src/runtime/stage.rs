//! Which actor a worker polls, readable by the watch: two stores before a poll and one exchange
//! after it; no clock, no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::thread::{Pid, gettid};

use super::thread::{self, Thread};
use crate::ActorId;
use crate::event::Hook;
use crate::life::lock;

/// Set in the number of a poll that the watch has found stalled.
const HELD: u64 = 1 << 63;

/// What one worker is at.
#[derive(Default)]
pub(super) struct Stage {
    /// Counts polls, twice each: odd while one is under way.
    poll: AtomicU64,
    actor: AtomicU64,
    thread: OnceLock<Pid>,
    /// The poll that the watch saw last.
    seen: Mutex<Option<Glimpse>>,
    /// Made by the watch under this lock together with [`HELD`]; the worker looks for it when it
    /// finds that.
    stall: Mutex<Option<Stall>>,
}

/// A poll that took too long.
pub(super) struct Stall {
    pub(super) id: ActorId,
    pub(super) label: String,
    pub(super) hook: Option<Hook>,
    /// When the poll was first seen.
    pub(super) since: Instant,
}

/// The worker is stalled; its thread is to end.
#[derive(Debug)]
pub(super) struct Held;

impl Stage {
    /// Said by the worker's thread before all else.
    pub(super) fn here(&self) {
        let _ = self.thread.set(gettid());
    }

    /// The worker begins to poll an actor.
    pub(super) fn enter(&self, actor: ActorId) {
        self.actor.store(actor.number(), Ordering::Relaxed);
        let poll = self.poll.load(Ordering::Relaxed);
        self.poll.store(poll | 1, Ordering::Release);
    }

    /// The poll is over.
    pub(super) fn leave(&self) -> Result<(), Held> {
        let poll = self.poll.load(Ordering::Relaxed) & !HELD;
        if poll & 1 == 0 {
            return Ok(()); // a panic elsewhere
        }
        let left = self.poll.compare_exchange(poll, poll + 1, Ordering::AcqRel, Ordering::Relaxed);
        left.map_or(Err(Held), |_| Ok(()))
    }

    /// Whether the poll under way is held. Asked after a task was brought here: who holds looks for
    /// tasks after that, so that one of the two sees the other.
    pub(super) fn is_held(&self) -> bool {
        self.poll.load(Ordering::SeqCst) & HELD != 0
    }

    /// The poll that is under way, if it was at the last look, too, and is not held yet.
    pub(super) fn look(&self, now: Instant) -> Option<Glimpse> {
        let poll = self.poll.load(Ordering::Acquire);
        let actor = ActorId::of(self.actor.load(Ordering::Relaxed));
        let mut seen = lock(&self.seen);
        if poll & 1 == 0 || poll & HELD != 0 {
            *seen = None;
            return None;
        }
        match &mut *seen {
            Some(known) if known.poll == poll => {
                // Few polls last from one look to the next, so the system is seldom asked.
                known.ran = known.ran.or_else(|| Some(self.thread()?.ran));
                Some(known.clone())
            }
            _ => {
                *seen = Some(Glimpse { poll, actor, since: now, ran: None });
                None
            }
        }
    }

    /// What the worker's thread is at.
    pub(super) fn thread(&self) -> Option<Thread> {
        self.thread.get().and_then(|thread| thread::look_at(*thread))
    }

    /// Holds the poll, if it still is under way: `stalled` is called before the worker can go on.
    pub(super) fn hold(
        &self,
        glimpse: &Glimpse,
        stalled: impl FnOnce(Option<Pid>) -> Stall,
    ) -> bool {
        let mut stall = lock(&self.stall);
        let held = self.poll.compare_exchange(
            glimpse.poll,
            glimpse.poll | HELD,
            Ordering::SeqCst,
            Ordering::Relaxed,
        );
        if held.is_ok() {
            *stall = Some(stalled(self.thread.get().copied()));
        }
        held.is_ok()
    }

    /// What the watch left for the worker that it held.
    pub(super) fn take_stall(&self) -> Option<Stall> {
        lock(&self.stall).take()
    }
}

/// A poll under way.
#[derive(Clone)]
pub(super) struct Glimpse {
    poll: u64,
    pub(super) actor: ActorId,
    /// When it was first seen.
    pub(super) since: Instant,
    /// The processor time that its thread had had soon after.
    pub(super) ran: Option<Duration>,
}
