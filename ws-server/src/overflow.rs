//! What becomes of messages when a client takes them more slowly than they are sent.

use std::fmt;
use std::sync::Arc;

use crate::Message;

/// What becomes of a message for which there is no room: more than
/// [`Limits::queued`](crate::Limits::queued) octets or
/// [`Limits::queued_messages`](crate::Limits::queued_messages) wait for its client already.
///
/// Control frames are not concerned: Pings, Pongs and Close always leave.
///
/// # Examples
///
/// Prices, of which each client is to have the newest:
///
/// ```
/// use std::hash::{DefaultHasher, Hash, Hasher};
/// use seawall_ws_server::{Handler, Message, Overflow, Sender, WebSocket};
///
/// struct Prices;
///
/// impl Handler for Prices {
///     async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
/// }
///
/// // Messages such as "EURUSD 1.1034": what comes before the space is the key.
/// let newest = Overflow::coalesce(|message| {
///     let symbol = message.as_bytes().split(|octet| *octet == b' ').next()?;
///     let mut hasher = DefaultHasher::new();
///     symbol.hash(&mut hasher);
///     Some(hasher.finish())
/// });
/// let route = WebSocket::new(|| Prices).overflow(newest);
/// ```
#[derive(Clone, Debug, Default)]
pub enum Overflow {
    /// [`Sender::send`](crate::Sender::send) waits, and
    /// [`try_send`](crate::Sender::try_send) refuses. Nothing is lost. The default.
    #[default]
    Block,
    /// The message itself is dropped.
    DropNewest,
    /// The oldest that wait are dropped, until there is room.
    DropOldest,
    /// A message takes the place of the one with the same key that still waits; if it is too long
    /// for that, it takes the last place. If too much waits all the same, the oldest are dropped.
    /// See [`coalesce`](Self::coalesce).
    Coalesce(Key),
    /// The connection is closed with 1013 (try again later), and what waits is dropped.
    Close,
}

impl Overflow {
    /// [`Coalesce`](Self::Coalesce) by what `key` makes of each message. Messages without a key
    /// replace none. The function is called while the client's queue is locked: it must be quick,
    /// and send nothing itself.
    pub fn coalesce(key: impl Fn(Message<'_>) -> Option<u64> + Send + Sync + 'static) -> Self {
        Self::Coalesce(Key(Arc::new(key)))
    }

    /// Whether messages that wait already may be dropped. Then none may refer to an earlier one.
    pub(crate) fn drops_waiting(&self) -> bool {
        matches!(self, Self::DropOldest | Self::Coalesce(_))
    }
}

/// Makes the key of a message; see [`Overflow::coalesce`].
#[derive(Clone)]
pub struct Key(Arc<dyn Fn(Message<'_>) -> Option<u64> + Send + Sync>);

impl Key {
    pub(crate) fn of(&self, message: Message<'_>) -> Option<u64> {
        (self.0)(message)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
