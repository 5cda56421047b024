//! Names for actors, typed by their messages.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use crate::life::{erase, lock};
use crate::relations::{self, Claim};
use crate::{ActorId, Address};

/// A name for an actor that takes messages of type `M`. The same text with another type of message
/// is another name.
pub struct Name<M> {
    text: Cow<'static, str>,
    messages: PhantomData<fn(M)>,
}

impl<M> Name<M> {
    /// A name that is known beforehand.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), messages: PhantomData }
    }
}

impl<M> From<String> for Name<M> {
    fn from(text: String) -> Self {
        Self { text: Cow::Owned(text), messages: PhantomData }
    }
}

impl<M> Clone for Name<M> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), messages: PhantomData }
    }
}

impl<M> fmt::Debug for Name<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.text).finish()
    }
}

/// Which actor has which name, in one runtime; [`Scope::registry`](crate::Scope::registry).
///
/// A name is free again before anyone hears of its owner's end. A named actor keeps its mailbox
/// open: it can be found, and sent to, until it ends.
///
/// # Examples
///
/// ```
/// use seawall_actor::{Context, Mailbox, Name, RegisterError, Runtime};
///
/// const CLOCK: Name<u32> = Name::new("clock");
///
/// async fn clock(mut mailbox: Mailbox<u32>, _: Context) {
///     while mailbox.recv().await.is_some() {}
/// }
///
/// let runtime = Runtime::new()?;
/// let registry = runtime.scope().registry();
/// let address = runtime.scope().spawn(clock);
/// registry.register(&CLOCK, &address).unwrap();
/// assert_eq!(registry.find(&CLOCK).unwrap().id(), address.id());
/// assert_eq!(registry.register(&CLOCK, &address), Err(RegisterError::Taken));
///
/// address.kill();
/// runtime.block_on(address.monitor().exited());
/// assert!(registry.find(&CLOCK).is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
pub struct Registry {
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    entries: HashMap<Key, Entry>,
    /// The names of each actor that has any: its end need not look at those of all others.
    owned: HashMap<ActorId, Vec<Key>>,
}

type Key = (TypeId, Cow<'static, str>);

struct Entry {
    owner: ActorId,
    /// An `Address<M>`, with the `M` of the key.
    address: Box<dyn Any + Send + Sync>,
}

impl Registry {
    /// Gives the actor a name; it may have several.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] if the name is taken or the actor has ended.
    pub fn register<M: Send + 'static>(
        self: &Arc<Self>,
        name: &Name<M>,
        address: &Address<M>,
    ) -> Result<(), RegisterError> {
        let entry = Entry { owner: address.id(), address: Box::new(address.clone()) };
        let mut names = lock(&self.names);
        if names.entries.contains_key(&key(name)) {
            return Err(RegisterError::Taken);
        }
        // Under the lock: an end that begins after this finds the entry, however soon it begins.
        let claim = Arc::downgrade(self);
        if !relations::claim(&erase(&address.core), claim) {
            return Err(RegisterError::Ended);
        }
        names.entries.insert(key(name), entry);
        names.owned.entry(address.id()).or_default().push(key(name));
        Ok(())
    }

    /// The actor of that name.
    #[must_use]
    pub fn find<M: Send + 'static>(&self, name: &Name<M>) -> Option<Address<M>> {
        let names = lock(&self.names);
        names.entries.get(&key(name))?.address.downcast_ref::<Address<M>>().cloned()
    }

    /// Frees a name. Returns whether it was taken.
    pub fn unregister<M: Send + 'static>(&self, name: &Name<M>) -> bool {
        let entry = lock(&self.names).remove(&key(name));
        entry.is_some()
    }
}

impl Names {
    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        if let Some(keys) = self.owned.get_mut(&entry.owner) {
            keys.retain(|known| known != key);
            if keys.is_empty() {
                self.owned.remove(&entry.owner);
            }
        }
        Some(entry)
    }

    fn remove_all(&mut self, owner: ActorId) -> Vec<Entry> {
        let keys = self.owned.remove(&owner).unwrap_or_default();
        keys.iter().filter_map(|key| self.entries.remove(key)).collect()
    }
}

impl Claim for Registry {
    fn release(&self, id: ActorId) {
        let left = lock(&self.names).remove_all(id);
        drop(left); // without the lock: addresses wake their actor
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("names", &lock(&self.names).entries.len()).finish()
    }
}

/// The actor did not get the name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegisterError {
    /// Another actor, or this one, has it.
    #[error("the name is taken")]
    Taken,
    /// The actor has ended.
    #[error("the actor has ended")]
    Ended,
}

fn key<M: 'static>(name: &Name<M>) -> Key {
    (TypeId::of::<M>(), name.text.clone())
}
