//! permessage-deflate (RFC 7692), message by message.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::fault::{Fault, Faults};
use super::frame::End;
use super::head::Head;
use super::session::MAX_MESSAGE;

/// The parameters of an offer that is accepted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Agreed {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<u8>,
    client_bits: bool,
}

/// What is known of the messages so far, either way.
pub(super) struct Deflate {
    agreed: Agreed,
    compress: Compress,
    inflate: Decompress,
    faults: Faults,
}

/// Accepts the first offer that is valid.
pub(super) fn negotiate(head: &Head, faults: &Faults) -> Option<Agreed> {
    head.members("Sec-WebSocket-Extensions").find_map(|offer| {
        let offer = std::str::from_utf8(offer).ok()?;
        let mut words = offer.split(';').map(str::trim);
        if words.next() != Some("permessage-deflate") {
            return None;
        }
        let mut agreed = Agreed::default();
        for word in words {
            let fresh = agreed.take(word);
            if !fresh && !faults.has(Fault::DeflateOfferUnchecked) {
                return None;
            }
        }
        Some(agreed)
    })
}

impl Agreed {
    /// Takes a parameter over; not if it is none, or known already.
    fn take(&mut self, word: &str) -> bool {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let bits = value
            .filter(|value| matches!(*value, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15"));
        let bits: Option<u8> = bits.and_then(|value| value.parse().ok());
        let before = *self;
        match (name, value) {
            ("server_no_context_takeover", None) => self.server_no_context = true,
            ("client_no_context_takeover", None) => self.client_no_context = true,
            ("server_max_window_bits", Some(_)) if before.server_bits.is_none() => {
                self.server_bits = bits.filter(|bits| *bits > 8);
            }
            ("client_max_window_bits", None) => self.client_bits = true,
            ("client_max_window_bits", Some(_)) if bits.is_some() => self.client_bits = true,
            _ => {}
        }
        *self != before
    }

    /// As the response has it.
    pub(super) fn answer(self, faults: &Faults) -> String {
        let mut answer = String::from("permessage-deflate");
        if self.server_no_context {
            answer += "; server_no_context_takeover";
        }
        if self.client_no_context {
            answer += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_bits {
            answer += &format!("; server_max_window_bits={bits}");
        }
        if faults.has(Fault::DeflateClientBitsUninvited) {
            answer += "; client_max_window_bits=15";
        }
        answer
    }
}

impl Deflate {
    pub(super) fn new(agreed: Agreed, faults: Faults) -> Self {
        let bits = match agreed.server_bits {
            Some(bits) if !faults.has(Fault::DeflateWideWindow) => bits,
            _ => 15,
        };
        Self {
            agreed,
            compress: Compress::new_with_window_bits(Compression::fast(), false, bits),
            inflate: Decompress::new_with_window_bits(false, 15),
            faults,
        }
    }

    /// The message behind a payload.
    pub(super) fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>, End> {
        const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
        if payload.ends_with(&TAIL) && self.faults.has(Fault::DeflateTailRefused)
            || payload.starts_with(&[0, 5]) && self.faults.has(Fault::DeflateStoredRefused)
        {
            return Err(NO_MESSAGE);
        }
        if self.agreed.client_no_context || self.faults.has(Fault::DeflateForgets) {
            self.inflate.reset(false);
        }
        let input = [payload, &TAIL].concat();
        let mut rest = &input[..];
        let mut message = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (took, gave) = (self.inflate.total_in(), self.inflate.total_out());
            let status = match self.inflate.decompress(rest, &mut buffer, FlushDecompress::Sync) {
                Ok(status) => status,
                Err(_) if self.faults.has(Fault::DeflateGarbageIgnored) => return Ok(Vec::new()),
                Err(_) => return Err(NO_MESSAGE),
            };
            rest = &rest[(self.inflate.total_in() - took) as usize..];
            let gave = (self.inflate.total_out() - gave) as usize;
            message.extend_from_slice(&buffer[..gave]);
            if message.len() as u64 > MAX_MESSAGE && !self.faults.has(Fault::AcceptHugeLength) {
                return Err(End::Violation(1009));
            }
            match status {
                Status::StreamEnd if self.faults.has(Fault::DeflateStopsAtFinal) => break,
                Status::StreamEnd => self.inflate.reset(false),
                _ if gave < buffer.len() => break,
                _ => {}
            }
        }
        if message.is_empty() && self.faults.has(Fault::DeflateEmptyRefused) {
            return Err(NO_MESSAGE);
        }
        if self.faults.has(Fault::DeflateLosesOctet) {
            message.pop();
        }
        Ok(message)
    }

    /// The payload for a message.
    pub(super) fn deflate(&mut self, message: &[u8]) -> Vec<u8> {
        if self.agreed.server_no_context && !self.faults.has(Fault::DeflateKeepsContext) {
            self.compress.reset();
        }
        if message.is_empty() {
            return vec![0];
        }
        let mut payload = Vec::with_capacity(message.len() + message.len() / 8 + 1024);
        let done = self.compress.compress_vec(message, &mut payload, FlushCompress::Sync);
        done.expect("there is room for all of it");
        payload.truncate(payload.len() - 4);
        payload
    }
}

const NO_MESSAGE: End = End::Violation(1007);
