//! Worker threads, what keeps them going while actors block, and the ordered shutdown.
//!
//! | file | idea |
//! |---|---|
//! | `runtime/tasks.rs` | tasks that are ready to run, in three priorities |
//! | `runtime/own.rs` | those that a worker woke itself: one that is alone stays with it |
//! | `runtime/worker.rs` | a worker: it runs tasks, and polls the reactor when it finds none |
//! | `runtime/idle.rs` | workers that rest, and how few of them are woken |
//! | `runtime/stage.rs`, `runtime/watch.rs` | which actor a worker polls; spares for workers that are stalled |
//! | `runtime/pool.rs` | all of it together, and the list of threads |

mod idle;
mod own;
mod pool;
mod stage;
mod tasks;
mod thread;
mod watch;
mod worker;

use std::fmt;
use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;

pub(crate) use self::pool::Pool;
use crate::event::{self, Event, Hook};
use crate::scheduler::Scheduler;
use crate::{Scope, time};

/// How long a shutdown waits, after its deadline, for killed actors to be dropped and for workers
/// to return. Only a thread that blocks inside an actor takes longer, and it may take for ever.
const KILL_GRACE: Duration = Duration::from_millis(200);

/// Worker threads that run actors.
///
/// Dropping a runtime kills its actors and lets the workers go without waiting for them;
/// [`shutdown`](Self::shutdown) is the orderly way.
pub struct Runtime {
    root: Scope,
    pool: Arc<Pool>,
}

impl Runtime {
    /// A runtime with one worker for each CPU, and at least two.
    ///
    /// # Errors
    ///
    /// What the system says if a thread cannot be started.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// A runtime made to order.
    pub fn builder() -> Builder {
        Builder {
            workers: None,
            hook: None,
            stall_after: Duration::from_millis(50),
            max_threads: NonZero::new(256).unwrap_or(NonZero::<usize>::MIN),
        }
    }

    /// The scope above all others.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.root
    }

    /// Runs a future on the calling thread, which must not be one of the workers.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        future::block_on(future)
    }

    /// Tells every actor to stop, waits for them until the deadline, kills the rest, and ends the
    /// workers. Returns at the latest a fraction of a second after the deadline, and says what
    /// would not end: an actor that blocks its thread cannot be dropped from outside.
    pub fn shutdown(self, deadline: Duration) -> Leftover {
        self.root.stop();
        let in_time = self.block_on(time::timeout(deadline, self.root.ended())).is_ok();
        let mut killed = Vec::new();
        if !in_time {
            killed = self.root.labels();
            self.root.kill();
            let _ = self.block_on(time::timeout(KILL_GRACE, self.root.ended()));
        }
        let stuck = self.root.labels();
        self.root.kill(); // also what is spawned from here on
        self.pool.quit(time::now().checked_add(KILL_GRACE));
        Leftover { killed, stuck }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.root.stop();
        self.root.kill();
        self.pool.quit(None);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("workers", &self.pool.size).finish_non_exhaustive()
    }
}

/// What a shutdown could not end in order, by label.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "a shutdown that had to kill is worth a word"]
pub struct Leftover {
    /// Actors that had not stopped by the deadline, and were killed.
    pub killed: Vec<String>,
    /// Those among them that were alive 200 ms after that: each blocks a thread, or waits for one.
    pub stuck: Vec<String>,
}

impl Leftover {
    /// Whether every actor stopped in time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.killed.is_empty() && self.stuck.is_empty()
    }
}

/// Describes a runtime before it is built.
#[must_use = "nothing runs before `build`"]
pub struct Builder {
    workers: Option<NonZero<usize>>,
    hook: Option<Hook>,
    stall_after: Duration,
    max_threads: NonZero<usize>,
}

impl Builder {
    /// How many worker threads. Default: one for each CPU and at least two, so that one blocking
    /// actor does not stop the rest.
    pub fn workers(mut self, workers: NonZero<usize>) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How long an actor may keep its worker without a pause before a spare thread takes the
    /// worker's place. Default 50 ms; at least 2 ms.
    ///
    /// Shorter, and actors that merely compute cost a thread each; longer, and a worker that
    /// blocks is missed for longer.
    pub fn stall_after(mut self, span: Duration) -> Self {
        self.stall_after = span.max(Duration::from_millis(2));
        self
    }

    /// How many threads there may be, of workers and of those that are stalled together. Default
    /// 256; never less than there are workers.
    ///
    /// Beyond it a stalled worker is not replaced until another returns, which
    /// [`Event::ThreadsExhausted`] tells.
    pub fn max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.max_threads = threads;
        self
    }

    /// Where events go. A hook is called wherever the event happens, and must not block.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(event::hook(hook));
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// What the system says if a thread cannot be started.
    pub fn build(self) -> io::Result<Runtime> {
        let size = self.workers.map_or_else(default_workers, NonZero::get);
        let pool = Pool::new(size, self.max_threads.get(), self.stall_after)?;
        let root = Scope::root(Scheduler::Workers(Arc::clone(&pool)), self.hook);
        // On an error from here on it is dropped, which ends the workers already started.
        let runtime = Runtime { root, pool };
        for _ in 0..size {
            runtime.pool.start(&mut runtime.pool.roster())?;
        }
        watch::start(&runtime.pool, &runtime.root)?;
        Ok(runtime)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("workers", &self.workers).finish_non_exhaustive()
    }
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cpus| cpus.get().max(2))
}
