//! The receiving end of an actor's queue of messages.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::isolate::Steps;
use crate::life::Core;
use crate::queue::{Queue, Taken};
use crate::timer::Timers;
use crate::{Reference, Signal, UrgentAddress, WeakAddress, relations};

/// How many messages wait in a mailbox unless the spawner says otherwise.
///
/// Enough to keep an actor busy while its senders wait for the CPU, little enough that a slow
/// actor is felt by its senders instead of by memory.
pub(crate) const DEFAULT_BOUND: usize = 64;

/// How many messages an actor takes in a row unless the spawner says otherwise: a full mailbox of
/// the default bound.
pub(crate) const DEFAULT_TURN: u32 = 64;

/// The receiving end of an actor's queue of messages. Bounded, and the actor's own.
///
/// However many messages wait, the actor lets others run after each turn of 64, or of as many as
/// [`Spawn::turn`](crate::Spawn::turn) says.
pub struct Mailbox<M> {
    core: Arc<Core<Queue<M>>>,
    turn: u32,
    /// Messages and signals taken since the actor last waited here.
    taken: u32,
    timers: Option<Box<Timers<M>>>,
}

/// What [`Mailbox::next`] brings.
#[derive(Clone, Debug)]
pub enum Received<M> {
    /// A message.
    Message(M),
    /// The news of another actor's end.
    Signal(Signal),
}

impl<M> Mailbox<M> {
    pub(crate) fn new(core: Arc<Core<Queue<M>>>, turn: u32) -> Self {
        Self { core, turn, taken: 0, timers: None }
    }

    /// The next message, or `None` once the actor is told to stop, or nobody can send any more and
    /// no timer runs.
    ///
    /// The stop signal goes before messages; [`try_recv`](Self::try_recv) still finds those.
    /// Signals of links and monitors stay where they are, for [`next`](Self::next).
    pub async fn recv(&mut self) -> Option<M> {
        poll_fn(|cx| {
            self.poll(cx, false).map(|received| match received {
                Some(Received::Message(message)) => Some(message),
                Some(Received::Signal(_)) | None => None,
            })
        })
        .await
    }

    /// The next signal or message, signals first; `None` once the actor is told to stop, or once
    /// nobody can send any more and there is no timer, link or monitor left that could bring
    /// anything.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_actor::{Context, ExitReason, Mailbox, Received, Runtime, Signal};
    ///
    /// async fn worker(mut mailbox: Mailbox<u32>, _: Context) {
    ///     mailbox.recv().await;
    ///     panic!("worn out");
    /// }
    ///
    /// let runtime = Runtime::new()?;
    /// let watcher = runtime.scope().spawn(async |mut mailbox: Mailbox<()>, context: Context| {
    ///     let (worker, reference) = context.scope().actor().spawn_monitor(&context, worker);
    ///     worker.send(1).await.unwrap();
    ///     let Some(Received::Signal(Signal::Down { reference: down, reason, .. })) =
    ///         mailbox.next().await
    ///     else {
    ///         panic!("nothing else can come")
    ///     };
    ///     assert_eq!(down, reference);
    ///     assert_eq!(reason.to_string(), "panicked: worn out");
    /// });
    /// let reason = runtime.block_on(watcher.monitor().exited());
    /// assert!(matches!(reason, ExitReason::Normal));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn next(&mut self) -> Option<Received<M>> {
        poll_fn(|cx| self.poll(cx, true)).await
    }

    /// The next message if one waits, whether the actor is told to stop or not.
    pub fn try_recv(&mut self) -> Option<M> {
        self.core.lane.try_recv()
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.lane.len()
    }

    /// Whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes no more messages; those that wait can still be received.
    pub fn close(&mut self) {
        self.core.lane.close();
    }

    /// The actor's own address; weak, or the mailbox would never close.
    #[must_use]
    pub fn address(&self) -> WeakAddress<M> {
        WeakAddress::new(&self.core)
    }

    /// An address whose messages go before those that wait here.
    #[must_use]
    pub fn urgent(&self) -> UrgentAddress<M> {
        UrgentAddress::new(&self.core)
    }

    /// Sends the actor a message of its own, later. It takes no room in the mailbox, and goes
    /// before the messages that wait there; of those, one is heard between two that are due.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use seawall_actor::{Context, ExitReason, Mailbox, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let address = runtime.scope().spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
    ///     let late = mailbox.send_after(Duration::from_secs(3600), 0);
    ///     mailbox.send_after(Duration::from_millis(2), 2);
    ///     mailbox.send_after(Duration::from_millis(1), 1);
    ///     assert_eq!(mailbox.recv().await, Some(1));
    ///     assert_eq!(mailbox.recv().await, Some(2));
    ///     assert!(mailbox.cancel(late));
    /// });
    /// let reason = runtime.block_on(address.monitor().exited());
    /// assert!(matches!(reason, ExitReason::Normal), "{reason}");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_after(&mut self, after: Duration, message: M) -> Reference {
        self.timers().once(after, message)
    }

    /// Sends the actor a message of its own in each period, of at least a millisecond. Ticks that
    /// a busy actor misses are not made up for.
    pub fn send_every(
        &mut self,
        period: Duration,
        message: impl FnMut() -> M + Send + 'static,
    ) -> Reference {
        self.timers().every(period, Box::new(message))
    }

    /// Takes a timer away: nothing of it is received from here on, even if it is due. Returns
    /// whether there was one.
    pub fn cancel(&mut self, timer: Reference) -> bool {
        self.timers.as_mut().is_some_and(|timers| timers.cancel(timer))
    }

    fn timers(&mut self) -> &mut Timers<M> {
        self.timers.get_or_insert_with(|| Box::new(Timers::new()))
    }

    fn poll(&mut self, cx: &mut Context<'_>, signals: bool) -> Poll<Option<Received<M>>> {
        if self.taken >= self.turn {
            self.taken = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let core: &Core<Queue<M>> = &self.core;
        loop {
            if core.is_stopping() {
                return Poll::Ready(None);
            }
            if signals
                && core.is_signalled()
                && let Some(signal) = relations::next_signal(core)
            {
                self.taken += 1;
                return Poll::Ready(Some(Received::Signal(signal)));
            }
            if let Some(timers) = &mut self.timers
                && let Poll::Ready(message) = timers.poll(|| core.lane.try_recv(), cx)
            {
                self.taken += 1;
                return Poll::Ready(Some(Received::Message(message)));
            }
            let interrupted = || core.is_stopping() || (signals && core.is_signalled());
            let open = |closed: bool| {
                (!closed && core.senders.load(Ordering::Acquire) > 0)
                    || self.timers.as_ref().is_some_and(|timers| !timers.is_empty())
                    || (signals && core.can_hear())
            };
            match core.lane.poll_recv(cx.waker(), interrupted, open) {
                Poll::Pending => {
                    self.taken = 0;
                    return Poll::Pending;
                }
                Poll::Ready(Taken::Message(message)) => {
                    self.taken += 1;
                    return Poll::Ready(Some(Received::Message(message)));
                }
                Poll::Ready(Taken::Interrupted) => {}
                Poll::Ready(Taken::Closed) => return Poll::Ready(None),
            }
        }
    }
}

impl<M> Drop for Mailbox<M> {
    fn drop(&mut self) {
        let mut steps = Steps::default();
        let (urgent, others) = self.core.lane.end();
        steps.drop_each(urgent);
        steps.drop_each(others);
        if let Some(timers) = self.timers.take() {
            steps.drop_each(timers.end());
        }
        steps.end();
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("label", &self.core.label()).finish_non_exhaustive()
    }
}
