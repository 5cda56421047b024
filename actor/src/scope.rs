//! Actors that are watched and stopped together.
//!
//! Scopes form a tree whose root is the runtime's. The tree is the shutdown plan: stopping a scope
//! stops the actors in it and in all scopes below it.

use std::fmt;
use std::future::Future;
use std::iter;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use slab::Slab;

use crate::event::{self, Event, Hook};
use crate::isolate::Steps;
use crate::life::{Core, lock};
use crate::relations;
use crate::scheduler::Scheduler;
use crate::{ActorId, Address, Context, ExitReason, Mailbox, Outcome, Registry, Spawn};

/// A set of actors that are spawned, watched and stopped together. Cheap to clone.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Mailbox, Runtime};
///
/// let runtime = Runtime::new()?;
/// let room = runtime.scope().child();
/// for _ in 0..3 {
///     room.spawn(async |_: Mailbox<()>, context: Context| context.stopping().await);
/// }
/// assert_eq!(room.len(), 3);
/// room.stop();
/// runtime.block_on(room.ended());
/// assert!(room.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Scope {
    inner: Arc<Inner>,
}

struct Inner {
    scheduler: Scheduler,
    parent: Option<Scope>,
    /// Below a supervisor, which stops what is in it; a `stop` from above does not reach it.
    supervised: bool,
    hook: Option<Hook>,
    /// One for the whole tree.
    registry: Arc<Registry>,
    /// [`Members::count`], readable without the lock.
    count: AtomicUsize,
    emptied: event_listener::Event,
    stopping: AtomicBool,
    killed: AtomicBool,
    /// The actors alive in this scope itself, and the scopes below it.
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    actors: Slab<Arc<Core>>,
    children: Vec<Weak<Inner>>,
    /// How many of the scopes below have members.
    peopled: usize,
}

/// Places that an empty list of actors keeps; with more, it gives its memory back.
const KEPT: usize = 64;

impl Members {
    fn count(&self) -> usize {
        self.actors.len() + self.peopled
    }

    fn remove(&mut self, place: usize) {
        self.actors.remove(place);
        if self.actors.is_empty() && self.actors.capacity() > KEPT {
            self.actors = Slab::new();
        }
    }
}

impl Scope {
    pub(crate) fn root(scheduler: Scheduler, hook: Option<Hook>) -> Self {
        Self::new(scheduler, None, hook, false)
    }

    /// A scope above all others, whose actors run where `spawn` puts their tasks: on the executor
    /// of a program that has one already. Each task is to be polled until it is done; one that is
    /// dropped before was killed.
    ///
    /// Timers and sockets work there, too. What only worker threads of a
    /// [`Runtime`](crate::Runtime) can do does not: whoever blocks there blocks that executor.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use async_executor::Executor;
    /// use futures_lite::future::block_on;
    /// use seawall_actor::{Context, Mailbox, Scope};
    ///
    /// let executor = Arc::new(Executor::new());
    /// let spawner = Arc::clone(&executor);
    /// let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    /// let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
    ///     assert_eq!(mailbox.recv().await, Some(7));
    /// });
    /// block_on(executor.run(async {
    ///     address.send(7).await.unwrap();
    ///     scope.ended().await;
    /// }));
    /// ```
    pub fn foreign<F>(spawn: F) -> Self
    where
        F: Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    {
        Self::root(Scheduler::Foreign(Arc::new(spawn)), None)
    }

    fn new(
        scheduler: Scheduler,
        parent: Option<Self>,
        hook: Option<Hook>,
        supervised: bool,
    ) -> Self {
        let stopping = !supervised && parent.as_ref().is_some_and(Self::is_stopping);
        let killed = parent.as_ref().is_some_and(|scope| scope.inner.killed.load(Ordering::SeqCst));
        let registry = match &parent {
            Some(parent) => Arc::clone(&parent.inner.registry),
            None => Arc::default(),
        };
        Self {
            inner: Arc::new(Inner {
                scheduler,
                parent,
                supervised,
                hook,
                registry,
                count: AtomicUsize::new(0),
                emptied: event_listener::Event::new(),
                stopping: AtomicBool::new(stopping),
                killed: AtomicBool::new(killed),
                members: Mutex::new(Members::default()),
            }),
        }
    }

