//! Actors under test: one thread, an order that a seed gives, and time that passes by itself.
//!
//! The same actors run, unchanged, that a [`Runtime`](crate::Runtime) runs. What differs:
//!
//! - Whose turn is next is drawn from the seed, among all that could run. One seed gives one order,
//!   again and again; other seeds give others, among them those that a machine shows once a year.
//! - [`time::now`](crate::time::now) stands still while anyone can run. When nobody can, it jumps to
//!   the next timer. An hour of waiting takes no time, and an exact one.
//! - When nobody can run and no timer is set, nothing will ever happen again: that is an error,
//!   which says who sleeps.
//!
//! Only what the simulation wakes is simulated: sockets, other threads and
//! [`Instant::now`](std::time::Instant::now) are not. An actor that waits for one of these looks
//! asleep.
//!
//! # Examples
//!
//! A supervisor that restarts its child thrice within a minute, but not four times:
//!
//! ```
//! use std::time::Duration;
//! use seawall_actor::sim::Simulation;
//! use seawall_actor::{Child, Context, Mailbox, Strategy, Supervisor, time};
//!
//! /// Works for ten seconds, then breaks.
//! async fn worker(_: Mailbox<()>, _: Context) {
//!     time::sleep(Duration::from_secs(10)).await;
//!     panic!("worn out");
//! }
//!
//! for seed in 0..10 {
//!     let lasted = Simulation::new(seed).run(async |scope| {
//!         let before = time::now();
//!         let supervisor = Supervisor::new(Strategy::OneForOne)
//!             .intensity(3, Duration::from_secs(60))
//!             .child(Child::new("worker", worker));
//!         let supervisor = scope.spawn(|mailbox, context| supervisor.run(mailbox, context));
//!         assert_eq!(supervisor.monitor().exited().await.to_string(), "shutdown");
//!         time::now() - before
//!     });
//!     assert_eq!(lasted.unwrap(), Duration::from_secs(40)); // and it took no time
//! }
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use async_task::Runnable;

use crate::event::{self, Event, Hook};
use crate::life::lock;
use crate::scheduler::Scheduler;
use crate::{Scope, catch};

/// How many turns a simulation may take unless it is told otherwise: more than a test needs, and
/// over in a second or two.
const MAX_TURNS: u64 = 1_000_000;

/// Runs actors for a test; see the [module](self).
#[must_use = "nothing happens before `run`"]
pub struct Simulation {
    seed: u64,
    max_turns: u64,
    hook: Option<Hook>,
}

impl Simulation {
    /// A simulation whose order comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, max_turns: MAX_TURNS, hook: None }
    }

    /// Where events go.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(event::hook(hook));
        self
    }

    /// How many turns it may take, of all actors together, before it is taken for endless. Default
    /// a million.
    pub fn max_turns(mut self, turns: u64) -> Self {
        self.max_turns = turns;
        self
    }

    /// Runs `test`, and the actors that it spawns into the scope it is given, until `test` returns;
    /// then kills those that are left.
    ///
    /// # Errors
    ///
    /// [`Stuck`] if `test` cannot return any more, or has not after [`max_turns`](Self::max_turns).
    ///
    /// # Panics
    ///
    /// Where `test` itself panics. A panic of an actor ends the actor, as ever.
    pub fn run<T>(self, test: impl AsyncFnOnce(&Scope) -> T) -> Result<T, Stuck> {
        let world = Arc::new(World::new(self.seed));
        let _entered = Entered::new(&world);
        let root = Scope::root(Scheduler::Simulated(Arc::clone(&world)), self.hook);
        let driver = Driver { world: &world, root: &root };
        let result = driver.drive(pin!(test(&root)), self.max_turns);
        drop(driver);
        result
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// Why a simulation was given up. Both name the actors that were alive, by their labels.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stuck {
    /// A deadlock: nobody can run, and no timer is set.
    #[error("all sleep and no timer is set; alive: {}", .0.join(", "))]
    Asleep(Vec<String>),
    /// The turns are used up: actors keep each other awake, or a timer keeps ticking.
    #[error("no end in sight; alive: {}", .0.join(", "))]
    Endless(Vec<String>),
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

/// The time in the simulation that this thread runs, if it runs one.
pub(crate) fn now() -> Option<Instant> {
    CURRENT.with_borrow(|world| world.as_ref().map(|world| world.state().now))
}

/// Everything there is in a simulation, save for the actors that sleep.
pub(crate) struct World {
    state: Mutex<State>,
}

struct State {
    chance: Chance,
    now: Instant,
    /// Who can run, in no order.
    ready: Vec<Turn>,
    /// Who waits for a time; numbered, since several may wait for the same.
    timers: BTreeMap<(Instant, u64), Waker>,
    timers_made: u64,
}

enum Turn {
    Actor(Runnable),
    /// Of the future that the simulation was started with.
    Test,
}

impl World {
    fn new(seed: u64) -> Self {
        let state = State {
            chance: Chance(seed),
            now: Instant::now(),
            ready: vec![Turn::Test],
            timers: BTreeMap::new(),
            timers_made: 0,
        };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let world = Arc::clone(self);
        let schedule = move |runnable| world.state().ready.push(Turn::Actor(runnable));
        let (runnable, task) = async_task::spawn(task, schedule);
        task.detach();
        runnable.schedule();
    }

    /// Who is next; when nobody can run, time passes until somebody can. `None` if that is never.
    fn next(&self) -> Option<Turn> {
        loop {
            let mut state = self.state();
            let ready = state.ready.len();
            if ready > 0 {
                let index = state.chance.below(ready);
                return Some(state.ready.swap_remove(index));
            }
            let ((at, _), waker) = state.timers.pop_first()?;
            state.now = state.now.max(at);
            drop(state);
            waker.wake();
        }
    }
}

/// The test's own turn is asked for in the same queue as everyone's.
struct TestWaker(Arc<World>);

impl Wake for TestWaker {
    fn wake(self: Arc<Self>) {
        let mut state = self.0.state();
        if !state.ready.iter().any(|turn| matches!(turn, Turn::Test)) {
            state.ready.push(Turn::Test);
        }
    }
}

/// Gives out the turns; dropped, also by a test that panics, it ends the actors that are left.
struct Driver<'a> {
    world: &'a Arc<World>,
    root: &'a Scope,
}

