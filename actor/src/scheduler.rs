//! Where the actors of a scope run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_executor::Executor;

/// What a scope hands its actors' tasks to: one for the whole tree of scopes.
///
/// An enum instead of a trait object, so that a task stays one allocation, whatever its future.
#[derive(Clone)]
pub(crate) enum Scheduler {
    /// The worker threads of a [`Runtime`](crate::Runtime).
    Workers(Arc<Executor<'static>>),
    /// Wherever this puts them: see [`Scope::foreign`](crate::Scope::foreign).
    Foreign(Arc<dyn Fn(Task) + Send + Sync>),
}

/// An actor's task, for an executor of the caller's.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Scheduler {
    /// Starts a task. It runs until it is done; who wants it to end earlier kills its actor.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Workers(executor) => executor.spawn(task).detach(),
            Self::Foreign(spawn) => spawn(Box::pin(task)),
        }
    }
}
