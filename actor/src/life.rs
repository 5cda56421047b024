//! What everyone who knows an actor shares with it: who it is, how it stands, and how it is woken.
//!
//! An actor is two allocations: its task, and this. What only some actors use (links, monitors,
//! names, groups) is one pointer here until it is used.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use event_listener::Event as Notice;

use crate::event::{self, Hook};
use crate::isolate::Steps;
use crate::queue::Lane;
use crate::relations::Relations;
pub(crate) use crate::sync::lock;
use crate::sync::{AtomicU8, AtomicUsize, Mutex, MutexGuard};
use crate::{Event, ExitReason};

/// Which actor; never given twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ActorId(u64);

impl ActorId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The id with that number.
    pub(crate) fn of(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Told to stop.
const STOPPING: u8 = 1;
/// To be dropped at its next turn.
const KILLED: u8 = 2;
/// Signals wait for [`Mailbox::next`](crate::Mailbox::next).
const SIGNALLED: u8 = 4;
/// That it is killed has been reported.
const REPORTED: u8 = 8;
/// Somebody listens to [`Core::changed`], or has. A notice that nobody hears would allocate.
const AWAITED: u8 = 16;

/// What everyone who knows an actor shares with it. `L` is the queue of its messages; most do not
/// care of what type those are.
pub(crate) struct Core<L: ?Sized = dyn Lane> {
    pub(crate) id: ActorId,
    label: Cow<'static, str>,
    flags: AtomicU8,
    /// Addresses, weak ones not counted.
    pub(crate) senders: AtomicUsize,
    /// Notified when the actor is told to stop, and when it has ended.
    changed: Notice,
    state: Mutex<State>,
    pub(crate) lane: L,
}

/// What changes in an actor's life, save for the flags. Where two are locked at once, the one with
/// the lower id is locked first; no queue is locked meanwhile.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) life: Life,
    pub(crate) relations: Option<Box<Relations>>,
    /// None in a dead actor: its address must not keep alive what the hook holds.
    hook: Option<Hook>,
    /// Wakes the actor's task, so that a kill or a stop is seen even by an actor that waits for
    /// something else. Our executor hands a task the same waker for life, so it is stored once.
    task: Option<Waker>,
}

/// ```text
///   Alive ──▶ Doomed ──▶ Leaving ──▶ Ended
///     └────────────────────▲
/// ```
#[derive(Default)]
pub(crate) enum Life {
    #[default]
    Alive,
    /// An exit signal ends it at its next turn.
    Doomed(ExitReason),
    /// It runs no more, and gives up its names: it may take no new ones.
    Leaving,
    Ended(ExitReason),
}

impl State {
    /// Links, monitors and names, made when they are first asked for.
    pub(crate) fn relations(&mut self) -> &mut Relations {
        self.relations.get_or_insert_default()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.exit_reason().is_some()
    }

    pub(crate) fn exit_reason(&self) -> Option<&ExitReason> {
        match &self.life {
            Life::Ended(reason) => Some(reason),
            Life::Alive | Life::Doomed(_) | Life::Leaving => None,
        }
    }
}

impl<L> Core<L> {
    pub(crate) fn new(label: Cow<'static, str>, hook: Option<Hook>, lane: L) -> Self {
        let state = State { hook, ..State::default() };
        Self {
            id: ActorId::next(),
            label,
            flags: AtomicU8::new(0),
            senders: AtomicUsize::new(1),
            changed: Notice::new(),
            state: Mutex::new(state),
            lane,
        }
    }
}

impl<L: ?Sized> Core<L> {
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The event hook of a living actor.
    pub(crate) fn hook(&self) -> Option<Hook> {
        self.state().hook.clone()
    }

    /// Ends the actor at its next turn, because someone said so.
    pub(crate) fn kill(&self) {
        // Reported first, so that nobody is told of the end before.
        if let Some(hook) = self.hook()
            && self.flags.fetch_or(REPORTED, Ordering::AcqRel) & (REPORTED | KILLED) == 0
        {
            event::report(Some(&hook), &Event::Killed { id: self.id, label: &self.label });
        }
        self.end_soon();
    }

    /// Ends the actor at its next turn.
    pub(crate) fn end_soon(&self) {
        self.flags.fetch_or(KILLED, Ordering::AcqRel);
        self.wake_task();
    }

