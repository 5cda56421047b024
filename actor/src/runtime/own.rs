//! The tasks that a worker woke itself, in their order.
//!
//! The last one stays with this worker: two actors that send to each other then meet on one worker,
//! where neither waits for the other's cache lines or locks. Whoever comes for work finds those
//! before it.

use concurrent_queue::{ConcurrentQueue, PushError};

use super::tasks::{Task, pop};

/// Tasks in the queue; more go to the shared one. Kilobytes, and far more than run before the queue
/// is looked at again.
const QUEUE: usize = 256;

/// See the module.
pub(super) struct Own {
    /// All but the last. Others steal from it.
    queue: ConcurrentQueue<Task>,
    /// Others get it from the watch, if this worker's turn takes long.
    last: ConcurrentQueue<Task>,
}

impl Own {
    pub(super) fn new() -> Self {
        Self { queue: ConcurrentQueue::bounded(QUEUE), last: ConcurrentQueue::bounded(1) }
    }

    /// Returns whether there is one before it.
    ///
    /// # Errors
    ///
    /// The task for which there is no room.
    pub(super) fn push(&self, task: Task) -> Result<bool, Task> {
        match self.last.force_push(task) {
            Ok(None) => Ok(false),
            Ok(Some(before)) => {
                self.queue.push(before).map(|()| true).map_err(PushError::into_inner)
            }
            Err(closed) => Err(closed.into_inner()),
        }
    }

    pub(super) fn pop(&self) -> Option<Task> {
        pop(&self.queue).or_else(|| self.pop_last())
    }

    /// The task that others do not find.
    pub(super) fn pop_last(&self) -> Option<Task> {
        pop(&self.last)
    }

    /// Whether there is a task that others may take.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Moves half of what others may take to another worker, and returns the first of it.
    pub(super) fn steal(&self, to: &Self) -> Option<Task> {
        let first = pop(&self.queue)?;
        for _ in 0..self.queue.len() / 2 {
            let Some(task) = pop(&self.queue) else { break };
            if let Err(task) = to.push(task) {
                task.schedule(); // cannot be: who steals has nothing of its own
            }
        }
        Some(first)
    }
}