    /// A scope below this one, with the same event hook.
    #[must_use]
    pub fn child(&self) -> Self {
        self.adopt(self.inner.hook.clone(), false)
    }

    /// A scope below this one that reports its events to `hook`.
    #[must_use]
    pub fn child_with_events(&self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.adopt(Some(event::hook(hook)), false)
    }

    /// A scope below this one whose actors are stopped by a supervisor.
    pub(crate) fn supervised(&self) -> Self {
        self.adopt(self.inner.hook.clone(), true)
    }

    /// Another scope below the parent of this one.
    pub(crate) fn sibling(&self) -> Self {
        self.inner.parent.as_ref().unwrap_or(self).child()
    }

    fn adopt(&self, hook: Option<Hook>, supervised: bool) -> Self {
        let scheduler = self.inner.scheduler.clone();
        let child = Self::new(scheduler, Some(self.clone()), hook, supervised);
        let mut members = self.members();
        if members.children.len() == members.children.capacity() {
            // Before the list grows, those that are no more; looking each time would cost the square.
            members.children.retain(|child| child.strong_count() > 0);
        }
        members.children.push(Arc::downgrade(&child.inner));
        drop(members);
        // The parent's walk may have passed before the child was listed.
        if self.is_stopping() && !supervised {
            child.stop();
        }
        if self.inner.killed.load(Ordering::SeqCst) {
            child.kill();
        }
        child
    }

    /// Starts an actor with the default label and mailbox bound; see [`Spawn`] for others.
    pub fn spawn<M, F, Fut>(&self, f: F) -> Address<M>
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.actor().spawn(f)
    }

    /// Describes an actor before it is started.
    pub fn actor(&self) -> Spawn<'_> {
        Spawn::new(self)
    }

    /// Tells every actor in this scope and below it to stop. One that is spawned later is told at
    /// once.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        let mut enter = |scope: &Self| scope.inner.stopping.store(true, Ordering::SeqCst);
        self.each(false, &mut Core::stop, &mut enter);
    }

    /// Kills every actor in this scope and below it. One that is spawned later is killed at once.
    pub fn kill(&self) {
        self.inner.killed.store(true, Ordering::SeqCst);
        let mut enter = |scope: &Self| scope.inner.killed.store(true, Ordering::SeqCst);
        self.each(true, &mut Core::kill, &mut enter);
    }

    /// Whether [`stop`](Self::stop) was called here or above.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::SeqCst)
    }

    /// How many actors live in this scope and below it.
    #[must_use]
    pub fn len(&self) -> usize {
        let (own, children) = {
            let members = self.members();
            (members.actors.len(), members.children.clone())
        };
        let below = children.iter().filter_map(Weak::upgrade);
        own + below.map(|inner| Self { inner }.len()).sum::<usize>()
    }

    /// Whether no actor lives in this scope or below it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.count.load(Ordering::Acquire) == 0
    }

    /// Waits until no actor lives in this scope or below it.
    pub async fn ended(&self) {
        while !self.is_empty() {
            let listener = self.inner.emptied.listen();
            if self.is_empty() {
                return;
            }
            listener.await;
        }
    }

    /// The names of the runtime's actors: one registry, whatever the scope.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }

    /// The labels of the actors alive in this scope and below it.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let mut labels = Vec::new();
        self.each(true, &mut |core| labels.push(core.label().to_owned()), &mut |_| {});
        labels
    }

    /// Visits all actors, and the scopes below, parents first; those of supervisors on request.
    ///
    /// The lists are copied first: a visitor wakes tasks, and a task may spawn into this scope.
    fn each(&self, supervised: bool, visit: &mut dyn FnMut(&Core), enter: &mut dyn FnMut(&Self)) {
        let (actors, children) = {
            let members = self.members();
            let mut actors: Vec<_> = members.actors.iter().map(|(_, core)| core.clone()).collect();
            actors.sort_by_key(|core| core.id); // in the order of their start
            let children: Vec<_> = members
                .children
                .iter()
                .filter_map(Weak::upgrade)
                .filter(|inner| supervised || !inner.supervised)
                .collect();
            (actors, children)
        };
        for core in actors {
            visit(&core);
        }
        for inner in children {
            let child = Self { inner };
            enter(&child);
            child.each(supervised, visit, enter);
        }
    }

    pub(crate) fn hook(&self) -> Option<&Hook> {
        self.inner.hook.as_ref()
    }

    /// The label of an actor in this scope or below it, and where its events go.
    pub(crate) fn find(&self, id: ActorId) -> Option<(String, Option<Hook>)> {
        let (found, children) = {
            let members = self.members();
            let mut actors = members.actors.iter().map(|(_, core)| core);
            let label = actors.find(|core| core.id == id).map(|core| core.label().to_owned());
            let children: Vec<_> = members.children.iter().filter_map(Weak::upgrade).collect();
            (label.map(|label| (label, self.inner.hook.clone())), children)
        };
        found.or_else(|| children.into_iter().find_map(|inner| Self { inner }.find(id)))
    }

    pub(crate) fn report(&self, event: &Event<'_>) {
        event::report(self.hook(), event);
    }

    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.inner.scheduler
    }

    /// Lists an actor; the returned membership takes it off the list again.
    pub(crate) fn enter(&self, core: &Arc<Core>) -> Membership {
        let mut place = 0;
        self.change(&mut |members| place = members.actors.insert(Arc::clone(core)));
        // `stop` and `kill` may have walked the list before the actor was on it.
        if self.is_stopping() {
            core.stop();
        }
        if self.inner.killed.load(Ordering::SeqCst) {
            core.kill();
        }
        Membership { scope: self.clone(), core: Arc::clone(core), place: Some(place) }
    }

    /// Changes the list of members, and tells those who wait for its end.
    fn change(&self, change: &mut dyn FnMut(&mut Members)) {
        let emptied = self.apply(change);
        let upwards = iter::successors(Some(self), |scope| scope.inner.parent.as_ref());
        for scope in upwards.take(emptied) {
            scope.inner.emptied.notify(usize::MAX);
        }
    }

    /// Changes the list of members. The scope above counts the first and the last one under this
    /// lock, so that it hears of them in their order. Returns how many scopes, from this one
    /// upwards, have no member left: who waits for that is foreign code, to be called without a
    /// lock.
    fn apply(&self, change: &mut dyn FnMut(&mut Members)) -> usize {
        let mut members = self.members();
        let before = members.count();
        change(&mut members);
        let after = members.count();
        self.inner.count.store(after, Ordering::Release);
        let above = match (&self.inner.parent, before, after) {
            (Some(parent), 0, 1..) => parent.apply(&mut |members| members.peopled += 1),
            (Some(parent), 1.., 0) => parent.apply(&mut |members| members.peopled -= 1),
            _ => 0,
        };
        if after == 0 { 1 + above } else { 0 }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        lock(&self.inner.members)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("empty", &self.is_empty()).finish_non_exhaustive()
    }
}

