//! A worker: a thread that runs tasks, and polls the reactor when it finds none.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::own::Own;
use super::pool::Pool;
use super::stage::Stage;
use super::tasks::Task;
use crate::reactor::{Harvest, Reactor};
use crate::{catch, turn};

/// Of as many turns, one looks at the reactor, so that sockets and timers are heard under load too.
const REACTOR_EVERY: u32 = 32;

/// A turn that is worth waking another worker for, if somebody waits for its end: a few times what
/// that costs.
const LONG_TURN: Duration = Duration::from_micros(20);

/// What others know of a worker.
pub(super) struct Worker {
    pub(super) number: usize,
    /// Tasks that it woke itself.
    pub(super) own: Own,
    /// What it runs, for the watch.
    pub(super) stage: Stage,
    thread: OnceLock<Thread>,
    /// Told to get up; set before the wake-up, so that the worker knows it from a chance one.
    roused: AtomicBool,
}

/// Why a worker's thread ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leave {
    Quit,
    /// There were more workers than there should be. It no longer counts as one.
    Surplus,
    /// It was stalled, and others do its work by now.
    Stalled,
}

thread_local! {
    /// The worker that this thread is.
    static HERE: RefCell<Option<(Arc<Pool>, Arc<Worker>)>> = const { RefCell::new(None) };
    /// It has woken more than one task since it last let others know.
    static MORE: Cell<bool> = const { Cell::new(false) };
}

impl Worker {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            own: Own::new(),
            stage: Stage::default(),
            thread: OnceLock::new(),
            roused: AtomicBool::new(false),
        }
    }

    pub(super) fn rouse(&self) {
        self.roused.store(true, Ordering::SeqCst);
    }

    /// Ends its rest, after [`rouse`](Self::rouse).
    pub(super) fn wake(&self, reactor: Option<&Reactor>) {
        match (reactor, self.thread.get()) {
            (Some(reactor), _) => reactor.ring(),
            (None, Some(thread)) => thread.unpark(),
            (None, None) => {} // not started yet: it will look around before it rests
        }
    }

    fn park(&self) {
        while !self.roused.load(Ordering::Acquire) {
            thread::park();
        }
    }

    /// Lets the others have what waits here, since this worker takes its time. Whoever says so wakes
    /// one of them.
    pub(super) fn hand_on(&self, pool: &Pool) {
        if let Some(task) = self.own.pop_first() {
            pool.tasks.push(task);
        }
    }

    /// The life of the worker's thread.
    pub(super) fn run(self: &Arc<Self>, pool: &Arc<Pool>) {
        let _ = self.thread.set(thread::current());
        self.stage.here();
        HERE.set(Some((Arc::clone(pool), Arc::clone(self))));
        let mut shift = Shift {
            turn: 0,
            searching: false,
            harvest: Harvest::new(),
            waited: None,
            worker: Arc::clone(self),
            pool: Arc::clone(pool),
        };
        // Actors catch their own panics. What unwinds to here all the same, out of a foreign waker
        // that hears of an end for instance, costs the worker one turn, not its life.
        let leave = loop {
            match catch(|| shift.run()) {
                Ok(leave) => break leave,
                Err(_) if shift.worker.stage.leave().is_err() => break Leave::Stalled,
                Err(_) => {}
            }
        };
        if shift.searching {
            pool.idle.searched();
        }
        HERE.set(None);
        turn::end();
        pool.sign_off(self, leave);
    }
}

