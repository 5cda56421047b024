//! The workers of one runtime, their tasks, and the list of their threads.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_task::{ScheduleInfo, WithInfo};

use super::idle::Idle;
use super::own::Own;
use super::tasks::{Task, Tasks, Whose};
use super::watch::Watch;
use super::worker::{Leave, Worker, push_here};
use crate::event::{Event, report};
use crate::life::lock;
use crate::reactor::{Crew, Reactor};
use crate::{ActorId, Priority, catch};

/// See the module.
pub(crate) struct Pool {
    pub(super) reactor: &'static Reactor,
    pub(super) tasks: Tasks,
    pub(super) idle: Idle,
    pub(super) watch: Watch,
    /// All workers, also those that are stalled: what they have woken can be stolen.
    workers: RwLock<Vec<Arc<Worker>>>,
    /// How many workers there are to be, those that are stalled not counted.
    pub(super) size: usize,
    /// How many threads there may be in all.
    limit: usize,
    /// Those that are not stalled: `Roster::live`, readable without its lock.
    live: AtomicUsize,
    roster: Mutex<Roster>,
    /// A thread has ended.
    left: Condvar,
    quit: AtomicBool,
    /// No worker is left: tasks are dropped instead of run.
    closed: AtomicBool,
}

/// The threads of a pool.
#[derive(Default)]
pub(super) struct Roster {
    pub(super) live: usize,
    pub(super) stalled: usize,
    /// No longer counted as workers, and about to end.
    leaving: usize,
    /// How many workers there have been.
    started: usize,
    threads: HashMap<usize, JoinHandle<()>>,
    /// Threads that have ended, or are about to, of a pool that quits.
    ended: Vec<JoinHandle<()>>,
    watching: bool,
}

impl Roster {
    /// Threads of workers, whatever they are at.
    pub(super) fn threads(&self) -> usize {
        self.live + self.stalled + self.leaving
    }
}

