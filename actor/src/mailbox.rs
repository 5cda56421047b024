//! The receiving end of an actor's queue of messages.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use crate::life::Core;
use crate::queue::{Queue, Taken};
use crate::{Signal, WeakAddress, relations};

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
    /// Messages taken since the actor last waited here.
    taken: u32,
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
        Self { core, turn, taken: 0 }
    }

    /// The next message, or `None` once the actor is told to stop or nobody can send any more.
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
    /// nobody can send any more and there is no link or monitor whose signal could come.
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

    fn poll(&mut self, cx: &mut Context<'_>, signals: bool) -> Poll<Option<Received<M>>> {
        if self.taken >= self.turn {
            self.taken = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let core: &Core<Queue<M>> = &self.core;
        loop {
            let interrupted = || core.is_stopping() || (signals && core.is_signalled());
            let open = |closed: bool| {
                (!closed && core.senders.load(Ordering::Acquire) > 0)
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
                Poll::Ready(Taken::Closed) => return Poll::Ready(None),
                Poll::Ready(Taken::Interrupted) if core.is_stopping() => return Poll::Ready(None),
                Poll::Ready(Taken::Interrupted) => {
                    if let Some(signal) = relations::next_signal(core) {
                        return Poll::Ready(Some(Received::Signal(signal)));
                    }
                }
            }
        }
    }
}

impl<M> Drop for Mailbox<M> {
    fn drop(&mut self) {
        self.core.lane.end();
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("label", &self.core.label()).finish_non_exhaustive()
    }
}