/// Gives a task to the worker that this thread is. Returns one for which there is no room, or this
/// one if the worker is none of its pool's. `has_run`: it only makes way for others.
///
/// Others are told once the turn is over: a worker that is woken for the first of many tasks costs
/// more than most turns take. The watch sees to a turn that does take long, until it is held.
pub(super) fn push_here(task: Task, has_run: bool) -> Result<(), Task> {
    let mut task = Some(task);
    let _thread_ends = HERE.try_with(|here| {
        let here = here.try_borrow().ok()?;
        let (pool, worker) = here.as_ref()?;
        let own = task.take_if(|task| Arc::ptr_eq(pool, &task.metadata().pool))?;
        match worker.own.push(own) {
            Ok(true) if !has_run => MORE.set(true),
            Ok(_) => {}
            Err(left) => task = Some(left),
        }
        if worker.stage.is_held() {
            worker.hand_on(pool);
            pool.wake_one();
        }
        Some(())
    });
    task.map_or(Ok(()), Err)
}

/// A worker at work.
struct Shift {
    pool: Arc<Pool>,
    worker: Arc<Worker>,
    /// Counts turns.
    turn: u32,
    /// Was woken to look for tasks, and has found none yet.
    searching: bool,
    harvest: Harvest,
    /// When the last turn was over, if a task has waited since while other workers rest.
    waited: Option<Instant>,
}

impl Shift {
    fn run(&mut self) -> Leave {
        loop {
            if self.pool.is_quitting() {
                return Leave::Quit;
            }
            self.turn = self.turn.wrapping_add(1);
            if self.turn.is_multiple_of(REACTOR_EVERY) {
                if self.pool.dismiss() {
                    return Leave::Surplus;
                }
                self.glance();
            }
            match self.find() {
                Some(task) => {
                    if std::mem::take(&mut self.searching) {
                        self.pool.idle.searched();
                        if self.pool.has_tasks() {
                            self.pool.wake_one();
                        }
                    }
                    self.worker.stage.enter(task.metadata().actor);
                    turn::begin();
                    task.run();
                    if self.worker.stage.leave().is_err() {
                        return Leave::Stalled;
                    }
                    self.share();
                }
                None if self.pool.dismiss() => return Leave::Surplus,
                None => self.rest(),
            }
        }
    }

    fn find(&self) -> Option<Task> {
        let (pool, own) = (&self.pool, &self.worker.own);
        pool.tasks
            .pop(self.turn, own)
            .or_else(|| pool.steal(&self.worker))
            .or_else(|| pool.tasks.pop_low())
    }

    /// Looks at the reactor without waiting.
    fn glance(&mut self) {
        if let Some(turn) = self.pool.reactor.try_turn() {
            turn.poll(&mut self.harvest, || false);
            self.harvest.wake();
            self.share();
        }
    }

    /// Waits until there is something to do: in the reactor if nobody else does.
    fn rest(&mut self) {
        let Self { pool, worker, .. } = self;
        let turn = pool.reactor.try_turn();
        worker.roused.store(false, Ordering::Relaxed);
        pool.idle.enter(worker, turn.is_some());
        if std::mem::take(&mut self.searching) {
            pool.idle.searched();
        }
        // Who rouses it before the reactor knows that it sleeps rings in vain.
        let roused = || worker.roused.load(Ordering::SeqCst);
        let stay = || !roused() && !pool.has_tasks() && !pool.is_quitting();
        match turn {
            Some(turn) => turn.poll(&mut self.harvest, stay),
            // Who polled when we looked may have gone for good since, and found nobody to ask.
            None if stay() && pool.reactor.is_polled() => worker.park(),
            None => {}
        }
        self.searching = !pool.idle.leave(worker);
        pool.watch.wake();
        self.harvest.wake();
        self.share();
    }

    /// Has another worker woken if this one has more to do than it should by itself: several tasks
    /// that were woken, or one that waits while others have long turns. Two that wake each other
    /// and make way, as the ends of a full mailbox do, are better off here.
    fn share(&mut self) {
        let more = MORE.take();
        if !self.worker.own.has_more() {
            self.waited = None;
        } else if more {
            self.pool.wake_one();
        } else if self.pool.idle.count() > 0 {
            let now = Instant::now();
            if self.waited.replace(now).is_some_and(|then| now - then > LONG_TURN) {
                self.pool.wake_one();
            }
        }
    }
}
