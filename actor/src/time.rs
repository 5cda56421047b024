//! Timers, and the clock by which they go. Under any executor.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;

use crate::reactor::Timer;
use crate::sim;

/// The time ran out before the future was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the time ran out")]
pub struct Elapsed;

/// The time by which everything here counts: actors, timers and deadlines ask this clock and no
/// other. In a [simulation](crate::sim) it is the simulation's.
#[must_use]
pub fn now() -> Instant {
    sim::now().unwrap_or_else(Instant::now)
}

/// Waits for `duration`.
pub async fn sleep(duration: Duration) {
    // A span too long for the clock is no deadline.
    sleep_until(now().checked_add(duration)).await;
}

/// Waits until `deadline`, or for ever if there is none.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(_) => {
            let mut alarm = Alarm::new();
            alarm.set(deadline);
            poll_fn(|cx| alarm.poll(cx)).await;
        }
        None => future::pending().await,
    }
}

/// Awaits `future` for at most `duration`.
///
/// # Errors
///
/// [`Elapsed`] if the time ran out first; the future is dropped.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use futures_lite::future::{block_on, pending};
/// use seawall_actor::time::{Elapsed, timeout};
///
/// assert_eq!(block_on(timeout(Duration::from_secs(9), async { 1 })), Ok(1));
/// assert_eq!(block_on(timeout(Duration::ZERO, pending::<()>())), Err(Elapsed));
/// ```
pub async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    // A span too long for the clock is no deadline.
    timeout_at(now().checked_add(duration), future).await
}

/// Awaits `future` until `deadline`, or for as long as it takes if there is none.
///
/// # Errors
///
/// [`Elapsed`] if the time ran out first; the future is dropped.
pub async fn timeout_at<T>(
    deadline: Option<Instant>,
    future: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let done = pin!(async { Ok(future.await) });
    let late = pin!(async {
        sleep_until(deadline).await;
        Err(Elapsed)
    });
    // The future first: what is done in time is done, however late the look at it.
    future::or(done, late).await
}

/// A deadline that moves often and is seldom met.
///
/// Moving it later costs nothing: the timer beneath keeps its old time, and when that comes the
/// alarm looks at the deadline and waits for the rest. So a connection that sets a deadline for
/// each request touches the reactor's timers once in a minute.
#[derive(Debug, Default)]
pub struct Alarm {
    timer: Timer,
    deadline: Option<Instant>,
    /// Instead of `timer`, in a simulation.
    simulated: Option<Box<sim::Timer>>,
}

impl Alarm {
    /// An alarm without a deadline.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the deadline; `None` is never.
    pub fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        sim::poll_timer(&mut self.simulated, deadline, cx)
            .unwrap_or_else(|| self.timer.poll(deadline, cx))
    }
}