impl Pool {
    pub(super) fn new(size: usize, limit: usize, stall_after: Duration) -> io::Result<Arc<Self>> {
        let pool = Arc::new(Self {
            reactor: Reactor::get()?,
            tasks: Tasks::new(),
            idle: Idle::default(),
            watch: Watch::new(stall_after),
            workers: RwLock::default(),
            size,
            limit: limit.max(size),
            live: AtomicUsize::new(0),
            roster: Mutex::default(),
            left: Condvar::new(),
            quit: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let crew: Arc<dyn Crew> = Arc::<Self>::clone(&pool);
        pool.reactor.sign_on(Arc::downgrade(&crew));
        Ok(pool)
    }

    /// Starts an actor's task.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        actor: ActorId,
        priority: Priority,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        // Which pool it is stands with the task, not in `schedule`: a function that holds nothing
        // needs not be kept alive while it is called.
        let whose = Whose { actor, priority, pool: Arc::clone(self) };
        let (runnable, task) =
            async_task::Builder::new().metadata(whose).spawn(|_| task, WithInfo(schedule));
        task.detach();
        runnable.schedule();
    }

    /// Takes a task that any worker may run.
    fn take(&self, task: Task) {
        self.tasks.push(task);
        if self.closed.load(Ordering::SeqCst) {
            self.drain(drop);
        }
        self.wake_one();
    }

    pub(super) fn wake_one(&self) {
        self.idle.wake_one(self.reactor);
    }

    pub(super) fn workers(&self) -> Vec<Arc<Worker>> {
        self.workers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A task from the queue of another worker, and half of the others there for later. Who asks
    /// begins with the worker after itself, so that not all steal from the same.
    pub(super) fn steal(&self, worker: &Arc<Worker>) -> Option<Task> {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        let place = workers.iter().position(|other| Arc::ptr_eq(other, worker))?;
        let (before, after) = workers.split_at(place);
        let mut others = after[1..].iter().chain(before);
        others.find_map(|other| other.own.steal(&worker.own))
    }

    /// Whether a task waits that any worker may run.
    pub(super) fn has_tasks(&self) -> bool {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        !self.tasks.is_empty() || workers.iter().any(|worker| worker.own.has_more())
    }

    /// Whether there are more workers than there should be; the one that asks is to go then.
    pub(super) fn dismiss(&self) -> bool {
        if self.live.load(Ordering::Relaxed) <= self.size {
            return false;
        }
        let mut roster = self.roster();
        let surplus = roster.live > self.size;
        if surplus {
            let live = roster.live - 1;
            self.set_live(&mut roster, live);
            roster.leaving += 1;
        }
        surplus
    }

    pub(super) fn is_quitting(&self) -> bool {
        self.quit.load(Ordering::SeqCst)
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        lock(&self.roster)
    }

    pub(super) fn set_live(&self, roster: &mut Roster, live: usize) {
        roster.live = live;
        self.live.store(live, Ordering::SeqCst);
    }

    pub(super) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// A worker counts as stalled from here on.
    pub(super) fn stalled(&self) {
        let mut roster = self.roster();
        let live = roster.live - 1;
        self.set_live(&mut roster, live);
        roster.stalled += 1;
        drop(roster);
        self.reactor.leave();
    }

    /// Whether there may be another thread.
    pub(super) fn has_room(&self, roster: &Roster) -> bool {
        roster.threads() < self.limit
    }

    /// Starts another worker.
    pub(super) fn start(self: &Arc<Self>, roster: &mut Roster) -> io::Result<()> {
        let worker = Arc::new(Worker::new(roster.started));
        let (pool, own) = (Arc::clone(self), Arc::clone(&worker));
        self.workers.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&worker));
        self.reactor.enter();
        let thread = thread::Builder::new()
            .name(format!("seawall-worker-{}", worker.number))
            .spawn(move || own.run(&pool));
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) => {
                self.reactor.leave();
                self.forget(&worker);
                return Err(error);
            }
        };
        roster.started += 1;
        roster.threads.insert(worker.number, thread);
        self.set_live(roster, roster.live + 1);
        Ok(())
    }

    /// The last that a worker's thread says.
    pub(super) fn sign_off(&self, worker: &Arc<Worker>, leave: Leave) {
        self.forget(worker);
        while let Some(task) = worker.own.pop() {
            self.tasks.push(task);
        }
        let stall = if leave == Leave::Stalled { worker.stage.take_stall() } else { None };
        if let Some(stall) = stall {
            let (id, label) = (stall.id, stall.label.as_str());
            let lasted = stall.since.elapsed();
            report(stall.hook.as_ref(), &Event::Recovered { id, label, lasted });
        }
        if self.is_quitting() {
            // Tasks hold the pool that holds them: each must end, or both stay in memory for ever.
            // All actors are killed by now, so each ends at its next turn.
            self.drain(|task| drop(catch(|| task.run())));
        }
        let mut roster = self.roster();
        match leave {
            Leave::Stalled => roster.stalled -= 1,
            Leave::Surplus => roster.leaving -= 1,
            Leave::Quit => {
                let live = roster.live - 1;
                self.set_live(&mut roster, live);
            }
        }
        let thread = roster.threads.remove(&worker.number);
        if self.is_quitting() {
            roster.ended.extend(thread);
        }
        let last = self.is_quitting() && roster.live == 0;
        drop(roster);
        if last {
            self.closed.store(true, Ordering::SeqCst);
            self.drain(drop);
        }
        self.left.notify_all();
        if leave == Leave::Stalled {
            // A spare that could not be had may be had now. It is not started from here: it would
            // inherit this thread's low priority.
            self.watch.wake();
        } else {
            self.reactor.leave();
        }
        self.wake_one(); // for what was in the local queue
    }

    fn forget(&self, worker: &Arc<Worker>) {
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|other| !Arc::ptr_eq(other, worker));
    }

    fn drain(&self, end: impl Fn(Task)) {
        loop {
            // Each number is another turn: all priorities are looked at.
            let none = Own::new();
            let task = (1..=64).find_map(|turn| self.tasks.pop(turn, &none));
            match task.or_else(|| self.tasks.pop_low()) {
                Some(task) => end(task),
                None => return,
            }
        }
    }

    /// Ends all workers that can end, and waits for them until the deadline.
    pub(super) fn quit(&self, until: Option<Instant>) {
        self.quit.store(true, Ordering::SeqCst);
        self.idle.wake_all(self.reactor);
        self.watch.wake_now();
        let Some(until) = until else { return };
        let mut roster = self.roster();
        while roster.threads() > 0 || roster.watching {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.left.wait_timeout(roster, left);
            roster = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let ended = std::mem::take(&mut roster.ended);
        drop(roster);
        for thread in ended {
            let _ = thread.join(); // it has said its last word
        }
    }

    pub(super) fn set_watching(&self, thread: JoinHandle<()>) {
        let mut roster = self.roster();
        roster.threads.insert(usize::MAX, thread);
        roster.watching = true;
    }

    /// The last that the watch says.
    pub(super) fn watch_ended(&self) {
        let mut roster = self.roster();
        roster.watching = false;
        let thread = roster.threads.remove(&usize::MAX);
        roster.ended.extend(thread);
        drop(roster);
        self.left.notify_all();
    }
}

/// Called when a task is woken, by anyone.
fn schedule(task: Task, info: ScheduleInfo) {
    let task = match task.metadata().priority {
        Priority::Normal => match push_here(task, info.woken_while_running) {
            Ok(()) => return,
            Err(task) => task,
        },
        Priority::High | Priority::Low => task,
    };
    let pool = Arc::clone(&task.metadata().pool);
    pool.take(task);
}

impl Crew for Pool {
    fn wake_one(&self) -> bool {
        self.idle.wake_one(self.reactor)
    }
}
