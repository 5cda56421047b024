//! What a connection gives: the messages and control frames of the peer.

use alloc::borrow::Cow;

use super::code::CloseCode;
use super::opcode::Opcode;

/// What arrived. It borrows the caller's buffer where the bytes lie there in one
/// piece, else it owns them; it never borrows the [`Connection`](super::Connection).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event<'b> {
    /// A whole text message.
    Text(Cow<'b, str>),
    /// A whole binary message.
    Binary(Cow<'b, [u8]>),
    /// A Ping: answer it with [`Connection::send_pong`](super::Connection::send_pong), or hold the answer with
    /// [`Connection::hold_pong`](super::Connection::hold_pong) while output is backed up.
    Ping(Cow<'b, [u8]>),
    /// A Pong, asked for or not.
    Pong(Cow<'b, [u8]>),
    /// The peer's Close. Answer with [`Connection::close`](super::Connection::close) if
    /// [`Connection::closing`](super::Connection::closing) is [`Closing::Received`](super::Closing::Received). Nothing follows.
    Close {
        /// `None` if the frame had no payload.
        code: Option<CloseCode>,
        /// At most 123 bytes, often empty.
        reason: Cow<'b, str>,
    },
}

/// The kind of a data message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Anything.
    Binary,
}

impl Kind {
    /// The opcode of the first frame of such a message.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}