    /// Makes the actor look at its flags, whatever it waits for.
    fn wake_task(&self) {
        let waker = self.state().task.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.flags.load(Ordering::Acquire) & STOPPING != 0
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.flags.load(Ordering::Acquire) & KILLED != 0
    }

    pub(crate) fn is_signalled(&self) -> bool {
        self.flags.load(Ordering::Acquire) & SIGNALLED != 0
    }

    /// Whether links or monitors can still bring a signal.
    pub(crate) fn can_hear(&self) -> bool {
        self.state().relations.as_ref().is_some_and(|relations| relations.can_hear())
    }

    /// Called under the state's lock by who has found no more signals.
    pub(crate) fn unsignal(&self) {
        self.flags.fetch_and(!SIGNALLED, Ordering::AcqRel);
    }

    /// Called after the first poll of an actor that goes on; after each, where a task may be polled
    /// with another waker each time. Returns whether it was told to stop or to die meanwhile, by
    /// someone who may have found nobody to wake: whoever comes later finds the waker.
    pub(crate) fn remember(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let known = state.task.as_ref().is_some_and(|known| known.will_wake(waker));
        let before = if known { None } else { state.task.replace(waker.clone()) };
        drop(state);
        drop(before);
        self.flags.load(Ordering::Acquire) & (STOPPING | KILLED) != 0
    }

    /// The reason of an actor that is killed, if an exit signal brought one.
    pub(crate) fn doom(&self) -> Option<ExitReason> {
        match &self.state().life {
            Life::Doomed(reason) => Some(reason.clone()),
            Life::Alive | Life::Leaving | Life::Ended(_) => None,
        }
    }

    /// Ends the actor with the reason, and takes its relations away from it.
    pub(crate) fn end(
        &self,
        mut state: MutexGuard<'_, State>,
        reason: ExitReason,
        steps: &mut Steps,
    ) -> Option<Box<Relations>> {
        state.life = Life::Ended(reason);
        let relations = state.relations.take();
        // The waker keeps the task's memory; a dead actor's address must not.
        let left = (state.task.take(), state.hook.take());
        drop(state);
        steps.step(|| drop(left));
        if self.flags.load(Ordering::Acquire) & AWAITED != 0 {
            steps.step(|| {
                self.changed.notify(usize::MAX);
            });
        }
        relations
    }

    pub(crate) fn exit_reason(&self) -> Option<ExitReason> {
        self.state().exit_reason().cloned()
    }

    pub(crate) async fn exited(&self) -> ExitReason {
        self.until(|| self.exit_reason()).await
    }

    pub(crate) async fn stopping(&self) {
        self.until(|| self.is_stopping().then_some(())).await;
    }

    /// Waits until `ready` gives a value; it is asked again at each change.
    async fn until<T>(&self, ready: impl Fn() -> Option<T>) -> T {
        loop {
            if let Some(value) = ready() {
                return value;
            }
            let listener = self.changed.listen();
            // Who changes the answer after it is asked for again sees this.
            self.flags.fetch_or(AWAITED, Ordering::AcqRel);
            if let Some(value) = ready() {
                return value;
            }
            listener.await;
        }
    }
}

// A flag is set before the receiver is looked for, and the receiver looks at the flags while it
// holds the lock under which it is looked for: one of the two sees the other.
impl<L: Lane + ?Sized> Core<L> {
    pub(crate) fn stop(&self) {
        let before = self.flags.fetch_or(STOPPING, Ordering::AcqRel);
        if before & STOPPING == 0 {
            self.lane.wake();
            if before & AWAITED != 0 {
                self.changed.notify(usize::MAX);
            }
            self.wake_task();
        }
    }

    /// Signals wait in the relations.
    pub(crate) fn signal(&self) {
        self.flags.fetch_or(SIGNALLED, Ordering::AcqRel);
        self.lane.wake();
    }
}

/// The state of two actors at once.
pub(crate) fn both<'a>(a: &'a Core, b: &'a Core) -> (MutexGuard<'a, State>, MutexGuard<'a, State>) {
    if a.id < b.id {
        let first = a.state();
        (first, b.state())
    } else {
        let second = b.state();
        (a.state(), second)
    }
}

/// Forgets of which type an actor's messages are.
pub(crate) fn erase<L: Lane + 'static>(core: &Arc<Core<L>>) -> Arc<Core> {
    Arc::<Core<L>>::clone(core)
}