impl Driver<'_> {
    fn drive<T>(
        &self,
        mut test: std::pin::Pin<&mut impl Future<Output = T>>,
        max_turns: u64,
    ) -> Result<T, Stuck> {
        let waker = Waker::from(Arc::new(TestWaker(Arc::clone(self.world))));
        let mut cx = Context::from_waker(&waker);
        for _ in 0..max_turns {
            match self.world.next() {
                Some(Turn::Actor(runnable)) => drop(runnable.run()),
                Some(Turn::Test) => {
                    if let Poll::Ready(done) = test.as_mut().poll(&mut cx) {
                        return Ok(done);
                    }
                }
                None => return Err(Stuck::Asleep(self.root.labels())),
            }
        }
        Err(Stuck::Endless(self.root.labels()))
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        self.root.stop();
        self.root.kill();
        // Each ends at its next turn. Their timers are dropped with them.
        loop {
            let ready = mem::take(&mut self.world.state().ready);
            if ready.is_empty() {
                break;
            }
            for turn in ready {
                if let Turn::Actor(runnable) = turn {
                    let _ = catch(|| runnable.run());
                }
            }
        }
    }
}

/// While it lives, this thread's time is the simulation's.
struct Entered {
    outer: Option<Arc<World>>,
}

impl Entered {
    fn new(world: &Arc<World>) -> Self {
        Self { outer: CURRENT.replace(Some(Arc::clone(world))) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

/// Polls a timer of the simulation that this thread runs; `None` if it runs none. The timer is made
/// on demand, so that it costs the others one word.
pub(crate) fn poll_timer(
    timer: &mut Option<Box<Timer>>,
    deadline: Instant,
    cx: &mut Context<'_>,
) -> Option<Poll<()>> {
    let world = CURRENT.with_borrow(Clone::clone)?;
    Some(timer.get_or_insert_default().poll(world, deadline, cx))
}

/// Fires in the time of the simulation in which it is polled.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Arc<World>, (Instant, u64))>,
}

impl Timer {
    fn poll(&mut self, world: Arc<World>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.disarm();
        let mut state = world.state();
        if state.now >= deadline {
            return Poll::Ready(());
        }
        state.timers_made += 1;
        let key = (deadline, state.timers_made);
        state.timers.insert(key, cx.waker().clone());
        drop(state);
        self.armed = Some((world, key));
        Poll::Pending
    }

    fn disarm(&mut self) {
        if let Some((world, key)) = self.armed.take() {
            let waker = world.state().timers.remove(&key);
            drop(waker); // without the lock: it may be the last of its task
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("armed", &self.armed.is_some()).finish()
    }
}

/// `SplitMix64`: small, good enough to choose who is next, and ours, so that a seed that has once
/// shown a bug shows it in every later version too.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // The high half of the product: below `bound`, and as even as 64 bits make it.
        ((u128::from(bits) * bound as u128) >> 64) as usize
    }
}
