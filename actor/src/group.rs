//! Actors that are sent to together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use crate::life::{erase, lock};
use crate::relations::{self, Claim};
use crate::{ActorId, Address, TrySendError, WeakAddress};

/// Actors that are sent to together: a room, a topic. Cheap to clone.
///
/// An actor is a member once, however often it joins, until it leaves or ends; it is gone before
/// anyone hears of its end. Membership does not keep a mailbox open.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Group, Mailbox, Runtime};
///
/// async fn guest(mut mailbox: Mailbox<&'static str>, _: Context) {
///     assert_eq!(mailbox.recv().await, Some("welcome"));
/// }
///
/// let runtime = Runtime::new()?;
/// let room = Group::new();
/// let guests: Vec<_> = (0..3).map(|_| runtime.scope().spawn(guest)).collect();
/// for guest in &guests {
///     assert!(room.join(guest));
/// }
/// assert_eq!(room.broadcast(&"welcome").sent, 3);
/// for guest in &guests {
///     runtime.block_on(guest.monitor().exited());
/// }
/// assert!(room.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Group<M> {
    members: Arc<Members<M>>,
}

struct Members<M>(Mutex<BTreeMap<ActorId, WeakAddress<M>>>);

/// What became of a broadcast.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Broadcast {
    /// Mailboxes that took the message.
    pub sent: usize,
    /// Mailboxes that were full, and did not get it.
    pub full: usize,
}

impl<M: Send + 'static> Group<M> {
    /// A group without members.
    #[must_use]
    pub fn new() -> Self {
        Self { members: Arc::new(Members(Mutex::default())) }
    }

    /// Makes the actor a member. Returns false if it has ended.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn join(&self, address: &Address<M>) -> bool {
        let mut members = lock(&self.members.0);
        if members.contains_key(&address.id()) {
            return true;
        }
        // Under the lock: an end that begins after this finds the member, however soon it begins.
        let joined = relations::claim(&erase(&address.core), self.claim());
        if joined {
            members.insert(address.id(), address.downgrade());
        }
        joined
    }

    /// Takes the actor out of the group. Returns whether it was a member.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn leave(&self, address: &Address<M>) -> bool {
        let mut members = lock(&self.members.0);
        let member = members.remove(&address.id());
        if member.is_some() {
            relations::unclaim(&erase(&address.core), &self.claim());
        }
        member.is_some()
    }

    /// Sends the message to every member whose mailbox has room for it now. A broadcast waits for
    /// nobody: the others go without, and are counted.
    pub fn broadcast(&self, message: &M) -> Broadcast
    where
        M: Clone,
    {
        self.broadcast_or(message, |_, _| {})
    }

    /// As [`broadcast`](Self::broadcast), but hands each member that was full to `full`, with its
    /// copy of the message: to keep both and wait later, to [`leave`](Self::leave), to
    /// [`kill`](Address::kill).
    ///
    /// # Examples
    ///
    /// A room whose slow guests are shown out:
    ///
    /// ```
    /// use seawall_actor::{Context, Group, Mailbox, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let slow = async |_mailbox: Mailbox<u8>, context: Context| context.stopping().await;
    /// let guest = runtime.scope().actor().mailbox(1).spawn(slow);
    /// let room = Group::new();
    /// assert!(room.join(&guest));
    /// let show_out = |guest, _message| drop(room.leave(&guest));
    /// assert_eq!(room.broadcast_or(&1, show_out).sent, 1);
    /// assert_eq!(room.broadcast_or(&2, show_out).full, 1);
    /// assert!(room.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn broadcast_or(&self, message: &M, mut full: impl FnMut(Address<M>, M)) -> Broadcast
    where
        M: Clone,
    {
        let mut broadcast = Broadcast::default();
        for member in self.snapshot() {
            match member.try_send(message.clone()) {
                Ok(()) => broadcast.sent += 1,
                Err(TrySendError::Full(message)) => {
                    broadcast.full += 1;
                    if let Some(address) = member.upgrade() {
                        full(address, message);
                    }
                }
                Err(TrySendError::Closed(_)) => {} // about to leave
            }
        }
        broadcast
    }

    /// The members, for those who want to wait, or to choose.
    #[must_use]
    pub fn members(&self) -> Vec<Address<M>> {
        self.snapshot().iter().filter_map(WeakAddress::upgrade).collect()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.members.0).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copied, so that no lock is held while actors are woken and messages dropped.
    fn snapshot(&self) -> Vec<WeakAddress<M>> {
        lock(&self.members.0).values().cloned().collect()
    }

    fn claim(&self) -> Weak<dyn Claim> {
        Arc::<Members<M>>::downgrade(&self.members)
    }
}

impl<M: Send + 'static> Claim for Members<M> {
    fn release(&self, id: ActorId) {
        let member = lock(&self.0).remove(&id);
        drop(member);
    }
}

impl<M: Send + 'static> Default for Group<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> Clone for Group<M> {
    fn clone(&self) -> Self {
        Self { members: Arc::clone(&self.members) }
    }
}

impl<M> fmt::Debug for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("members", &lock(&self.members.0).len()).finish()
    }
}
