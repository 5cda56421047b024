//! Timers: the one place where actors and servers name the reactor's clock.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;

/// The time ran out before the future was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the time ran out")]
pub struct Elapsed;

/// The time by which everything here counts: actors, timers and deadlines ask this clock and no
/// other.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits for `duration`.
pub async fn sleep(duration: Duration) {
    async_io::Timer::after(duration).await;
}

/// Waits until `deadline`, or for ever if there is none.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => drop(async_io::Timer::at(deadline).await),
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
#[derive(Debug)]
pub struct Alarm {
    timer: async_io::Timer,
    /// When `timer` fires; `None` while it is not set.
    armed: Option<Instant>,
    deadline: Option<Instant>,
}

impl Alarm {
    /// An alarm without a deadline.
    #[must_use]
    pub fn new() -> Self {
        Self { timer: async_io::Timer::never(), armed: None, deadline: None }
    }

    /// Moves the deadline; `None` is never.
    pub fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = self.deadline else { return Poll::Pending };
            if self.armed.is_none_or(|armed| armed > deadline) {
                self.timer.set_at(deadline);
                self.armed = Some(deadline);
            }
            match Pin::new(&mut self.timer).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(now) => {
                    self.armed = None;
                    if now >= deadline {
                        return Poll::Ready(());
                    }
                }
            }
        }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}
