//! An address for what must not wait behind other messages.

use std::fmt;
use std::sync::Arc;

use crate::life::Core;
use crate::queue::Queue;
use crate::{ActorId, TrySendError};

/// An address whose messages go before those that wait in the mailbox, and behind earlier ones of
/// its own kind: Erlang's priority messages (EEP 76).
///
/// Made by the receiver alone ([`Mailbox::urgent`](crate::Mailbox::urgent)), which gives it to whom
/// it trusts with that: for a word that ends or redirects long work, never for bulk. It keeps no
/// mailbox open.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Mailbox, Runtime, UrgentAddress};
///
/// let runtime = Runtime::new()?;
/// let (give, urgent) = async_channel::bounded::<UrgentAddress<&str>>(1);
/// let address = runtime.scope().spawn(async move |mut mailbox: Mailbox<&str>, _: Context| {
///     give.send(mailbox.urgent()).await.unwrap();
///     assert_eq!(mailbox.recv().await, Some("begin"));
///     while mailbox.len() < 3 {
///         futures_lite::future::yield_now().await;
///     }
///     assert_eq!(mailbox.recv().await, Some("first of all"));
/// });
/// runtime.block_on(async {
///     address.send("begin").await.unwrap();
///     address.send("much").await.unwrap();
///     address.send("to do").await.unwrap();
///     urgent.recv().await.unwrap().try_send("first of all").unwrap();
///     assert!(!address.monitor().exited().await.is_abnormal());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UrgentAddress<M> {
    core: Arc<Core<Queue<M>>>,
}

impl<M> UrgentAddress<M> {
    pub(crate) fn new(core: &Arc<Core<Queue<M>>>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Sends a message, if there is room: of urgent ones as many may wait as the mailbox takes of
    /// others.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] gives the message back if there is none or the actor has ended.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.core.lane.try_send_urgently(message)
    }

    /// The actor's id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.core.id
    }
}

impl<M> Clone for UrgentAddress<M> {
    fn clone(&self) -> Self {
        Self::new(&self.core)
    }
}

impl<M> fmt::Debug for UrgentAddress<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UrgentAddress").field(&self.core.label()).finish()
    }
}
