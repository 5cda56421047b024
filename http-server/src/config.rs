//! What a server allows: sizes, counts and spans. Safe without any setup, each changeable.

use std::time::Duration;

use seawall_codec::http;

use crate::pool;

/// How much a client may send, and how many clients there may be.
///
/// # Examples
///
/// ```
/// use seawall_http_server::Limits;
///
/// let limits = Limits { body: 64 * 1024, ..Limits::default() };
/// assert_eq!(limits.head, 16 * 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets in a request line, with its line end. Beyond: 414. Default 8 KiB.
    ///
    /// RFC 9112 §3 recommends at least 8000; a longer target is a mistake or an attack.
    pub request_line: usize,
    /// Octets in one field line, with its line end. Beyond: 431. Default 8 KiB.
    pub field_line: usize,
    /// Octets in a whole head. Beyond: 431. Default 16 KiB.
    ///
    /// A connection holds up to this much for each head that is still incomplete.
    pub head: usize,
    /// Fields in a head. Beyond: 431. Default 128.
    pub fields: usize,
    /// Octets of content. Beyond: 413. Default 1 MiB.
    ///
    /// A handler that asks for the whole content holds up to this much.
    pub body: u64,
    /// Octets of one chunk's extensions. Beyond: 400. Default 256.
    ///
    /// Nobody uses them; without a limit each octet of content could cost a kilobyte of them.
    pub chunk_extension: usize,
    /// Octets of a trailer section. Beyond: 431. Default 4 KiB. Trailers are read and dropped.
    pub trailers: usize,
    /// Requests on one connection before it is closed. Default 1000.
    ///
    /// Closing now and then lets a balancer in front spread its connections anew.
    pub requests_per_connection: u32,
    /// Connections at once. At the limit the server accepts no more until one ends, and new ones
    /// wait in the system's queue. Default 20 000.
    pub connections: usize,
    /// Connections at once from one address. Beyond: 503 and close; over TLS: close, since an
    /// answer would cost a handshake. Default 1 000.
    ///
    /// Of IPv6 a network of 64 bits counts as one address: whoever has one address there has all.
    ///
    /// Nothing is waited for: a request of more than 4 KiB, or one that comes late, can still make
    /// the system reset the connection before the 503 is read.
    pub connections_per_address: usize,
    /// TLS handshakes at once; further connections wait for their turn. Default 256.
    ///
    /// A handshake is the most CPU that a stranger can make us spend with a few octets. It takes
    /// its place once the client's first message is there: who only connects keeps nobody out.
    pub handshakes: usize,
    /// Threads for [`blocking`](crate::blocking()) handlers and for files, started as they are
    /// needed. Default 256.
    pub blocking_threads: usize,
    /// Requests that wait for one of these threads. Beyond: 503. Default 1024.
    ///
    /// The wait counts against [`Timeouts::handler`].
    pub blocking_queue: usize,
    /// Threads whose handler has not returned although its time was over: each is replaced, and
    /// counts here until it returns. Beyond: 503 for what finds no other thread. Default 256.
    ///
    /// As many as [`blocking_threads`](Self::blocking_threads): all of these may get stuck once
    /// before anybody is refused for it. Each holds its stack, two mebibytes of addresses and as
    /// much memory as it has used; at the limit that is half a gibibyte of addresses.
    pub blocking_stuck: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            field_line: 8 * 1024,
            head: 16 * 1024,
            fields: 128,
            body: 1024 * 1024,
            chunk_extension: 256,
            trailers: 4 * 1024,
            requests_per_connection: 1000,
            connections: 20_000,
            connections_per_address: 1_000,
            handshakes: 256,
            blocking_threads: 256,
            blocking_queue: 1024,
            blocking_stuck: 256,
        }
    }
}

impl Limits {
    pub(crate) fn for_pool(&self, timeouts: &Timeouts) -> pool::Limits {
        pool::Limits {
            threads: self.blocking_threads,
            queue: self.blocking_queue,
            stuck: self.blocking_stuck,
            patience: timeouts.progress,
        }
    }

    /// Those that the protocol's own code keeps.
    pub(crate) fn for_codec(&self) -> http::Limits {
        http::Limits {
            max_request_line: self.request_line,
            max_field_line: self.field_line,
            max_head: self.head,
            max_fields: self.fields,
            max_chunk_ext: self.chunk_extension,
            max_trailers: self.trailers,
        }
    }
}

/// How long a client or a handler may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// What a client may take for its TLS handshake; then the connection is closed. The wait for
    /// one of [`Limits::handshakes`] does not count. Default 5 s.
    ///
    /// A client needs two round trips and some arithmetic; five seconds forgive a bad mobile link.
    pub handshake: Duration,
    /// From the start of a connection to its first octet; then the connection is closed. Default
    /// 10 s.
    pub first_byte: Duration,
    /// From the first octet of a head to its end; then 408 and close. Default 10 s.
    pub head: Duration,
    /// Between requests; then the connection is closed. Default 60 s.
    pub keep_alive: Duration,
    /// How long content may stand still, in either direction, and how long it may take before
    /// [`min_rate`](Self::min_rate) is asked of it. For a request: 408 and close; for a response:
    /// close. Default 5 s.
    pub progress: Duration,
    /// Octets a second that content must flow at, on average, in either direction. Default 1024.
    ///
    /// A deadline alone would leave an attacker with a large body free to send it over hours.
    pub min_rate: u32,
    /// From the end of a head until the handler returns its response; then 504 and close. Default
    /// 30 s.
    pub handler: Duration,
    /// How long a connection lingers after our last octet, so that the client can read the answer
    /// before its own unread octets make the system reset the connection. Default 2 s.
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            progress: Duration::from_secs(5),
            min_rate: 1024,
            handler: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}
