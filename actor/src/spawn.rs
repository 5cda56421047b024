//! How an actor comes to life: its task, and the boundary at which its panics stop.

use std::borrow::Cow;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::isolate::{Isolated, catch, isolate};
use crate::life::{Core, erase};
use crate::mailbox::{DEFAULT_BOUND, DEFAULT_TURN};
use crate::queue::{NoQueue, Queue};
use crate::scheduler::Scheduler;
use crate::scope::{Membership, Scope};
use crate::{
    Address, Context, Event, ExitReason, Mailbox, Monitor, Outcome, Panicked, Priority, Reference,
    relations,
};

/// An actor that is about to start: its label and the bound of its mailbox.
#[derive(Debug)]
#[must_use = "nothing starts before `spawn`"]
pub struct Spawn<'a> {
    scope: &'a Scope,
    label: Cow<'static, str>,
    bound: usize,
    turn: u32,
    priority: Priority,
}

impl<'a> Spawn<'a> {
    pub(crate) fn new(scope: &'a Scope) -> Self {
        Self {
            scope,
            label: Cow::Borrowed("actor"),
            bound: DEFAULT_BOUND,
            turn: DEFAULT_TURN,
            priority: Priority::Normal,
        }
    }

    /// Names the actor in events and in what a shutdown left over: its role, and its peer if it
    /// has one.
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    /// How many messages wait in the mailbox before senders do. Default 64, at least 1.
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.bound = bound.max(1);
        self
    }

    /// How many messages the actor takes in a row before it lets others run. Default 64, at
    /// least 1.
    pub fn turn(mut self, messages: u32) -> Self {
        self.turn = messages.max(1);
        self
    }

    /// How urgently its turns are wanted. Default: [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Starts the actor.
    ///
    /// A panic in `f` itself, before it has made its future, is caught as one inside the future.
    pub fn spawn<M, F, Fut>(self, f: F) -> Address<M>
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.start(f, |_| ()).0
    }

    /// Starts the actor with a link to the one of `parent`: there is no moment at which one of
    /// them can end without the other hearing of it.
    pub fn spawn_link<M, F, Fut>(self, parent: &Context, f: F) -> Address<M>
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.start(f, |address| relations::link(&parent.core, &erase(&address.core))).0
    }

    /// Starts the actor with a monitor on it, held by the one of `parent`.
    pub fn spawn_monitor<M, F, Fut>(self, parent: &Context, f: F) -> (Address<M>, Reference)
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.start(f, |address| relations::monitor(&parent.core, &erase(&address.core)))
    }

    /// Starts an actor that takes no messages: it can be linked, watched, stopped and killed like any
    /// other, and takes some eighty bytes less.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_actor::{Context, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let pump = async |context: Context| context.stopping().await;
    /// let pump = runtime.scope().actor().label("pump").spawn_without_mailbox(pump);
    /// runtime.scope().stop();
    /// assert_eq!(runtime.block_on(pump.exited()).to_string(), "shutdown");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn_without_mailbox<F, Fut>(mut self, f: F) -> Monitor
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let core = erase(&self.core(NoQueue));
        self.launch(&core, f, || ());
        Monitor { core }
    }

    /// Starts the actor after `tie` has tied it to others.
    pub(crate) fn start<M, F, Fut, T>(
        mut self,
        f: F,
        tie: impl FnOnce(&Address<M>) -> T,
    ) -> (Address<M>, T)
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let address = Address { core: self.core(Queue::new(self.bound)) };
        let mailbox = Mailbox::new(Arc::clone(&address.core), self.turn);
        let core = erase(&address.core);
        let tie = self.launch(&core, |context| f(mailbox, context), || tie(&address));
        (address, tie)
    }

    fn core<L>(&mut self, lane: L) -> Arc<Core<L>> {
        let label = mem::take(&mut self.label);
        Arc::new(Core::new(label, self.scope.hook().cloned(), lane))
    }

    fn launch<F, Fut, T>(self, core: &Arc<Core>, f: F, tie: impl FnOnce() -> T) -> T
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let id = core.id;
        self.scope.report(&Event::Spawned { id, label: core.label() });
        let mut membership = self.scope.enter(core);
        let tie = tie();
        let context = Context { core: Arc::clone(core), scope: self.scope.clone() };
        match catch(|| f(context)) {
            Ok(future) => {
                let scheduler = self.scope.scheduler();
                let wakers_change = matches!(scheduler, Scheduler::Foreign(_));
                let future = isolate(future);
                let actor = Running { future, membership, started: false, wakers_change };
                scheduler.spawn(id, self.priority, actor);
            }
            Err(Panicked(text)) => membership.leave(&ExitReason::Panicked(text)),
        }
        tie
    }
}

pin_project! {
    /// A live actor. Field order matters when the executor is dropped under it: first what the
    /// actor owns, then the news of its end.
    struct Running<F> {
        #[pin]
        future: Isolated<F>,
        membership: Membership,
        started: bool,
        // Who polls it may do so with another waker each time.
        wakers_change: bool,
    }
}

impl<F: Future<Output: Outcome>> Future for Running<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let core = this.membership.core();
        let first = !mem::replace(this.started, true);
        if first && !core.is_killed() {
            this.membership.started();
        }
        let reason = if core.is_killed() {
            match (this.future.as_mut().clear(), core.doom()) {
                (Err(Panicked(text)), _) => ExitReason::Panicked(text),
                (Ok(()), None) => ExitReason::Killed,
                (Ok(()), Some(reason)) => {
                    this.membership.taken_along(&reason);
                    return Poll::Ready(());
                }
            }
        } else {
            match this.future.as_mut().poll(cx) {
                Poll::Pending => {
                    if (first || *this.wakers_change) && core.remember(cx.waker()) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Err(Panicked(text))) => ExitReason::Panicked(text),
                Poll::Ready(Ok(outcome)) => match catch(|| outcome.into_reason()) {
                    Ok(ExitReason::Normal) if core.is_stopping() => ExitReason::Shutdown,
                    Ok(reason) => reason,
                    Err(Panicked(text)) => ExitReason::Panicked(text),
                },
            }
        };
        this.membership.leave(&reason);
        Poll::Ready(())
    }
}
