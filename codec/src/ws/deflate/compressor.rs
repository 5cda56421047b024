//! Message content in, compressed payload out. Source: RFC 7692 §7.2.1.

use alloc::vec::Vec;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::agreed::Agreed;
use super::options::Options;
use crate::ws::event::Kind;
use crate::ws::frame;
use crate::ws::header::Header;
use crate::ws::limits::Role;

/// Compresses the messages that one endpoint sends.
///
/// A [`Connection`](crate::ws::Connection) has one; this is for those who encode
/// messages elsewhere, such as in a queue that many write to. Then no message may
/// pass by it in compressed form, and their order is the order of its calls.
///
/// # Examples
///
/// ```
/// # use seawall_codec::http::{Limits, RequestParser};
/// use seawall_codec::ws::deflate::{Compressor, Options};
/// # use seawall_codec::ws::handshake::Request;
/// use seawall_codec::ws::{Kind, Role};
///
/// # let mut parser = RequestParser::new(Limits::default());
/// # let read = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
/// #     Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
/// # let head = parser.parse(read)?.expect("complete");
/// # let mut request = Request::new(&head)?;
/// let options = Options::default();
/// let agreed = request.negotiate_deflate(&options).expect("offered");
/// let mut compressor = Compressor::new(Role::Server, agreed, options);
/// let mut out = Vec::new();
/// compressor.encode(Kind::Text, &[b'a'; 1000], None, &mut out);
/// assert_eq!(out[0], 0xC1); // FIN, RSV1, text
/// assert!(out.len() < 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Compressor {
    options: Options,
    window_bits: u8,
    no_context_takeover: bool,
    stream: Option<Compress>,
    /// The compressed form of one message; empty between calls.
    scratch: Vec<u8>,
}

/// How much of the memory for a compressed message is kept for the next one, in bytes.
const KEPT_LEN: usize = 64 << 10;

/// What a sender leaves out at the end of each message.
const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

impl Compressor {
    /// For the messages that the end in this `role` sends. Its memory is taken with the
    /// first message that is worth it.
    #[must_use]
    pub fn new(role: Role, agreed: Agreed, options: Options) -> Self {
        let (window_bits, no_context_takeover) = match role {
            Role::Client => (agreed.client_max_window_bits, agreed.client_no_context_takeover),
            Role::Server => (agreed.server_max_window_bits, agreed.server_no_context_takeover),
        };
        Self { options, window_bits, no_context_takeover, stream: None, scratch: Vec::new() }
    }

    /// Appends a message as one frame: compressed if it is long enough and becomes
    /// shorter by it. A client gives the masking key.
    pub fn encode(&mut self, kind: Kind, message: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
        let compressed = self.compress(message);
        let rsv1 = compressed.is_some();
        let payload = compressed.unwrap_or(message);
        let len = payload.len() as u64;
        frame::append(Header { fin: true, rsv1, opcode: kind.opcode(), mask, len }, payload, out);
        if self.scratch.capacity() > KEPT_LEN {
            self.scratch = Vec::new();
        }
    }

    /// Whether each message stands for itself, as was agreed. Then one compressor may
    /// serve all connections that agreed on the same, and one frame go to all of them.
    #[must_use]
    pub fn forgets(&self) -> bool {
        self.no_context_takeover
    }

    /// Gives back its memory. What follows refers to no earlier message, which is
    /// allowed at any time.
    pub fn shrink(&mut self) {
        self.stream = None;
        self.scratch = Vec::new();
    }

    /// The compressed form of a message; `None` if it is to be sent as it is.
    fn compress(&mut self, message: &[u8]) -> Option<&[u8]> {
        if message.is_empty() || message.len() < self.options.min_len {
            return None;
        }
        let stream = self.stream.get_or_insert_with(|| {
            let level = Compression::new(u32::from(self.options.level.clamp(1, 9)));
            Compress::new_with_window_bits(level, false, self.window_bits)
        });
        self.scratch.clear();
        let compressed = deflate(stream, message, &mut self.scratch)
            && self.scratch.len() < message.len() + TAIL.len();
        // One that has forgotten everything refers to nothing, so it may forget at any
        // time: after each message if that was agreed, and after one that the peer
        // will not see in compressed form.
        if self.no_context_takeover || !compressed {
            stream.reset();
        }
        if compressed { self.scratch.strip_suffix(TAIL) } else { None }
    }
}

/// Appends the compressed form of `message`, up to and with the tail; gives whether
/// that went well.
fn deflate(stream: &mut Compress, message: &[u8], out: &mut Vec<u8>) -> bool {
    let start = stream.total_in();
    out.reserve(message.len() / 2 + 64);
    loop {
        let read = (stream.total_in() - start) as usize;
        let rest = message.get(read..).unwrap_or_default();
        match stream.compress_vec(rest, out, FlushCompress::Sync) {
            // Room is left, so the flush is complete.
            Ok(_) if out.len() < out.capacity() => break,
            Ok(Status::Ok | Status::BufError) => out.reserve(out.len()),
            Ok(Status::StreamEnd) | Err(_) => return false,
        }
    }
    (stream.total_in() - start) as usize == message.len() && out.ends_with(TAIL)
}
