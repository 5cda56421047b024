//! What a WebSocket allows: sizes, counts and spans. Safe without any setup, each changeable.

use std::time::Duration;

use seawall_codec::ws;

/// How much a client may send, and how much may wait for it.
///
/// # Examples
///
/// ```
/// use seawall_ws_server::Limits;
///
/// let limits = Limits { message: 64 * 1024, ..Limits::default() };
/// assert_eq!(limits.queued_messages, 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets in one frame. Beyond: close 1009, before any of them is stored. Default 16 MiB.
    pub frame: usize,
    /// Octets in one message, over all its fragments. Beyond: close 1009. Default 16 MiB.
    ///
    /// Memory grows with the octets that arrive, not with the length that a header declares.
    pub message: usize,
    /// Fragments in one message. Beyond: close 1009. Default 131 072.
    ///
    /// Empty fragments carry nothing and would otherwise cost nothing to send for ever.
    pub fragments: u32,
    /// Octets that wait to be written to one client. Beyond: [`Sender::send`](crate::Sender::send)
    /// waits. A larger message is taken when nothing else waits. Default 1 MiB.
    pub queued: usize,
    /// Messages that wait to be written to one client. Beyond: the same. Default 1024.
    pub queued_messages: usize,
    /// Messages that wait for one connection's handler. Beyond:
    /// [`Sender::tell`](crate::Sender::tell) waits. Default 64.
    pub infos: usize,
}

impl Limits {
    pub(crate) fn for_codec(&self) -> ws::Limits {
        ws::Limits {
            max_frame_len: self.frame,
            max_message_len: self.message,
            max_fragments: self.fragments,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 16 << 20,
            message: 16 << 20,
            fragments: 131_072,
            queued: 1 << 20,
            queued_messages: 1024,
            infos: 64,
        }
    }
}

/// How long a client may take. None may be zero to any use, and each works down to milliseconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// From one Ping to the next. Default 30 s; [`Duration::MAX`] is never, and then nobody notices
    /// a client whose machine or network is gone while nothing is sent to it.
    ///
    /// Shorter than most intermediaries let a silent connection live, so it also keeps it alive.
    pub ping: Duration,
    /// From a Ping to its Pong; then close 1001 "pong timeout". Default 10 s.
    pub pong: Duration,
    /// From our Close to the client's; then the connection is dropped. So much time has a callback,
    /// too, that still runs when its connection is over, and `on_close`. Default 5 s.
    pub close: Duration,
    /// How long a client may take nothing of what waits for it; then the connection is dropped.
    /// Default 30 s.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(10),
            close: Duration::from_secs(5),
            write: Duration::from_secs(30),
        }
    }
}
