//! Both directions of a connection that agreed on permessage-deflate.

use alloc::vec::Vec;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::agreed::Agreed;
use super::inflate::Inflater;
use super::options::{MAX_WINDOW_BITS, MIN_WINDOW_BITS, Options};
use crate::ws::error::Violation;
use crate::ws::limits::Role;

/// What a connection keeps for compression. Each half is made when it is needed.
#[derive(Debug)]
pub(in crate::ws) struct Deflate {
    options: Options,
    /// The window of what we receive, and whether each message starts afresh.
    recv: Direction,
    /// The same for what we send.
    send: Direction,
    inflater: Option<Inflater>,
    deflater: Option<Compress>,
    /// The compressed form of one message; empty between calls.
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Direction {
    window_bits: u8,
    no_context_takeover: bool,
}

/// What a sender leaves out at the end of each message (§7.2.1).
const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

impl Deflate {
    pub(in crate::ws) fn new(role: Role, agreed: Agreed, options: Options) -> Self {
        let client = Direction {
            window_bits: agreed.client_max_window_bits,
            no_context_takeover: agreed.client_no_context_takeover,
        };
        let server = Direction {
            window_bits: agreed.server_max_window_bits,
            no_context_takeover: agreed.server_no_context_takeover,
        };
        let (recv, send) = match role {
            Role::Client => (server, client),
            Role::Server => (client, server),
        };
        Self { options, recv, send, inflater: None, deflater: None, scratch: Vec::new() }
    }

    /// Decompresses the next `payload` of a message into `sink`; with `last`, checks
    /// that the message is whole.
    pub(in crate::ws) fn inflate(
        &mut self,
        payload: &[u8],
        last: bool,
        mut sink: impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let inflater = self.inflater.get_or_insert_with(|| Inflater::new(self.recv.window_bits));
        if !payload.is_empty() {
            inflater.push(payload, &self.options, &mut sink)?;
        }
        if last {
            inflater.finish(self.recv.no_context_takeover, &self.options)?;
        }
        Ok(())
    }

    /// The compressed form of a message; `None` if it is to be sent as it is.
    pub(in crate::ws) fn deflate(&mut self, payload: &[u8]) -> Option<&[u8]> {
        if payload.is_empty() || payload.len() < self.options.min_len {
            return None;
        }
        self.scratch.clear();
        let deflater = self.deflater.get_or_insert_with(|| {
            let level = Compression::new(u32::from(self.options.level.clamp(1, 9)));
            let bits = self.send.window_bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
            Compress::new_with_window_bits(level, false, bits)
        });
        let compressed = compress(deflater, payload, &mut self.scratch)
            && self.scratch.len() < payload.len() + TAIL.len();
        // A compressor that has forgotten everything refers to nothing, so it may
        // forget at any time: after each message if that was agreed, and after one
        // that the peer will not see in compressed form.
        if self.send.no_context_takeover || !compressed {
            deflater.reset();
        }
        if compressed { self.scratch.strip_suffix(TAIL) } else { None }
    }

    /// Gives back all memory that is not needed to understand the next message.
    pub(in crate::ws) fn shrink(&mut self) {
        self.deflater = None;
        self.scratch = Vec::new();
        if self.recv.no_context_takeover
            && self.inflater.as_ref().is_some_and(Inflater::is_between_messages)
        {
            self.inflater = None;
        }
    }
}

/// Appends the compressed form of `payload`, up to and with the tail; gives whether
/// the compressor did its work.
fn compress(deflater: &mut Compress, payload: &[u8], out: &mut Vec<u8>) -> bool {
    let start = deflater.total_in();
    out.reserve(payload.len() / 2 + 64);
    loop {
        let read = (deflater.total_in() - start) as usize;
        let rest = payload.get(read..).unwrap_or_default();
        match deflater.compress_vec(rest, out, FlushCompress::Sync) {
            // Room is left, so the flush is complete.
            Ok(_) if out.len() < out.capacity() => break,
            Ok(Status::Ok | Status::BufError) => out.reserve(out.len()),
            Ok(Status::StreamEnd) | Err(_) => return false,
        }
    }
    (deflater.total_in() - start) as usize == payload.len() && out.ends_with(TAIL)
}
