//! Messages as their octets come in, and what makes text and a Close valid.

use super::fault::{Fault, Faults};
use super::frame::{BINARY, End, PROTOCOL_ERROR, TEXT};

/// A message of which some fragments have arrived.
pub(super) struct Message {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
    /// The payload is compressed still.
    pub(super) compressed: bool,
    /// Up to here the text is known to be UTF-8.
    checked: usize,
    /// Where the last fragment begins.
    pub(super) last_fragment: usize,
}

impl Message {
    pub(super) fn new(opcode: u8, compressed: bool) -> Self {
        Self { opcode, payload: Vec::new(), compressed, checked: 0, last_fragment: 0 }
    }

    /// Takes octets in, and refuses text at the first one that cannot be UTF-8.
    pub(super) fn extend(&mut self, octets: &[u8], faults: &Faults) -> Result<(), End> {
        self.payload.extend_from_slice(octets);
        let late = [Fault::NoUtf8Check, Fault::Utf8Late];
        if self.opcode == BINARY || self.compressed || late.iter().any(|fault| faults.has(*fault)) {
            return Ok(());
        }
        self.check(faults)
    }

    fn check(&mut self, faults: &Faults) -> Result<(), End> {
        while let Err(error) = std::str::from_utf8(&self.payload[self.checked..]) {
            self.checked += error.valid_up_to();
            let rest = &self.payload[self.checked..];
            let skipped = match (error.error_len(), rest) {
                // A character is cut; the rest of it may be on its way.
                (None, _) => return Ok(()),
                (Some(_), [0xed, 0xa0..=0xbf, ..]) if faults.has(Fault::SurrogatesAccepted) => 3,
                (Some(_), [0xc0 | 0xc1, ..]) if faults.has(Fault::OverlongAccepted) => 2,
                (Some(_), [0xe0, ..]) if faults.has(Fault::OverlongAccepted) => 3,
                (Some(_), [0xf0, ..]) if faults.has(Fault::OverlongAccepted) => 4,
                (Some(_), _) => return Err(NOT_UTF8),
            };
            self.checked = (self.checked + skipped).min(self.payload.len());
        }
        self.checked = self.payload.len();
        Ok(())
    }

    /// What is due at the end of a fragment.
    pub(super) fn end_fragment(&mut self, fin: bool, faults: &Faults) -> Result<(), End> {
        if self.opcode != TEXT || self.compressed || faults.has(Fault::NoUtf8Check) {
            return Ok(());
        }
        if fin {
            self.check(faults)?;
        }
        let is_whole = self.checked == self.payload.len();
        if !is_whole && (fin || faults.has(Fault::Utf8PerFrame)) {
            return Err(NOT_UTF8);
        }
        let refused =
            fin && faults.has(Fault::NoncharactersRefused) && has_noncharacters(&self.payload);
        if refused { Err(NOT_UTF8) } else { Ok(()) }
    }
}

fn has_noncharacters(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).chars().any(|char| u32::from(char) & 0xfffe == 0xfffe)
}

/// The code in a Close, checked (RFC 6455 §5.5.1, §7.4); `None` if it carries nothing.
pub(super) fn close_code(payload: &[u8], faults: &Faults) -> Result<Option<u16>, End> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] if faults.has(Fault::AcceptHalfCloseCode) => return Ok(Some(1000)),
        [_] => return Err(PROTOCOL_ERROR),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    let is_good = match code {
        1000 | 1001 => true,
        1002 | 1003 | 1007..=1014 | 3000..=4999 => !faults.has(Fault::RefuseGoodCloseCode),
        _ => faults.has(Fault::AcceptBadCloseCode),
    };
    if !is_good {
        return Err(PROTOCOL_ERROR);
    }
    if std::str::from_utf8(reason).is_err() && !faults.has(Fault::AcceptBadCloseReason) {
        return Err(NOT_UTF8);
    }
    Ok(Some(code))
}

const NOT_UTF8: End = End::Violation(1007);
