//! Where the actors of a scope run.

use std::future::Future;
use std::sync::Arc;

use async_executor::Executor;

/// What a scope hands its actors' tasks to: one for the whole tree of scopes.
///
/// An enum instead of a trait object, so that a task stays one allocation, whatever its future.
#[derive(Clone)]
pub(crate) enum Scheduler {
    /// The worker threads of a [`Runtime`](crate::Runtime).
    Workers(Arc<Executor<'static>>),
}

impl Scheduler {
    /// Starts a task. It runs until it is done; who wants it to end earlier kills its actor.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Workers(executor) => executor.spawn(task).detach(),
        }
    }
}
