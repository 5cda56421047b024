//! Both directions of a connection that agreed on permessage-deflate.

use alloc::vec::Vec;

use super::agreed::Agreed;
use super::compressor::Compressor;
use super::inflate::Inflater;
use super::options::Options;
use crate::ws::error::Violation;
use crate::ws::event::Kind;
use crate::ws::limits::Role;

/// What a connection keeps for compression. Each half is made when it is needed.
#[derive(Debug)]
pub(in crate::ws) struct Deflate {
    options: Options,
    /// The peer's window, and whether it forgets each message it sent.
    window_bits: u8,
    no_context_takeover: bool,
    inflater: Option<Inflater>,
    compressor: Compressor,
}

impl Deflate {
    pub(in crate::ws) fn new(role: Role, agreed: Agreed, options: Options) -> Self {
        let (window_bits, no_context_takeover) = match role {
            Role::Client => (agreed.server_max_window_bits, agreed.server_no_context_takeover),
            Role::Server => (agreed.client_max_window_bits, agreed.client_no_context_takeover),
        };
        let compressor = Compressor::new(role, agreed, options);
        Self { options, window_bits, no_context_takeover, inflater: None, compressor }
    }

    /// Decompresses the next `payload` of a message into `sink`; with `last`, checks
    /// that the message is whole.
    pub(in crate::ws) fn inflate(
        &mut self,
        payload: &[u8],
        last: bool,
        mut sink: impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let inflater = self.inflater.get_or_insert_with(|| Inflater::new(self.window_bits));
        if !payload.is_empty() {
            inflater.push(payload, &self.options, &mut sink)?;
        }
        if last {
            inflater.finish(self.no_context_takeover, &self.options)?;
        }
        Ok(())
    }

    /// Appends a message, compressed if it pays.
    pub(in crate::ws) fn encode(
        &mut self,
        kind: Kind,
        message: &[u8],
        mask: Option<[u8; 4]>,
        out: &mut Vec<u8>,
    ) {
        self.compressor.encode(kind, message, mask, out);
    }

    /// Gives back all memory that is not needed to understand the next message.
    pub(in crate::ws) fn shrink(&mut self) {
        self.compressor.shrink();
        if self.no_context_takeover {
            self.inflater.take_if(|inflater| inflater.is_between_messages());
        }
    }
}
