//! An actor seen from outside, by one of the types of message that it takes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{ActorId, Address, SendError, TrySendError};

/// Where messages of type `T` go, whatever else the actor behind it takes: for those who know what
/// they tell, and not whom. [`Address::recipient`] makes it.
///
/// Cheap to clone. It keeps the mailbox open, as the address does that it was made from.
///
/// The actor's own type of message is made by its `From<T>`, under the lock of the mailbox: that is
/// to wrap what it is given, and no more.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Mailbox, Recipient, Runtime};
///
/// struct Tick;
///
/// enum Message {
///     Tick,
///     Stop,
/// }
///
/// impl From<Tick> for Message {
///     fn from(_: Tick) -> Self {
///         Self::Tick
///     }
/// }
///
/// async fn clock(mut mailbox: Mailbox<Message>, _: Context) {
///     let mut ticks = 0;
///     while let Some(Message::Tick) = mailbox.recv().await {
///         ticks += 1;
///     }
///     assert_eq!(ticks, 2);
/// }
///
/// let runtime = Runtime::new()?;
/// let clock = runtime.scope().spawn(clock);
/// let ticks: Recipient<Tick> = clock.recipient();
/// let reason = runtime.block_on(async {
///     ticks.send(Tick).await.unwrap();
///     ticks.send(Tick).await.unwrap();
///     clock.send(Message::Stop).await.unwrap();
///     clock.monitor().exited().await
/// });
/// assert_eq!(reason.to_string(), "normal");
/// assert!(ticks.try_send(Tick).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Recipient<T> {
    target: Arc<dyn Target<T>>,
}

impl<T: Send + 'static> Recipient<T> {
    pub(crate) fn new<M: From<T> + Send + 'static>(address: Address<M>) -> Self {
        Self { target: Arc::new(address) }
    }

    /// Sends a message, and waits while the mailbox is full.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the message back if the actor has ended.
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => self.target.send(message).await,
        }
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the message back if the mailbox is full or the actor has ended.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.target.try_send(message)
    }

    /// Whether the actor has ended, or no longer takes messages.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.target.is_closed()
    }

    /// The actor's id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.target.id()
    }
}

impl<T> Clone for Recipient<T> {
    fn clone(&self) -> Self {
        Self { target: Arc::clone(&self.target) }
    }
}

impl<T> fmt::Debug for Recipient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.target.label()).finish()
    }
}

/// An address, whatever the actor's own type of message.
trait Target<T>: Send + Sync {
    fn try_send(&self, message: T) -> Result<(), TrySendError<T>>;
    fn send(&self, message: T) -> Sending<'_, T>;
    fn is_closed(&self) -> bool;
    fn id(&self) -> ActorId;
    fn label(&self) -> &str;
}

type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<(), SendError<T>>> + Send + 'a>>;

impl<T: Send + 'static, M: From<T> + Send + 'static> Target<T> for Address<M> {
    fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.core.try_send(message, M::from)
    }

    fn send(&self, message: T) -> Sending<'_, T> {
        Box::pin(async move {
            let sent = self.core.send(message, M::from, None).await;
            sent.map_err(|error| SendError(error.into_inner()))
        })
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn id(&self) -> ActorId {
        self.id()
    }

    fn label(&self) -> &str {
        self.label()
    }
}
