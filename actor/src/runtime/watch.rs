//! What keeps a runtime going while actors block their threads or compute without end.
//!
//! A thread that sleeps while all workers rest, and else looks at them every few milliseconds. A
//! worker that is in the same poll as [`stall_after`](crate::Builder::stall_after) ago, and sleeps
//! or has computed since, is *stalled*: a spare thread takes its place, its own priority is lowered so that it cannot crowd
//! out the others, and an event names the actor. When the poll returns, the thread ends: what was
//! lowered cannot be raised again without privilege.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;

use super::pool::Pool;
use super::stage::{Glimpse, Stage, Stall};
use crate::event::{Event, report};
use crate::{Scope, catch};

/// The longest time between two looks at workers that are busy. It bounds how long tasks and
/// readiness wait that were left to a worker which then took its time, while others rest.
const LOOK: Duration = Duration::from_millis(5);

/// The priority of a thread that is stalled: the lowest.
const NICE: i32 = 19;

/// See the module.
pub(super) struct Watch {
    stall_after: Duration,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Watch {
    pub(super) fn new(stall_after: Duration) -> Self {
        Self { stall_after, asleep: AtomicBool::new(false), thread: OnceLock::new() }
    }

    /// Said by a worker that no longer rests.
    pub(super) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.wake_now();
        }
    }

    pub(super) fn wake_now(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn interval(&self) -> Duration {
        LOOK.min(self.stall_after / 2)
    }
}

/// Starts the watch.
pub(super) fn start(pool: &Arc<Pool>, root: &Scope) -> std::io::Result<()> {
    let (own, root) = (Arc::clone(pool), root.clone());
    let thread = thread::Builder::new().name("seawall-watch".into()).spawn(move || {
        // Before its first sleep, or who ends that would find nobody.
        let _ = own.watch.thread.set(thread::current());
        let mut watcher = Watcher { exhausted: false, root, pool: own };
        let pool = Arc::clone(&watcher.pool);
        while catch(|| watcher.run()).is_err() {}
        drop(watcher);
        pool.watch_ended();
    })?;
    pool.set_watching(thread);
    Ok(())
}

struct Watcher {
    pool: Arc<Pool>,
    root: Scope,
    /// The last spare that was needed could not be had.
    exhausted: bool,
}

impl Watcher {
    fn run(&mut self) {
        while !self.pool.is_quitting() {
            self.sleep();
            let held = self.look();
            self.fill(held);
            // Whoever left these behind has taken its time since the last look, or is about to come
            // back to them. Who can poll may be the worker of another runtime, whose watch sleeps.
            if self.pool.has_tasks() {
                self.pool.wake_one();
            }
            self.pool.reactor.hand_over();
        }
    }

    /// Until the next look; without an end while all workers rest.
    fn sleep(&self) {
        let watch = &self.pool.watch;
        if self.is_calm() {
            watch.asleep.store(true, Ordering::SeqCst);
            // A worker leaves its rest, and one that was stalled the roster, before it looks
            // whether the watch sleeps.
            while self.is_calm() && watch.asleep.load(Ordering::SeqCst) {
                thread::park();
            }
            watch.asleep.store(false, Ordering::SeqCst);
        }
        if !self.pool.is_quitting() {
            thread::park_timeout(watch.interval());
        }
    }

    /// Whether there is nobody to look at, and nobody to replace.
    fn is_calm(&self) -> bool {
        let pool = &self.pool;
        if pool.is_quitting() || pool.idle.count() < pool.live() {
            return false;
        }
        let roster = pool.roster();
        roster.live >= pool.size || !pool.has_room(&roster)
    }

    /// Looks at all workers, and returns how many it found stalled.
    fn look(&self) -> usize {
        let now = Instant::now();
        let mut held = 0;
        for worker in self.pool.workers() {
            let Some(glimpse) = worker.stage.look(now) else { continue };
            if now.duration_since(glimpse.since) >= self.pool.watch.stall_after
                && self.is_at_fault(&worker.stage, &glimpse)
                && self.hold(&worker.stage, &glimpse)
            {
                held += 1;
            }
            worker.hand_on(&self.pool);
        }
        held
    }

    /// Whether it is the actor that takes so long, and not the machine, which may give the thread
    /// no processor: a spare would not have one either, and a lower priority be a punishment for
    /// nothing.
    fn is_at_fault(&self, stage: &Stage, glimpse: &Glimpse) -> bool {
        let (Some(before), Some(thread)) = (glimpse.ran, stage.thread()) else { return true };
        // A tenth is more than any good poll needs, and soon had even on a crowded machine.
        thread.sleeps || thread.ran.saturating_sub(before) >= self.pool.watch.stall_after / 10
    }

    fn hold(&self, stage: &Stage, glimpse: &Glimpse) -> bool {
        stage.hold(glimpse, |thread| {
            self.pool.stalled();
            // Refused only to threads that are not ours, or where the system has no such thing.
            let _ = setpriority_process(thread, NICE);
            // One that is in nobody's list has ended, and stalls in what comes after that.
            let id = glimpse.actor;
            let (label, hook) = self.root.find(id).unwrap_or_else(|| (format!("actor {id}"), None));
            let after = self.pool.watch.stall_after;
            report(hook.as_ref(), &Event::Stalled { id, label: &label, after });
            Stall { id, label, hook, since: glimpse.since }
        })
    }

    /// Starts spares for the workers that are stalled.
    ///
    /// While each and every worker stalls, and tasks wait, it starts twice as many as have stalled:
    /// a crowd of actors that all block is then got over in a few steps. Those that were too many
    /// end once they find nothing to do.
    fn fill(&mut self, held: usize) {
        let pool = &self.pool;
        let mut roster = pool.roster();
        let swamped = roster.live == 0 && held > 0 && pool.has_tasks();
        let want = if swamped { (2 * held).max(pool.size) } else { pool.size };
        let mut short = false;
        while roster.live < want && !pool.is_quitting() {
            if !pool.has_room(&roster) || pool.start(&mut roster).is_err() {
                short = roster.live < pool.size;
                break;
            }
        }
        let threads = roster.threads();
        drop(roster);
        if short && !self.exhausted {
            self.root.report(&Event::ThreadsExhausted { threads });
        }
        self.exhausted = short;
    }
}
