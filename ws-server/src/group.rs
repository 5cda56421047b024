//! Clients that are sent to together: rooms, topics, everyone.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::outbox::Outbox;
use crate::prepared::Prepared;
use crate::sender::Ends;
use crate::{Message, Sender};

/// Clients that are sent to together. Cheap to clone.
///
/// A connection is a member once, however often it joins, until it leaves or ends: then it is gone
/// by itself. What is broadcast is encoded once, and where it is long, kept once for all members.
///
/// All members see the broadcasts of a group in the same order, whoever sends them.
///
/// # Examples
///
/// ```
/// use seawall_http_server::Request;
/// use seawall_ws_server::{Accept, Group, Handler, Message, Reject, Sender, WebSocket};
///
/// struct Guest(Group);
///
/// impl Handler for Guest {
///     async fn on_connect(&mut self, _: &Request, sender: &Sender) -> Result<Accept, Reject> {
///         self.0.join(sender);
///         Ok(Accept::new())
///     }
///
///     async fn on_message(&mut self, message: Message<'_>, _: &Sender) {
///         self.0.broadcast(message);
///     }
/// }
///
/// let everyone = Group::new();
/// let guests = everyone.clone();
/// let route = WebSocket::new(move || Guest(guests.clone()));
/// assert_eq!(everyone.broadcast("nobody is here yet").sent, 0);
/// ```
#[derive(Clone, Default)]
pub struct Group {
    members: Arc<Members>,
}

/// The members of a group, by the place in memory of what they share with their senders.
#[derive(Default)]
pub(crate) struct Members(Mutex<HashMap<usize, Arc<dyn Member>>>);

/// A connection, whatever its handler is told.
pub(crate) trait Member: Send + Sync {
    fn outbox(&self) -> &Outbox;
}

impl<I: Send> Member for Ends<I> {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}

/// What became of a broadcast.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Broadcast {
    /// Members for whom it waits now.
    pub sent: usize,
    /// Members that had no room, and did not get it: under
    /// [`Overflow::Block`](crate::Overflow::Block), too, since a broadcast waits for nobody.
    pub missed: usize,
}

impl Group {
    /// A group without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a connection a member. Returns false if it is over.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn join<I: Send + 'static>(&self, sender: &Sender<I>) -> bool {
        let member = Arc::<Ends<I>>::clone(&sender.ends);
        let mut members = self.members.lock();
        // Under the lock: an end that comes after this finds the member.
        let joins = sender.outbox().join(&self.members);
        if joins {
            members.insert(id(sender), member);
        }
        joins
    }

    /// Takes a connection out. Returns whether it was a member.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn leave<I: Send + 'static>(&self, sender: &Sender<I>) -> bool {
        sender.outbox().leave(&self.members);
        self.members.remove(id(sender))
    }

    /// Sends to all members, and waits for none: to a member without room it happens what its
    /// [`Overflow`](crate::Overflow) says.
    ///
    /// Compressed once for all members that agreed on the same; to those whose server keeps a
    /// context (`Compression::server_context`) it goes uncompressed.
    pub fn broadcast<'m>(&self, message: impl Into<Message<'m>>) -> Broadcast {
        self.broadcast_save(message.into(), None)
    }

    /// Sends to all members but one.
    pub fn broadcast_except<'m, I: Send + 'static>(
        &self,
        except: &Sender<I>,
        message: impl Into<Message<'m>>,
    ) -> Broadcast {
        self.broadcast_save(message.into(), Some(id(except)))
    }

    fn broadcast_save(&self, message: Message<'_>, except: Option<usize>) -> Broadcast {
        let mut prepared = Prepared::new(message);
        let mut broadcast = Broadcast::default();
        // Held while members are woken, which waits for nothing: so all see the same order.
        for (id, member) in self.members.lock().iter() {
            if except == Some(*id) {
                continue;
            }
            match member.outbox().try_push_prepared(&mut prepared) {
                Ok(()) => broadcast.sent += 1,
                Err(refused) if refused.is_closed() => {} // about to leave
                Err(_) => broadcast.missed += 1,
            }
        }
        broadcast
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.lock().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Group {
    /// Whether anybody has it in hand besides the one who asks: to broadcast, or to join.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.members) > 1
    }
}

impl Members {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<dyn Member>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a member out; tells whether it was one.
    pub(crate) fn remove(&self, id: usize) -> bool {
        let member = self.lock().remove(&id); // dropped once the lock is free
        member.is_some()
    }
}

/// What tells a connection from all others that live.
pub(crate) fn id<I>(sender: &Sender<I>) -> usize {
    Arc::as_ptr(&sender.ends).addr()
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("members", &self.len()).finish()
    }
}

