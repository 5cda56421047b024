//! The protocol after the opening handshake, for either role.
//!
//! Theory of operation. The receiving side sees every byte once and keeps none
//! that it can hand on: a frame that lies whole in the caller's buffer is
//! unmasked there, and an unfragmented message is lent out from there. Only what
//! is incomplete at the end of the buffer is copied: at most 13 bytes of a
//! header, or the payload so far. So the caller may read into one buffer for all
//! its connections, and an idle connection holds no memory of its own.
//!
//! The sending side is a set of functions that append to the caller's buffer.
//! Both sides meet in the closing handshake and nowhere else.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Deflate;
use super::close::Closing;
use super::header::MAX_HEADER_LEN;
use super::limits::{Limits, Role};
use super::message::Message;
use super::recv::Frame;

/// One end of a WebSocket connection.
///
/// Calling order: after each read, [`recv`](Self::recv) until it gives `None`;
/// the commands (`send_*`, [`close`](Self::close)) at any time. Each appends its
/// frame to a buffer that the caller then writes.
///
/// # Examples
///
/// An echo server, without its socket:
///
/// ```
/// use seawall_codec::ws::{Closing, Connection, Event, Limits};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut read = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // as if from a socket
/// let mut out = Vec::new();
///
/// let mut input = &mut read[..];
/// while let Some(event) = connection.recv(&mut input)? {
///     match event {
///         Event::Text(text) => connection.send_text(&text, &mut out)?,
///         Event::Binary(bytes) => connection.send_binary(&bytes, &mut out)?,
///         Event::Ping(payload) => connection.send_pong(&payload, &mut out)?,
///         Event::Pong(_) => {}
///         Event::Close { code, .. } if connection.closing() == Closing::Received => {
///             let _disconnect = connection.close(code, "", &mut out)?;
///         }
///         Event::Close { .. } => {} // the answer to ours
///     }
/// }
/// assert_eq!(out, b"\x81\x05Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(super) role: Role,
    /// Where masking keys come from; not called by a server.
    pub(super) key: fn() -> [u8; 4],
    pub(super) limits: Arc<Limits>,
    pub(super) closing: Closing,
    /// The peer broke the protocol; nothing more is received.
    pub(super) failed: bool,

    /// What is half received. Boxed: most connections are idle, between two messages.
    pub(super) partial: Option<Box<Partial>>,

    /// permessage-deflate, if it was agreed on.
    pub(super) deflate: Option<Box<Deflate>>,

    /// Whether a message that we send still lacks its last fragment.
    pub(super) sending: bool,
    /// The newest Ping that waits for its Pong.
    #[expect(clippy::box_collection, reason = "a word less for each connection without one")]
    pub(super) held_pong: Option<Box<Vec<u8>>>,
}

/// What is half received: at least one of these is there.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The beginning of a header that the last buffer ended in.
    pub(super) head: [u8; MAX_HEADER_LEN],
    /// How many bytes of `head` are in use.
    pub(super) head_len: u8,
    /// The frame whose payload is incomplete.
    pub(super) frame: Option<Frame>,
    /// The message of which at least one byte or fragment has arrived.
    pub(super) message: Option<Message>,
    /// The payload so far of an incomplete control frame.
    pub(super) control: Vec<u8>,
}

impl Connection {
    /// The server's end. Limits that stand in an [`Arc`] are shared, not copied.
    #[must_use]
    pub fn server(limits: impl Into<Arc<Limits>>) -> Self {
        Self::new(Role::Server, limits.into(), || [0; 4])
    }

    /// The client's end; `key` gives a fresh masking key for each frame, from a
    /// source that nobody can foresee (§5.3, §10.3).
    #[must_use]
    pub fn client(limits: impl Into<Arc<Limits>>, key: fn() -> [u8; 4]) -> Self {
        Self::new(Role::Client, limits.into(), key)
    }

    fn new(role: Role, limits: Arc<Limits>, key: fn() -> [u8; 4]) -> Self {
        Self {
            role,
            key,
            limits,
            closing: Closing::Open,
            failed: false,
            partial: None,
            deflate: None,
            sending: false,
            held_pong: None,
        }
    }

    /// Sets other limits, from the next frame on: small until the peer has shown
    /// who it is, wider later.
    pub fn set_limits(&mut self, limits: impl Into<Arc<Limits>>) {
        self.limits = limits.into();
    }

    /// Compresses and decompresses messages from now on, as the opening handshake
    /// settled: before the first byte of the first frame, either way.
    #[cfg(feature = "deflate")]
    pub fn set_deflate(
        &mut self,
        agreed: super::deflate::Agreed,
        options: super::deflate::Options,
    ) {
        self.deflate = Some(Box::new(Deflate::new(self.role, agreed, options)));
    }

    /// Gives back all memory that is not needed to understand what comes next. For a
    /// connection that has gone idle; without compression it holds none then.
    pub fn shrink(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.shrink();
        }
    }

    /// Where the closing handshake stands.
    #[must_use]
    pub fn closing(&self) -> Closing {
        self.closing
    }

    /// Whether nothing is half received: no partial frame, no unfinished message.
    /// Only then may an idle connection be called idle.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.partial.is_none()
    }
}
