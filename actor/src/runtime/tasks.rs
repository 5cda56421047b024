//! Tasks that are ready to run, in three priorities.

use std::sync::Arc;

use concurrent_queue::ConcurrentQueue;

use super::own::Own;
use super::pool::Pool;
use crate::{ActorId, Priority};

/// An actor's task, ready for its next poll.
pub(super) type Task = async_task::Runnable<Whose>;

/// What a task says about itself.
pub(super) struct Whose {
    pub(super) actor: ActorId,
    pub(super) priority: Priority,
    pub(super) pool: Arc<Pool>,
}

/// Of as many turns of a worker, one is for tasks of low priority, if there are any.
const LOW_EVERY: u32 = 64;

/// Of as many turns of a worker, all but one prefer tasks of high priority.
const NORMAL_EVERY: u32 = 4;

/// Of as many turns of a worker, one looks at what others brought before its own queue.
const SHARED_EVERY: u32 = 16;

/// The queues that all workers share. Without a bound of their own: each task is in one queue at
/// most, so their bound is the number of actors.
pub(super) struct Tasks {
    high: ConcurrentQueue<Task>,
    normal: ConcurrentQueue<Task>,
    low: ConcurrentQueue<Task>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self {
            high: ConcurrentQueue::unbounded(),
            normal: ConcurrentQueue::unbounded(),
            low: ConcurrentQueue::unbounded(),
        }
    }

    pub(super) fn push(&self, task: Task) {
        let queue = match task.metadata().priority {
            Priority::High => &self.high,
            Priority::Normal => &self.normal,
            Priority::Low => &self.low,
        };
        drop(queue.push(task)); // never full, never closed
    }

    /// The task for the worker's turn number `turn`, from its own or from those that all share.
    pub(super) fn pop(&self, turn: u32, own: &Own) -> Option<Task> {
        let due = |every: u32| turn.is_multiple_of(every);
        None.or_else(|| if due(LOW_EVERY) { pop(&self.low) } else { None })
            .or_else(|| if due(SHARED_EVERY) { pop(&self.normal) } else { None })
            .or_else(|| if due(NORMAL_EVERY) { None } else { pop(&self.high) })
            .or_else(|| own.pop())
            .or_else(|| pop(&self.normal))
            .or_else(|| if due(NORMAL_EVERY) { pop(&self.high) } else { None })
    }

    /// A task of low priority, when there is no other.
    pub(super) fn pop_low(&self) -> Option<Task> {
        pop(&self.low)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.high.is_empty() && self.normal.is_empty() && self.low.is_empty()
    }
}

/// Looks before it pops: to find a queue empty by popping costs a fence.
pub(super) fn pop(queue: &ConcurrentQueue<Task>) -> Option<Task> {
    if queue.is_empty() { None } else { queue.pop().ok() }
}
