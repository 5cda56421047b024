//! What a supervisor knows of a child before it starts.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::life::{Core, erase};
use crate::{Context, ExitReason, Mailbox, Name, Outcome, Priority, Scope, Spawn, relations};

/// When a child is started again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// When it ended otherwise than by *normal* or *shutdown*.
    Transient,
    /// Never, not even when a sibling's end has it stopped. Once ended it is forgotten.
    Temporary,
}

/// Describes a child of a [`Supervisor`](crate::Supervisor): how it starts, when it is started
/// again, and how long it may take to stop.
#[must_use = "a child starts with its supervisor"]
pub struct Child {
    label: Cow<'static, str>,
    pub(crate) restart: Restart,
    /// How long it may take to stop before it is killed.
    pub(crate) stop_within: Duration,
    /// Whether the supervisor may end with it.
    pub(crate) significant: bool,
    mailbox: Option<usize>,
    priority: Priority,
    start: Box<Start>,
}

type Start = dyn FnMut(&Context, Spawn<'_>) -> Started + Send;

/// A child that runs.
pub(crate) struct Started {
    pub(crate) core: Arc<Core>,
    /// Its address: a supervised actor's mailbox stays open.
    _address: Box<dyn Any + Send>,
}

impl Child {
    /// A child that runs `f`, from the beginning at each start.
    pub fn new<M, F, Fut>(label: impl Into<Cow<'static, str>>, f: F) -> Self
    where
        M: Send + 'static,
        F: Fn(Mailbox<M>, Context) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        Self::build(label.into(), None, f)
    }

    /// A child that is found by a name, whichever actor it is at the time. It has the name before
    /// it runs; a name that another has taken fails the start, which counts as an end of the child.
    pub fn named<M, F, Fut>(name: Name<M>, label: impl Into<Cow<'static, str>>, f: F) -> Self
    where
        M: Send + 'static,
        F: Fn(Mailbox<M>, Context) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        Self::build(label.into(), Some(name), f)
    }

    fn build<M, F, Fut>(label: Cow<'static, str>, name: Option<Name<M>>, f: F) -> Self
    where
        M: Send + 'static,
        F: Fn(Mailbox<M>, Context) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let start = move |parent: &Context, spawn: Spawn<'_>| {
            let (address, ()) = spawn.start(&f, |address| {
                let core = erase(&address.core);
                relations::link(&parent.core, &core);
                if let Some(name) = &name
                    && let Err(error) = parent.scope().registry().register(name, address)
                {
                    // Ends it before it runs, and tells the supervisor as any end would.
                    relations::exit(&core, parent.id(), &ExitReason::Failed(Arc::new(error)));
                }
            });
            Started { core: erase(&address.core), _address: Box::new(address) }
        };
        Self {
            label,
            restart: Restart::default(),
            stop_within: Duration::from_secs(5),
            significant: false,
            mailbox: None,
            priority: Priority::default(),
            start: Box::new(start),
        }
    }

    /// When it is started again. Default: always.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long it may take to stop, with all that it has spawned into its scope, before it is
    /// killed. Default 5 s.
    pub fn stop_within(mut self, deadline: Duration) -> Self {
        self.stop_within = deadline;
        self
    }

    /// Makes it one whose end, if it is not started again, may end its supervisor: see
    /// [`Supervisor::auto_shutdown`](crate::Supervisor::auto_shutdown).
    pub fn significant(mut self) -> Self {
        self.significant = true;
        self
    }

    /// The bound of its mailbox; see [`Spawn::mailbox`].
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.mailbox = Some(bound);
        self
    }

    /// How urgently its turns are wanted; see [`Spawn::priority`]. What it spawns has a priority of
    /// its own.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn start(&mut self, parent: &Context, scope: &Scope) -> Started {
        let mut spawn = scope.actor().label(self.label.clone()).priority(self.priority);
        if let Some(bound) = self.mailbox {
            spawn = spawn.mailbox(bound);
        }
        (self.start)(parent, spawn)
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("label", &self.label)
            .field("restart", &self.restart)
            .finish_non_exhaustive()
    }
}
