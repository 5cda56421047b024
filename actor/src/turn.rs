//! How much a task may read and write in one turn.
//!
//! A socket that always has more to read would keep its task running, and its worker from all
//! others. So each turn has a budget of operations; when it is spent, a socket says *pending* and
//! wakes the task at once, which then goes on behind the others. The budget is the thread's, not
//! the socket's: a task that pumps from one socket into another has one.

use std::cell::Cell;
use std::task::{Context, Poll};

/// Reads, writes and accepts in one turn. With the servers' buffers that is at most a megabyte,
/// moved within a fraction of a millisecond.
const OPERATIONS: u32 = 64;

/// Outside the workers: others see to their own fairness.
const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
}

/// Begins a turn on this worker.
pub(crate) fn begin() {
    LEFT.set(OPERATIONS);
}

/// The worker's thread goes on without turns.
pub(crate) fn end() {
    LEFT.set(UNLIMITED);
}

/// Counts an operation.
pub(crate) fn spend() {
    let left = LEFT.get();
    if left != UNLIMITED {
        LEFT.set(left.saturating_sub(1));
    }
}

/// Ready while something is left of the turn; else the task is woken, for its next turn.
pub(crate) fn poll_left(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() > 0 {
        return Poll::Ready(());
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
