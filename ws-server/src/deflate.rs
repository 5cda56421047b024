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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let own = (!compressor.forgets()).then(|| Own::new(compressor));
        Encoder { deflate: self, own }
    }

    fn compressor(self) -> Compressor {
        Compressor::new(Role::Server, self.agreed, self.options)
    }
}

/// Compresses what is sent over one connection.
pub(crate) struct Encoder {
    deflate: Deflate,
    own: Option<Own>,
}

/// A compressor that remembers what was sent.
struct Own {
    compressor: Mutex<Compressor>,
    /// Since [`Encoder::rest`] was called.
    used: AtomicBool,
    /// How many want to compress, times [`USER`], and whether the connection is [`OVER`]: who comes
    /// last gives the memory back, and the connection waits for nobody.
    users: AtomicUsize,
}

const OVER: usize = 1;
const USER: usize = 2;

impl Own {
    fn new(compressor: Compressor) -> Self {
        Self {
            compressor: Mutex::new(compressor),
            used: AtomicBool::new(false),
            users: AtomicUsize::new(0),
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Compressor) -> T) -> T {
        self.users.fetch_add(USER, Ordering::AcqRel);
        self.used.store(true, Ordering::Relaxed);
        let done = f(&mut self.lock());
        if self.users.fetch_sub(USER, Ordering::AcqRel) == USER | OVER {
            self.lock().shrink();
        }
        done
    }

    fn close(&self) {
        if self.users.fetch_or(OVER, Ordering::AcqRel) == 0 {
            self.lock().shrink(); // who comes now finds the connection closed, and does not stay
        }
    }

    fn rest(&self) {
        if !self.used.swap(false, Ordering::Relaxed)
            && let Ok(mut compressor) = self.compressor.try_lock()
        {
            compressor.shrink();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Compressor> {
        self.compressor.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            return own.with(f);
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
        if let Some(own) = &self.own {
            own.rest();
        }
    }

    /// Gives all memory back: nothing more is sent.
    pub(crate) fn close(&self) {
        if let Some(own) = &self.own {
            own.close();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use seawall_codec::http::{Limits, RequestParser};
    use seawall_codec::ws::Kind;

    use super::*;

    /// What compresses for a client that offers permessage-deflate and no more.
    pub(crate) fn encoder(compression: &Compression) -> Encoder {
        let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let mut parser = RequestParser::new(Limits::default());
        let head = parser.parse(request).unwrap().unwrap();
        let mut handshake = handshake::Request::new(&head).unwrap();
        Deflate::negotiate(&mut handshake, compression, false).unwrap().encoder()
    }

    /// A connection that closed once waited for the sender that compressed a message just then.
    #[test]
    fn closing_waits_for_no_sender_and_the_sender_gives_the_memory_back() {
        let compression = Compression { server_context: true, ..Compression::default() };
        let encoder = &encoder(&compression);
        let encode = |compressor: &mut Compressor| {
            let mut frame = Vec::new();
            compressor.encode(Kind::Text, &b"as it was, so it is. ".repeat(50), None, &mut frame);
            frame
        };
        let first = encoder.with(encode);
        assert!(encoder.with(encode).len() < first.len(), "it refers to the one before");
        thread::scope(|threads| {
            encoder.with(|compressor| {
                let (report, closed) = channel();
                threads.spawn(move || {
                    encoder.close();
                    report.send(()).unwrap();
                });
                encode(compressor);
                closed.recv_timeout(Duration::from_secs(10)).expect("closed meanwhile");
            });
        });
        assert!(encoder.with(encode) == first, "nothing is left to refer to");
    }
}
