//! Threads for what blocks: plain handlers and files. One pool for each server.
//!
//! Threads are started as jobs come, up to a limit, and end when they have nothing to do. What
//! does not fit waits in a queue, and what does not fit there is refused at once, so that a
//! client hears 503 and does not wait for nothing.
//!
//! A job whose waiter has given up, because its time was over or its client gone, cannot be
//! stopped: nothing can end a thread from outside. Its thread is *stuck*, and no longer counts
//! against the limit, so that another takes its place. Stuck threads have a limit of their own,
//! since each holds its stack; at that, the pool refuses what it has no thread for.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use seawall_actor::{Panicked, catch, time};

/// How long a thread waits for another job before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The pause before who waits for room asks again: short beside what a client notices, long beside
/// the cost of asking.
const PAUSE: Duration = Duration::from_millis(10);

/// A pool of threads; they end with it, save those that are stuck.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    state: Mutex<State>,
    /// There is a job, or the pool closes.
    news: Condvar,
}

/// How many threads and jobs there may be, and for how long too many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) threads: usize,
    pub(crate) queue: usize,
    pub(crate) stuck: usize,
    /// How long they wait for room who would rather do that than be refused.
    pub(crate) patience: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// What somebody waits for.
    queue: VecDeque<Job>,
    /// Threads alive; at least `idle + stuck`.
    threads: usize,
    /// Those that wait for a job, or have been started and not yet come for theirs.
    idle: usize,
    /// Those whose job nobody waits for.
    stuck: usize,
    /// Jobs refused so far.
    refused: u64,
    closing: bool,
}

struct Job {
    ticket: Arc<Mutex<Ticket>>,
    run: Box<dyn FnOnce() + Send>,
}

/// Where a job is. Changed only while the pool's state is locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ticket {
    Queued,
    Running,
    Abandoned,
    Done,
}

/// All threads are taken, and the queue is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Busy;

/// What a pool is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Load {
    pub(crate) queued: usize,
    pub(crate) stuck: usize,
    pub(crate) refused: u64,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Shared { limits, state, news: Condvar::new() }))
    }

    /// Runs `f` on a thread that may block. A panic in it goes on here.
    ///
    /// # Errors
    ///
    /// [`Busy`] if there is no room for it; it does not run then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        self.try_run(f).await.map_err(|busy| self.refused(busy))
    }

    /// As [`run`](Self::run), for what has begun already and should rather be late than cut off:
    /// waits for room, for up to [`Limits::patience`].
    pub(crate) async fn run_patiently<T: Send + 'static>(
        &self,
        f: impl Fn() -> T + Clone + Send + 'static,
    ) -> Result<T, Busy> {
        // A span too long for the clock is no deadline.
        let deadline = time::now().checked_add(self.0.limits.patience);
        loop {
            match self.try_run(f.clone()).await {
                Err(busy) if deadline.is_some_and(|deadline| time::now() >= deadline) => {
                    return Err(self.refused(busy));
                }
                Err(Busy) => time::sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    fn refused(&self, busy: Busy) -> Busy {
        self.0.lock().refused += 1;
        busy
    }

    async fn try_run<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (sender, receiver) = async_channel::bounded(1);
        let run = Box::new(move || {
            // Sent even if nobody waits any more: then it is dropped here.
            let _ = sender.try_send(catch(f));
        });
        let ticket = Arc::new(Mutex::new(Ticket::Queued));
        self.0.submit(Job { ticket: Arc::clone(&ticket), run })?;
        let mut waiting = Waiting { pool: Arc::clone(&self.0), ticket, served: false };
        let result = receiver.recv().await;
        // The thread may not have come to say so itself.
        waiting.served = true;
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Panicked(text))) => std::panic::resume_unwind(Box::new(text.to_string())),
            // The pool closed before the job's turn came.
            Err(async_channel::RecvError) => Err(Busy),
        }
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.0.lock();
        Load { queued: state.queue.len(), stuck: state.stuck, refused: state.refused }
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.0.lock().threads
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closing = true;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        drop(left);
        self.0.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(self: &Arc<Self>, job: Job) -> Result<(), Busy> {
        let mut state = self.lock();
        let waiting = state.queue.len();
        if waiting < state.idle {
            state.queue.push_back(job);
            drop(state);
            self.news.notify_one();
            return Ok(());
        }
        let has_thread = self.may_start(&state) && self.start(&mut state).is_ok();
        // What nobody will ever take does not wait.
        let served = state.threads > state.stuck;
        // Of those in the queue, the first are as good as taken.
        if !has_thread && (!served || waiting - state.idle >= self.limits.queue) {
            return Err(Busy);
        }
        state.queue.push_back(job);
        Ok(())
    }

    fn may_start(&self, state: &State) -> bool {
        state.threads - state.stuck < self.limits.threads && state.stuck <= self.limits.stuck
    }

    fn start(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let pool = Arc::clone(self);
        thread::Builder::new().name("seawall-blocking".to_owned()).spawn(move || pool.work())?;
        state.threads += 1;
        state.idle += 1;
        Ok(())
    }

    /// A thread's life.
    fn work(&self) {
        let mut state = self.lock();
        state.idle -= 1;
        loop {
            let Some(job) = state.queue.pop_front() else {
                if state.closing {
                    break;
                }
                state.idle += 1;
                let (woken, timeout) =
                    self.news.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if timeout.timed_out() && state.queue.is_empty() {
                    break;
                }
                continue;
            };
            replace(&job.ticket, Ticket::Running);
            drop(state);
            // Not only the function may panic, but what is dropped with it.
            let _ = catch(job.run);
            state = self.lock();
            if replace(&job.ticket, Ticket::Done) == Ticket::Abandoned {
                // Back at last. If another has taken its place, there is one too many.
                state.stuck -= 1;
                if state.threads - state.stuck > self.limits.threads {
                    break;
                }
            }
        }
        state.threads -= 1;
    }

    /// Nobody waits for this job any more.
    fn abandon(self: &Arc<Self>, ticket: &Mutex<Ticket>) {
        let mut state = self.lock();
        let mut unwanted = None;
        match replace(ticket, Ticket::Abandoned) {
            Ticket::Queued => {
                let at = state.queue.iter().position(|job| std::ptr::eq(&*job.ticket, ticket));
                unwanted = at.and_then(|at| state.queue.remove(at));
            }
            Ticket::Running => {
                state.stuck += 1;
                // Who waits in the queue gets the thread that this one no longer is.
                if state.queue.len() > state.idle && self.may_start(&state) {
                    let _ = self.start(&mut state);
                }
            }
            Ticket::Abandoned | Ticket::Done => {}
        }
        // What a job holds is its owner's, and may ask for the lock as it is dropped.
        drop(state);
        drop(unwanted);
    }
}

