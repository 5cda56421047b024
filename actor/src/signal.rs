//! The lane beside the mailbox: stop, kill, and the news of an exit.
//!
//! Signals are flags, not messages. They take no room in the mailbox, so a full mailbox cannot
//! delay them, and setting one twice is setting it once.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;

use event_listener::Event;

use crate::ExitReason;

/// What everyone who knows an actor shares with it.
pub(crate) struct Core {
    label: Box<str>,
    stopping: AtomicBool,
    killed: AtomicBool,
    exit: OnceLock<ExitReason>,
    /// Notified when `stopping` or `exit` is set.
    changed: Event,
    /// Wakes the actor's task, so that a kill is seen even by an actor that waits for something
    /// else. The executor hands a task the same waker for life, so it is stored once.
    task: Mutex<Option<Waker>>,
}

impl Core {
    pub(crate) fn new(label: Box<str>) -> Self {
        Self {
            label,
            stopping: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            exit: OnceLock::new(),
            changed: Event::new(),
            task: Mutex::new(None),
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn stop(&self) {
        if !self.stopping.swap(true, Ordering::AcqRel) {
            self.changed.notify(usize::MAX);
        }
    }

    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        let waker = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Called at the first poll, before [`is_killed`](Self::is_killed) is asked: a kill that comes
    /// between the two finds either the flag unread or the waker stored.
    pub(crate) fn remember(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() {
            *task = Some(waker.clone());
        }
    }

    /// Records the exit reason; the first one stays.
    pub(crate) fn exit(&self, reason: ExitReason) {
        if self.exit.set(reason).is_ok() {
            // The waker keeps the task's memory; a dead actor's address must not.
            self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.changed.notify(usize::MAX);
        }
    }

    pub(crate) fn exit_reason(&self) -> Option<&ExitReason> {
        self.exit.get()
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
            // Between the first question and `listen` the answer may have changed.
            if let Some(value) = ready() {
                return value;
            }
            listener.await;
        }
    }
}

/// Watches one actor: it learns the exit reason, also when the actor is long gone.
///
/// Cheap to clone. Watching keeps no mailbox open and no actor alive.
#[derive(Clone)]
pub struct Monitor {
    pub(crate) core: Arc<Core>,
}

impl Monitor {
    /// Waits until the actor has ended, and tells why.
    pub async fn exited(&self) -> ExitReason {
        self.core.until(|| self.core.exit_reason().cloned()).await
    }

    /// Why the actor ended, or `None` while it lives.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.core.exit_reason().cloned()
    }

    /// The actor's label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.core.label()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Monitor").field(&self.label()).finish()
    }
}
