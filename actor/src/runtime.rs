//! Worker threads around one executor, and the ordered shutdown.

use std::fmt;
use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use event_listener::Event as Notice;

use crate::event::{self, Event, Hook};
use crate::scheduler::Scheduler;
use crate::{Scope, catch, time};

/// How long a shutdown waits, after its deadline, for killed actors to be dropped and for workers
/// to return. Only a thread that blocks inside an actor takes longer, and it may take for ever.
const KILL_GRACE: Duration = Duration::from_millis(200);

/// Worker threads that run actors.
///
/// Dropping a runtime kills its actors and lets the workers go without waiting for them;
/// [`shutdown`](Self::shutdown) is the orderly way.
pub struct Runtime {
    root: Scope,
    /// Told once, when the workers are to return.
    quit: Arc<Quit>,
    /// One message from each worker that has returned.
    returned: Mutex<Receiver<()>>,
    workers: usize,
}

#[derive(Default)]
struct Quit {
    asked: AtomicBool,
    notice: Notice,
}

impl Quit {
    fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.notice.notify(usize::MAX);
    }

    async fn asked(&self) {
        while !self.asked.load(Ordering::SeqCst) {
            let listener = self.notice.listen();
            if self.asked.load(Ordering::SeqCst) {
                return;
            }
            listener.await;
        }
    }
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
        Builder { workers: None, hook: None }
    }

    /// The scope above all others.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.root
    }

    /// Runs a future on the calling thread, which must not be one of the workers.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        async_io::block_on(future)
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
        self.quit.ask();
        let returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let until = time::now() + KILL_GRACE;
        for _ in 0..self.workers {
            let left = until.saturating_duration_since(time::now());
            if returned.recv_timeout(left).is_err() {
                break;
            }
        }
        drop(returned);
        Leftover { killed, stuck }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.root.stop();
        self.root.kill();
        self.quit.ask();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("workers", &self.workers).finish_non_exhaustive()
    }
}

/// What a shutdown could not end in order, by label.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "a shutdown that had to kill is worth a word"]
pub struct Leftover {
    /// Actors that had not stopped by the deadline, and were killed.
    pub killed: Vec<String>,
    /// Those among them that still block a thread.
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
}

impl Builder {
    /// How many worker threads. Default: one for each CPU and at least two, so that one blocking
    /// actor does not stop the rest.
    pub fn workers(mut self, workers: NonZero<usize>) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Where events go.
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
        let workers = self.workers.map_or_else(default_workers, NonZero::get);
        let executor = Arc::new(Executor::new());
        let quit = Arc::new(Quit::default());
        let (sender, returned) = channel();
        let runtime = Runtime {
            root: Scope::root(Scheduler::Workers(Arc::clone(&executor)), self.hook),
            quit: Arc::clone(&quit),
            returned: Mutex::new(returned),
            workers,
        };
        for n in 0..workers {
            let (executor, quit, sender) =
                (Arc::clone(&executor), Arc::clone(&quit), sender.clone());
            // On an error the runtime is dropped, which ends the workers already started.
            thread::Builder::new()
                .name(format!("seawall-worker-{n}"))
                .spawn(move || work(&executor, &quit, &sender))?;
        }
        Ok(runtime)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("workers", &self.workers).finish_non_exhaustive()
    }
}

fn default_workers() -> usize {
    thread::available_parallelism().map_or(2, |cpus| cpus.get().max(2))
}

/// A worker's life. Actors catch their own panics; what unwinds to here all the same costs the
/// worker one turn, not its life.
fn work(executor: &Executor<'static>, quit: &Quit, returned: &Sender<()>) {
    while catch(|| async_io::block_on(executor.run(quit.asked()))).is_err() {}
    // Tasks hold the executor that holds them: each must end, or both stay in memory for ever. All
    // actors are killed by now, so each ends at its next turn.
    while catch(|| executor.try_tick()).unwrap_or(true) {}
    let _ = returned.send(()); // nobody listens any more after a plain drop
}
