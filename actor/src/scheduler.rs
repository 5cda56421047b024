//! Where the actors of a scope run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::ActorId;
use crate::runtime::Pool;
use crate::sim::World;

/// How urgently an actor's turns are wanted, beside those of others. None is starved: of 64 turns
/// of a worker at least one is for tasks of low priority and 15 for those of normal or low
/// priority, however many of higher priority there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Priority {
    /// Before the others: supervisors of much else, health checks.
    High,
    /// The default.
    #[default]
    Normal,
    /// When there is nothing else to do, and once in a while all the same: clearing up, reports.
    Low,
}

/// What a scope hands its actors' tasks to: one for the whole tree of scopes.
///
/// An enum instead of a trait object, so that a task stays one allocation, whatever its future.
#[derive(Clone)]
pub(crate) enum Scheduler {
    /// The worker threads of a [`Runtime`](crate::Runtime).
    Workers(Arc<Pool>),
    /// Wherever this puts them: see [`Scope::foreign`](crate::Scope::foreign).
    Foreign(Arc<dyn Fn(Task) + Send + Sync>),
    /// A [`Simulation`](crate::sim::Simulation).
    Simulated(Arc<World>),
}

/// An actor's task, for an executor of the caller's.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Scheduler {
    /// Starts a task. It runs until it is done; who wants it to end earlier kills its actor.
    pub(crate) fn spawn(
        &self,
        actor: ActorId,
        priority: Priority,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        match self {
            Self::Workers(pool) => pool.spawn(actor, priority, task),
            Self::Foreign(spawn) => spawn(Box::pin(task)),
            Self::Simulated(world) => world.spawn(task),
        }
    }
}