/// Groups by name: rooms that are there while somebody is in them. Cheap to clone.
///
/// # Examples
///
/// ```
/// use seawall_ws_server::Groups;
///
/// let rooms: Groups<String> = Groups::new();
/// assert_eq!(rooms.broadcast("lobby", "anyone?").sent, 0);
/// assert_eq!(rooms.len("lobby"), 0);
/// ```
pub struct Groups<K = String> {
    rooms: Arc<Mutex<Rooms<K>>>,
}

struct Rooms<K> {
    groups: HashMap<K, Group>,
    /// At this many groups the empty ones are looked for.
    sweep_at: usize,
}

/// As many groups are there before any is taken away.
const SWEEP_FROM: usize = 16;

impl<K: Eq + Hash> Groups<K> {
    /// No groups.
    #[must_use]
    pub fn new() -> Self {
        let rooms = Rooms { groups: HashMap::new(), sweep_at: SWEEP_FROM };
        Self { rooms: Arc::new(Mutex::new(rooms)) }
    }

    /// Makes a connection a member of a group. Returns false if it is over.
    pub fn join<I: Send + 'static>(&self, name: K, sender: &Sender<I>) -> bool {
        let mut rooms = self.lock();
        if rooms.groups.len() >= rooms.sweep_at {
            // Each sweep is paid for by the joins since the one before.
            rooms.groups.retain(|_, group| group.is_in_use() || !group.is_empty());
            rooms.sweep_at = SWEEP_FROM.max(rooms.groups.len() * 2);
        }
        let group = rooms.groups.entry(name).or_default().clone();
        drop(rooms); // the group may be at work
        group.join(sender)
    }

    /// Takes a connection out of a group. Returns whether it was a member.
    pub fn leave<I: Send + 'static, Q>(&self, name: &Q, sender: &Sender<I>) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.find(name).is_some_and(|group| group.leave(sender))
    }

    /// Sends to all members of a group, as [`Group::broadcast`].
    pub fn broadcast<'m, Q>(&self, name: &Q, message: impl Into<Message<'m>>) -> Broadcast
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.find(name).map_or_else(Broadcast::default, |group| group.broadcast(message))
    }

    /// How many members a group has.
    #[must_use]
    pub fn len<Q>(&self, name: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.find(name).map_or(0, |group| group.len())
    }

    /// The names of the groups that have members.
    #[must_use]
    pub fn names(&self) -> Vec<K>
    where
        K: Clone,
    {
        let rooms = self.lock();
        let groups = rooms.groups.iter().map(|(name, group)| (name.clone(), group.clone()));
        let groups: Vec<_> = groups.collect();
        drop(rooms); // some may be at work
        let full = groups.into_iter().filter(|(_, group)| !group.is_empty());
        full.map(|(name, _)| name).collect()
    }

    /// Cloned out of the map, so that a long broadcast in one group holds up no other.
    fn find<Q>(&self, name: &Q) -> Option<Group>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.lock().groups.get(name).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Rooms<K>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Default for Groups<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for Groups<K> {
    fn clone(&self) -> Self {
        Self { rooms: Arc::clone(&self.rooms) }
    }
}

impl<K> fmt::Debug for Groups<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn sender() -> Sender {
        Sender { ends: Arc::new(Ends::new(&Arc::default())) }
    }

    /// Who joined a group that was at work, or looked for empty ones, once held up all others.
    #[test]
    fn a_group_that_is_at_work_holds_up_no_other() {
        let groups = Groups::new();
        assert!(groups.join("busy".to_owned(), &sender()));
        let busy = groups.find("busy").unwrap();
        let at_work = busy.members.lock(); // as in a long broadcast
        let known = Arc::strong_count(&busy.members);
        thread::scope(|threads| {
            let joining = threads.spawn(|| groups.join("busy".to_owned(), &sender()));
            let begun = Instant::now();
            while Arc::strong_count(&busy.members) == known {
                assert!(begun.elapsed() < PATIENCE, "it does not come as far as the group");
                thread::yield_now();
            }
            let (report, joined) = channel();
            let others = groups.clone();
            threads.spawn(move || {
                for n in 0..=SWEEP_FROM {
                    others.join(n.to_string(), &sender());
                }
                report.send(()).unwrap();
            });
            let held_up = joined.recv_timeout(PATIENCE);
            drop(at_work);
            assert!(joining.join().unwrap());
            held_up.expect("the others are not held up");
        });
        assert_eq!(groups.len("busy"), 2);
    }
}