/// A live actor's place in its scope. Leaving it, with a reason or by being dropped with the
/// executor, is the actor's end.
pub(crate) struct Membership {
    scope: Scope,
    core: Arc<Core>,
    /// Where it is listed; `None` once it has left.
    place: Option<usize>,
}

impl Membership {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The actor has its first turn.
    pub(crate) fn started(&self) {
        let (id, label) = (self.core.id, self.core.label());
        self.scope.report(&Event::Started { id, label });
    }

    /// Ends the actor: off the lists first, then the news, so that whoever hears of the exit no
    /// longer finds the actor anywhere.
    pub(crate) fn leave(&mut self, reason: &ExitReason) {
        self.end(reason, true);
    }

    /// Ends an actor that an exit signal took along; the crash, if it was one, is another's.
    pub(crate) fn taken_along(&mut self, reason: &ExitReason) {
        self.end(reason, false);
    }

    fn end(&mut self, reason: &ExitReason, own: bool) {
        let Some(place) = self.place.take() else { return };
        let report = || {
            let (id, label) = (self.core.id, self.core.label());
            if own && reason.is_abnormal() {
                self.scope.report(&Event::Crashed { label, reason });
            }
            self.scope.report(&Event::Ended { id, label, reason });
        };
        let report = self.scope.hook().map(|_| &report as &dyn Fn());
        let mut steps = Steps::default();
        relations::end(&self.core, reason, report, &mut steps);
        steps.step(|| self.scope.change(&mut |members| members.remove(place)));
        steps.end();
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave(&ExitReason::Killed);
    }
}
