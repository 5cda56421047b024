//! Compressed payload in, message content out, no faster than it may grow.
//!
//! Source: RFC 7692 §7.2.2.

use flate2::{Decompress, FlushDecompress, Status};

use super::options::Options;
use crate::ws::error::Violation;

/// Decompresses the messages of one peer.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    /// The window is empty and no byte was read: so it begins, and so a block with
    /// BFINAL leaves it.
    fresh: bool,
    /// Bytes of this message: compressed, and decompressed.
    read: u64,
    written: u64,
    /// The last bytes of the compressed payload.
    last: [u8; 4],
}

/// What a sender leaves out at the end of each message (§7.2.1): the last four bytes
/// of an empty stored block.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// One more empty stored block. Between blocks it means nothing; within one, that is
/// after data that was cut short, it gives itself away by what comes out.
const PROBE: &[u8] = &[0x00, 0x00, 0x00, 0xFF, 0xFF];

/// How much is decompressed between two checks of the limits, in bytes.
const STEP: usize = 8 << 10;

impl Inflater {
    pub(super) fn new(window_bits: u8) -> Self {
        let stream = Decompress::new_with_window_bits(false, window_bits);
        Self { stream, fresh: true, read: 0, written: 0, last: [0; 4] }
    }

    /// Decompresses the next `payload` of a message into `sink`.
    pub(super) fn push(
        &mut self,
        payload: &[u8],
        options: &Options,
        sink: &mut impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        self.read += payload.len() as u64;
        for byte in payload.iter().skip(payload.len().saturating_sub(self.last.len())) {
            self.last.rotate_left(1);
            self.last[3] = *byte;
        }
        self.decompress(payload, options, sink)
    }

    fn decompress(
        &mut self,
        mut input: &[u8],
        options: &Options,
        sink: &mut impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut step = [0; STEP];
        loop {
            let (read_before, written_before) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(input, &mut step, FlushDecompress::Sync)
                .map_err(|_| Violation::Deflate)?;
            let read = (self.stream.total_in() - read_before) as usize;
            let written = (self.stream.total_out() - written_before) as usize;
            self.fresh &= read == 0;
            input = &input[read..];
            self.written += written as u64;
            if self.written > options.ratio_from as u64
                && self.written > self.read.saturating_mul(u64::from(options.max_ratio))
            {
                return Err(Violation::InflateRatio);
            }
            sink(&step[..written])?;
            match status {
                // A block with BFINAL ends a stream, but not the message (§7.2.3.4).
                Status::StreamEnd => {
                    self.stream.reset(false);
                    self.fresh = true;
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                Status::Ok | Status::BufError if written == STEP => {}
                Status::Ok | Status::BufError if input.is_empty() => return Ok(()),
                Status::Ok if read > 0 || written > 0 => {}
                // Input that is not taken although there is room for output.
                Status::Ok | Status::BufError => return Err(Violation::Deflate),
            }
        }
    }

    /// Ends a message: checks that nothing is missing, and forgets the message if
    /// that was agreed.
    pub(super) fn finish(
        &mut self,
        no_context_takeover: bool,
        options: &Options,
    ) -> Result<(), Violation> {
        // After a block with BFINAL nothing was left out that must be put back. An
        // empty payload is no compressed message at all.
        if !self.fresh || self.read == 0 {
            let nothing = &mut |bytes: &[u8]| match bytes {
                [] => Ok(()),
                _ => Err(Violation::Deflate),
            };
            // What is to be left out ends in a header of zeros, never in 0xFF: a
            // sender that did not leave it out is understood all the same.
            if self.last != TAIL {
                self.decompress(&TAIL, options, nothing)?;
            }
            self.decompress(PROBE, options, nothing)?;
        }
        if no_context_takeover && !self.fresh {
            self.stream.reset(false);
            self.fresh = true;
        }
        self.read = 0;
        self.written = 0;
        self.last = [0; 4];
        Ok(())
    }

    /// Whether no message is half read.
    pub(super) fn is_between_messages(&self) -> bool {
        self.read == 0
    }
}
