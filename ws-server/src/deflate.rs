//! permessage-deflate (RFC 7692): what a route wants of it, and who compresses what is sent.
//!
//! A message that refers to earlier ones needs a compressor that has seen them, so a connection
//! whose server keeps its context has one of its own. Where each message stands for itself, a
//! thread's compressor serves all its connections: none holds any memory for it.
//!
//! A frame for many clients can be encoded once for all whose [`Deflate`] is the same and whose
//! [`Encoder`] has no compressor of its own. To the others it goes uncompressed, which a context
//! takes no notice of.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError, TryLockError};

use seawall_codec::ws::deflate::{Agreed, Options};
use seawall_codec::ws::{self, Role, handshake};

pub(crate) use seawall_codec::ws::deflate::Compressor;

/// Compressors that a thread keeps for its connections: one for each kind of agreement, and few
/// kinds of clients come at once. Each takes some 300 KiB.
const KEPT: usize = 4;

thread_local! {
    static SHARED: RefCell<Vec<(Deflate, Compressor)>> = const { RefCell::new(Vec::new()) };
}

/// How the messages of a route are compressed, for clients that offer permessage-deflate.
///
/// The default is frugal: no memory is held between two messages. It suits messages of some
/// kilobytes; many short ones that resemble each other are worth a context.
///
/// Data that an attacker can choose, compressed together with a secret, gives away the secret by
/// its length: with a context, over all messages of the connection.
///
/// # Examples
///
/// ```
/// use seawall_ws_server::Compression;
///
/// let small = Compression { level: 6, server_context: true, ..Compression::default() };
/// assert_eq!(small.threshold, 256);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Compression {
    /// Messages from this length on, in octets, are compressed. Default 256: below, little is won.
    pub threshold: usize,
    /// From 1, fast, to 9, small. Default 1: beyond, time grows faster than messages shrink.
    pub level: u8,
    /// Whether a message to the client may refer to those before. Costs some 300 KiB for each
    /// connection that has sent something since the last Ping but one, and lets senders to one
    /// client wait for each other while they compress. Not used where messages that wait may be
    /// dropped ([`Overflow`](crate::Overflow)). Default `false`.
    pub server_context: bool,
    /// Whether a message from the client may refer to those before. Costs some 40 KiB for each
    /// connection. Default `false`: the client is told to forget.
    pub client_context: bool,
    /// The window for messages to the client, as a power of two from 9 to 15. Default 15, 32 KiB.
    pub server_window_bits: u8,
    /// The window for messages from the client, where it lets us choose. Default 15.
    pub client_window_bits: u8,
    /// How many times longer than what arrived a message may become. Beyond: close 1009.
    /// Default 25.
    pub max_ratio: u32,
    /// Up to this many octets a message may become at any ratio. Default 64 KiB.
    pub ratio_from: usize,
}

impl Compression {
    fn for_codec(&self) -> Options {
        Options {
            level: self.level,
            min_len: self.threshold,
            server_no_context_takeover: !self.server_context,
            client_no_context_takeover: !self.client_context,
            server_max_window_bits: self.server_window_bits,
            client_max_window_bits: self.client_window_bits,
            max_ratio: self.max_ratio,
            ratio_from: self.ratio_from,
        }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            threshold: 256,
            level: 1,
            server_context: false,
            client_context: false,
            server_window_bits: 15,
            client_window_bits: 15,
            max_ratio: 25,
            ratio_from: 64 << 10,
        }
    }
}

/// What a connection has settled with its client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deflate {
    agreed: Agreed,
    options: Options,
}

impl Deflate {
    /// Settles compression with a client. `forgets`: messages may be dropped after they were
    /// compressed, so none may refer to an earlier one.
    pub(crate) fn negotiate(
        handshake: &mut handshake::Request<'_>,
        compression: &Compression,
        forgets: bool,
    ) -> Option<Self> {
        let mut options = compression.for_codec();
        options.server_no_context_takeover |= forgets;
        Some(Self { agreed: handshake.negotiate_deflate(&options)?, options })
    }

    /// Lets `protocol` understand what the client compresses.
    pub(crate) fn apply(self, protocol: &mut ws::Connection) {
        protocol.set_deflate(self.agreed, self.options);
    }

    /// What compresses for this connection.
    pub(crate) fn encoder(self) -> Encoder {
        let compressor = self.compressor();
        let own = (!compressor.forgets()).then(|| Mutex::new(Own { compressor, used: false }));
        Encoder { deflate: self, own }
    }

    fn compressor(self) -> Compressor {
        Compressor::new(Role::Server, self.agreed, self.options)
    }
}

/// Compresses what is sent over one connection.
pub(crate) struct Encoder {
    deflate: Deflate,
    own: Option<Mutex<Own>>,
}

/// A compressor that remembers what was sent.
struct Own {
    compressor: Compressor,
    /// Since [`Encoder::rest`] was called.
    used: bool,
}

impl Encoder {
    /// Whether a message is worth it.
    pub(crate) fn wants(&self, message: &[u8]) -> bool {
        message.len() >= self.deflate.options.min_len
    }

    /// What was agreed, if messages stand for themselves: then one frame goes to all that agreed
    /// on the same.
    pub(crate) fn shared(&self) -> Option<Deflate> {
        self.own.is_none().then_some(self.deflate)
    }

    /// Lends the compressor. What one of its own has encoded must be sent, and in this order.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Compressor) -> T) -> T {
        if let Some(own) = &self.own {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            own.used = true;
            return f(&mut own.compressor);
        }
        // A thread that ends has none any more.
        let shared = SHARED.try_with(|shared| {
            let mut shared = shared.borrow_mut();
            let at = shared.iter().position(|(deflate, _)| *deflate == self.deflate)?;
            Some(shared.remove(at).1)
        });
        let shared = shared.ok().flatten();
        let mut compressor = shared.unwrap_or_else(|| self.deflate.compressor());
        let done = f(&mut compressor);
        let _ = SHARED.try_with(|shared| {
            let mut shared = shared.borrow_mut();
            shared.truncate(KEPT - 1); // the one that was not used for the longest time
            shared.insert(0, (self.deflate, compressor));
        });
        done
    }

    /// Called now and then: a compressor that was not used since gives its memory back, and
    /// begins anew when it is.
    pub(crate) fn rest(&self) {
        let Some(own) = &self.own else { return };
        let mut own = match own.try_lock() {
            Ok(own) => own,
            Err(TryLockError::Poisoned(own)) => own.into_inner(),
            Err(TryLockError::WouldBlock) => return, // in use
        };
        if !std::mem::take(&mut own.used) {
            own.compressor.shrink();
        }
    }

    /// Gives all memory back: nothing more is sent.
    pub(crate) fn close(&self) {
        if let Some(own) = &self.own {
            own.lock().unwrap_or_else(PoisonError::into_inner).compressor.shrink();
        }
    }
}