fn replace(ticket: &Mutex<Ticket>, new: Ticket) -> Ticket {
    std::mem::replace(&mut *ticket.lock().unwrap_or_else(PoisonError::into_inner), new)
}

/// Whoever waits for a job; gone before it is done, the job is abandoned.
struct Waiting {
    pool: Arc<Shared>,
    ticket: Arc<Mutex<Ticket>>,
    served: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.served {
            self.pool.abandon(&self.ticket);
        }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    use futures_lite::future::block_on;

    use super::*;

    fn pool(threads: usize, queue: usize, stuck: usize) -> Pool {
        Pool::new(Limits { threads, queue, stuck, patience: Duration::ZERO })
    }

    /// A job that runs until it is released.
    fn gate() -> (Sender<()>, impl FnOnce() + Send) {
        let (release, gate): (_, Receiver<()>) = channel();
        (release, move || {
            let _ = gate.recv();
        })
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn until(done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < deadline, "it does not happen");
            thread::yield_now();
        }
    }

    #[test]
    fn what_fits_nowhere_is_refused() {
        let pool = pool(1, 1, 0);
        let (release, job) = gate();
        let mut running = pin!(pool.run(job));
        assert!(poll_once(running.as_mut()).is_pending());
        until(|| pool.load().queued == 0);
        let mut queued = pin!(pool.run(|| 7));
        assert!(poll_once(queued.as_mut()).is_pending());
        assert_eq!(block_on(pool.run(|| 8)), Err(Busy));
        assert_eq!(pool.load(), Load { queued: 1, stuck: 0, refused: 1 });
        release.send(()).unwrap();
        assert_eq!(block_on(queued), Ok(7));
        assert_eq!(block_on(running), Ok(()));
        assert_eq!(pool.threads(), 1);
    }

    /// A thread that has been started but not run yet, on a busy machine, has a job waiting in the
    /// queue: that one takes nobody's place there. It did, and clients got 503 from an idle server.
    #[test]
    fn a_job_whose_thread_is_on_its_way_takes_no_place_in_the_queue() {
        for _ in 0..50 {
            let pool = pool(2, 2, 0);
            let mut jobs: Vec<_> = (0..4).map(|n| Box::pin(pool.run(move || n))).collect();
            for job in &mut jobs {
                assert_ne!(poll_once(job.as_mut()), Poll::Ready(Err(Busy)));
            }
        }
    }

    #[test]
    fn what_nobody_waits_for_leaves_the_queue() {
        let pool = pool(1, 1, 0);
        let (release, job) = gate();
        let mut running = pin!(pool.run(job));
        assert!(poll_once(running.as_mut()).is_pending());
        until(|| pool.load().queued == 0);
        {
            let mut queued = pin!(pool.run(|| unreachable!("nobody waits for it")));
            assert!(poll_once(queued.as_mut()).is_pending());
        }
        assert_eq!(pool.load().queued, 0);
        release.send(()).unwrap();
        assert_eq!(block_on(pool.run(|| 7)), Ok(7));
    }

    #[test]
    fn a_stuck_thread_is_replaced_up_to_a_limit() {
        let pool = pool(1, 1, 1);
        let (first, job) = gate();
        let stick = |job| {
            let mut running = Box::pin(pool.run(job));
            assert!(poll_once(running.as_mut()).is_pending());
            until(|| pool.load().queued == 0);
            running
        };
        drop(stick(job));
        assert_eq!(pool.load().stuck, 1);
        assert_eq!(block_on(pool.run(|| 7)), Ok(7), "another thread has taken its place");
        // A second one is beyond the limit: what comes then is refused, not left to wait for ever.
        let (second, job) = gate();
        drop(stick(job));
        assert_eq!(pool.load().stuck, 2);
        assert_eq!(block_on(pool.run(|| 8)), Err(Busy));
        // One that returns is worth a thread again, and there is never one too many.
        first.send(()).unwrap();
        until(|| pool.load().stuck == 1);
        assert_eq!(block_on(pool.run(|| 9)), Ok(9));
        second.send(()).unwrap();
        until(|| pool.load().stuck == 0 && pool.threads() == 1);
    }

    #[test]
    fn threads_end_with_the_pool() {
        let pool = pool(3, 9, 0);
        for _ in 0..9 {
            block_on(pool.run(|| ())).unwrap();
        }
        let shared = Arc::clone(&pool.0);
        drop(pool);
        until(|| Arc::strong_count(&shared) == 1);
    }

    #[test]
    fn a_panic_goes_on_where_it_is_waited_for() {
        let pool = pool(1, 1, 0);
        let caught = catch(|| block_on(pool.run(|| panic!("in a job"))));
        assert_eq!(caught.unwrap_err().to_string(), "in a job");
        assert_eq!(block_on(pool.run(|| 7)), Ok(7), "the thread lives on");
    }

    /// Calls a function as it is dropped.
    struct OnDrop<F: FnMut()>(F);

    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    /// Such a value once took its thread along, and the thread's place: in the end all were taken
    /// by threads that were no more.
    #[test]
    fn what_panics_as_it_is_dropped_costs_no_thread() {
        let pool = pool(1, 1, 1);
        for _ in 0..3 {
            let (release, job) = gate();
            let mut running = Box::pin(pool.run(move || {
                job();
                OnDrop(|| panic!("in a destructor"))
            }));
            assert!(poll_once(running.as_mut()).is_pending());
            until(|| pool.load().queued == 0);
            drop(running);
            release.send(()).unwrap();
            until(|| pool.load().stuck == 0);
        }
        assert_eq!(block_on(pool.run(|| 7)), Ok(7));
        until(|| pool.threads() == 1);
    }

    /// What a job holds is its owner's, whose destructors may look at the server's counters.
    #[test]
    fn what_is_dropped_with_a_job_may_ask_the_pool() {
        let (done, dropped) = channel();
        thread::spawn(move || {
            let pool = Arc::new(pool(1, 1, 0));
            let (_release, job) = gate();
            let mut running = pin!(pool.run(job));
            assert!(poll_once(running.as_mut()).is_pending());
            until(|| pool.load().queued == 0);
            let asked = Arc::clone(&pool);
            let asks = OnDrop(move || done.send(asked.load().queued).unwrap());
            let mut queued = Box::pin(pool.run(move || drop(asks)));
            assert!(poll_once(queued.as_mut()).is_pending());
            drop(queued);
        });
        assert_eq!(dropped.recv_timeout(Duration::from_secs(20)), Ok(0));
    }
}
