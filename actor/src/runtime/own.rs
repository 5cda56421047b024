//! The tasks that a worker woke itself, in their order.
//!
//! One that is alone stays with this worker: two actors that send to each other then meet on one
//! worker, where neither waits for the other's cache lines or locks. What comes while it waits
//! queues up, for whoever looks for work.

use concurrent_queue::{ConcurrentQueue, PushError};

use super::tasks::{Task, pop};

/// Tasks in the queue; more go to the shared one. Kilobytes, and far more than run before the queue
/// is looked at again.
const QUEUE: usize = 256;

/// See the module.
pub(super) struct Own {
    /// Filled while the queue is empty, so older than what is there. Others get it from the watch,
    /// if this worker's turn takes long.
    first: ConcurrentQueue<Task>,
    /// Others steal from it.
    queue: ConcurrentQueue<Task>,
}

impl Own {
    pub(super) fn new() -> Self {
        Self { first: ConcurrentQueue::bounded(1), queue: ConcurrentQueue::bounded(QUEUE) }
    }

    /// Returns whether there is one before it.
    ///
    /// # Errors
    ///
    /// The task, if there is no room for it.
    pub(super) fn push(&self, task: Task) -> Result<bool, Task> {
        let alone = self.queue.is_empty() && self.first.is_empty();
        let place = if alone { &self.first } else { &self.queue };
        place.push(task).map(|()| !alone).map_err(PushError::into_inner)
    }

    pub(super) fn pop(&self) -> Option<Task> {
        self.pop_first().or_else(|| pop(&self.queue))
    }

    /// The task that others do not find.
    pub(super) fn pop_first(&self) -> Option<Task> {
        pop(&self.first)
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
