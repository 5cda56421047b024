//! An actor seen from outside.

use std::convert::identity;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::event;
use crate::life::{Core, erase};
use crate::queue::Queue;
use crate::{
    ActorId, CallError, Event, Monitor, Recipient, Reply, SendError, TrySendError, reply, time,
};

/// An actor seen from outside: the sending end of its mailbox, and its signals.
///
/// Cheap to clone, usable from any thread. Messages of one sender arrive in the order in which
/// they were sent; nothing is promised between senders. When the last address is gone, the actor
/// finds its mailbox closed.
pub struct Address<M> {
    pub(crate) core: Arc<Core<Queue<M>>>,
}

impl<M> Address<M> {
    /// Sends a message, and waits while the mailbox is full.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if the actor has ended.
    pub async fn send(&self, message: M) -> Result<(), SendError<M>> {
        let sent = self.core.send(message, identity, None).await;
        sent.map_err(|error| SendError(error.into_inner()))
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the message back if the mailbox is full or the actor has ended.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.core.try_send(message, identity)
    }

    /// Sends the message that `message` makes around a [`Reply`], and awaits the answer, for at
    /// most `within` from now on in all.
    ///
    /// # Errors
    ///
    /// [`CallError`], at once when the actor has ended or ends before it answers. It gives the
    /// message back if the mailbox never took it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use seawall_actor::{CallError, Context, Mailbox, Reply, Runtime};
    ///
    /// enum Message {
    ///     Add(u32),
    ///     Sum(Reply<u32>),
    /// }
    ///
    /// async fn adder(mut mailbox: Mailbox<Message>, _: Context) {
    ///     let mut sum = 0_u32;
    ///     while let Some(message) = mailbox.recv().await {
    ///         match message {
    ///             Message::Add(n) => sum = sum.checked_add(n).expect("the sum fits"),
    ///             Message::Sum(reply) => drop(reply.send(sum)), // the caller may be gone
    ///         }
    ///     }
    /// }
    ///
    /// let runtime = Runtime::new()?;
    /// let adder = runtime.scope().spawn(adder);
    /// runtime.block_on(async {
    ///     adder.send(Message::Add(2)).await.unwrap();
    ///     let patience = Duration::from_secs(60);
    ///     assert_eq!(adder.ask(patience, Message::Sum).await.unwrap(), 2);
    ///     adder.send(Message::Add(u32::MAX)).await.unwrap();
    ///     let error = adder.ask(patience, Message::Sum).await.unwrap_err();
    ///     assert!(matches!(error, CallError::Dropped | CallError::Closed(_)));
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn ask<T>(
        &self,
        within: Duration,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, CallError<M>> {
        // A span too long for the clock is no deadline.
        let deadline = time::now().checked_add(within);
        let (reply, answer) = reply::slot();
        match self.core.send(message(reply), identity, deadline).await {
            Ok(()) => {}
            Err(TrySendError::Closed(message)) => return Err(CallError::Closed(message)),
            Err(TrySendError::Full(message)) => return Err(CallError::Full(message)),
        }
        match time::timeout_at(deadline, answer.recv()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(CallError::Dropped),
            Err(time::Elapsed) => Err(CallError::Elapsed),
        }
    }

    /// How many messages wait in the mailbox: at most [`bound`](Self::bound), and at once out of
    /// date.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.lane.len()
    }

    /// Whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages wait in the mailbox before senders do.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.core.lane.bound()
    }

    /// Whether the actor has ended, or no longer takes messages.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.lane.is_closed()
    }

    /// An address that does not keep the mailbox open.
    #[must_use]
    pub fn downgrade(&self) -> WeakAddress<M> {
        WeakAddress { core: Arc::clone(&self.core) }
    }

    /// The actor's id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.core.id
    }

    /// The actor's label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.core.label()
    }
}

impl<M: Send + 'static> Address<M> {
    /// Asks the actor to stop. It hears this before any message still in its mailbox, and takes
    /// the time it needs.
    pub fn stop(&self) {
        self.core.stop();
    }

    /// Ends the actor at its next await point by dropping its future.
    pub fn kill(&self) {
        self.core.kill();
    }

    /// The actor as the place where messages of type `T` go, whatever else it takes.
    #[must_use]
    pub fn recipient<T: Send + 'static>(&self) -> Recipient<T>
    where
        M: From<T>,
    {
        Recipient::new(self.clone())
    }

    /// Watches the actor's end.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor { core: erase(&self.core) }
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        self.core.senders.fetch_add(1, Ordering::Relaxed);
        Self { core: Arc::clone(&self.core) }
    }
}

impl<M> Drop for Address<M> {
    fn drop(&mut self) {
        if self.core.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.core.lane.wake_receiver(); // nobody can send any more
        }
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.label()).finish()
    }
}

/// An [`Address`] that does not keep the mailbox open.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Mailbox, Runtime};
///
/// async fn idle(mut mailbox: Mailbox<()>, _: Context) {
///     while mailbox.recv().await.is_some() {}
/// }
///
/// let runtime = Runtime::new()?;
/// let address = runtime.scope().spawn(idle);
/// let weak = address.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(address); // the last one: the mailbox closes, and `idle` returns
/// assert!(weak.upgrade().is_none());
/// weak.kill(); // had it not
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct WeakAddress<M> {
    core: Arc<Core<Queue<M>>>,
}

impl<M> WeakAddress<M> {
    pub(crate) fn new(core: &Arc<Core<Queue<M>>>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// An address, unless the last one is gone or the actor takes no more messages.
    #[must_use]
    pub fn upgrade(&self) -> Option<Address<M>> {
        if self.core.lane.is_closed() {
            return None;
        }
        let more = |senders: usize| (senders > 0).then(|| senders + 1);
        self.core.senders.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).ok()?;
        Some(Address { core: Arc::clone(&self.core) })
    }

    pub(crate) fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.core.try_send(message, identity)
    }

    /// The actor's id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.core.id
    }
}

impl<M: Send + 'static> WeakAddress<M> {
    /// Ends the actor, as [`Address::kill`].
    pub fn kill(&self) {
        self.core.kill();
    }
}

impl<M> Clone for WeakAddress<M> {
    fn clone(&self) -> Self {
        Self::new(&self.core)
    }
}

impl<M> fmt::Debug for WeakAddress<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakAddress").field(&self.core.label()).finish()
    }
}

impl<M> Core<Queue<M>> {
    pub(crate) fn try_send<T>(
        &self,
        message: T,
        into: impl FnOnce(T) -> M,
    ) -> Result<(), TrySendError<T>> {
        let result = self.lane.try_send(message, into);
        if matches!(result, Err(TrySendError::Full(_)))
            && let Some(hook) = self.hook()
            && self.lane.overruns()
        {
            let (id, label, bound) = (self.id, self.label(), self.lane.bound());
            event::report(Some(&hook), &Event::MailboxFull { id, label, bound });
        }
        result
    }

    pub(crate) async fn send<T>(
        &self,
        message: T,
        into: impl Fn(T) -> M,
        deadline: Option<Instant>,
    ) -> Result<(), TrySendError<T>> {
        match self.try_send(message, &into) {
            Err(TrySendError::Full(message)) => self.lane.send(message, into, deadline).await,
            done => done,
        }
    }
}
