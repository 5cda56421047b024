//! The frame header. Source: RFC 6455 §5.2, §5.5; RFC 7692 §6 for RSV1.
//!
//! ```text
//!  0 1 2 3  4 5 6 7   8  9 … 15      16 …                   …
//! ┌─┬─────┬─────────┬──┬─────────┬──────────────────┬────────────────┐
//! │F│R R R│ opcode  │M │ length  │ extended length  │ masking key    │
//! │ │1 2 3│         │  │ (7)     │ (0, 16 or 64)    │ (0 or 32)      │
//! └─┴─────┴─────────┴──┴─────────┴──────────────────┴────────────────┘
//! ```

use alloc::vec::Vec;

use super::error::Violation;
use super::limits::Role;
use super::opcode::Opcode;

/// A frame header. RSV2 and RSV3, which no extension here uses, have no place in it.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::{Header, Opcode, Role};
///
/// let header = Header::new(Opcode::Text, 5);
/// let mut wire = Vec::new();
/// header.encode(&mut wire);
/// assert_eq!(wire, [0x81, 5]); // §5.7: a single-frame unmasked text message
/// assert_eq!(Header::decode(&wire, Role::Server, false), Ok(Some((header, 2))));
/// assert_eq!(Header::decode(&wire[..1], Role::Server, false), Ok(None));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Whether this frame is the last of its message.
    pub fin: bool,
    /// RSV1: with permessage-deflate, on the first frame of a compressed message.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, on every frame from a client and on none from a server.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload in bytes, below 2^63.
    pub len: u64,
}

/// The longest header in bytes: 2, a 64-bit length and a masking key.
pub(crate) const MAX_HEADER_LEN: usize = 14;

/// The longest payload of a control frame in bytes (§5.5).
pub const MAX_CONTROL_LEN: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const MASK: u8 = 0x80;
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

impl Header {
    /// The header of an unmasked frame that is a whole message, or a control frame.
    #[must_use]
    pub const fn new(opcode: Opcode, len: u64) -> Self {
        Self { fin: true, rsv1: false, opcode, mask: None, len }
    }

    /// Reads the header that `bytes` begin with, sent by a peer in the role `from`;
    /// `rsv1` says whether an extension that uses RSV1 was negotiated.
    ///
    /// Gives the header and its own length in bytes, or `None` if more bytes are
    /// needed. A header that is wrong is refused at the byte that makes it so.
    ///
    /// # Errors
    ///
    /// A [`Violation`] of §5.1, §5.2 or §5.5.
    pub fn decode(
        bytes: &[u8],
        from: Role,
        rsv1: bool,
    ) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let opcode = Opcode::from_bits(first)?;
        let fin = first & FIN != 0;
        let compressed = first & RSV1 != 0;
        // "RSV1 is set only on the first fragment of a message" (RFC 7692 §6.1).
        let may_compress = rsv1 && matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & RSV2_RSV3 != 0 || (compressed && !may_compress) {
            return Err(Violation::ReservedBit);
        }
        if opcode.is_control() && !fin {
            return Err(Violation::ControlFragmented);
        }

        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        match (from, second & MASK != 0) {
            (Role::Client, true) | (Role::Server, false) => {}
            (Role::Client, false) => return Err(Violation::Unmasked),
            (Role::Server, true) => return Err(Violation::Masked),
        }
        let short = second & !MASK;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_LEN {
            return Err(Violation::ControlTooLong);
        }
        let Some((len, rest)) = decode_len(short, rest)? else { return Ok(None) };
        let (mask, rest) = match from {
            Role::Server => (None, rest),
            Role::Client => match rest.split_first_chunk::<4>() {
                Some((key, rest)) => (Some(*key), rest),
                None => return Ok(None),
            },
        };
        let header = Self { fin, rsv1: compressed, opcode, mask, len };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Appends the header to `out`, the length in as few bytes as it needs.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (bytes, len) = self.to_bytes();
        out.extend_from_slice(&bytes[..len]);
    }

    /// The header on the wire, and how many of the bytes it is.
    pub(crate) fn to_bytes(self) -> ([u8; MAX_HEADER_LEN], usize) {
        let mut bytes = [0; MAX_HEADER_LEN];
        bytes[0] =
            self.opcode.bits() | if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 };
        let masked = if self.mask.is_some() { MASK } else { 0 };
        let mut len = match self.len {
            short @ 0..=125 => {
                bytes[1] = masked | short as u8;
                2
            }
            medium @ 126..=0xFFFF => {
                bytes[1] = masked | LEN_16;
                bytes[2..4].copy_from_slice(&(medium as u16).to_be_bytes());
                4
            }
            long => {
                bytes[1] = masked | LEN_64;
                bytes[2..10].copy_from_slice(&long.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.mask {
            bytes[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        (bytes, len)
    }
}

/// The payload length whose seven bits are `short`, and what follows it.
///
/// "The minimal number of bytes MUST be used to encode the length" (§5.2).
fn decode_len(short: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    match short {
        LEN_16 => match bytes.split_first_chunk::<2>() {
            None => Ok(None),
            Some((len, rest)) => match u16::from_be_bytes(*len) {
                0..=125 => Err(Violation::LengthNotMinimal),
                len => Ok(Some((u64::from(len), rest))),
            },
        },
        LEN_64 => match bytes.split_first_chunk::<8>() {
            None if bytes.first().is_some_and(|byte| byte & 0x80 != 0) => {
                Err(Violation::LengthTopBit)
            }
            None => Ok(None),
            Some((len, rest)) => match u64::from_be_bytes(*len) {
                0..=0xFFFF => Err(Violation::LengthNotMinimal),
                len if len >> 63 != 0 => Err(Violation::LengthTopBit),
                len => Ok(Some((len, rest))),
            },
        },
        short => Ok(Some((u64::from(short), bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    const KEY: [u8; 4] = [1, 2, 3, 4];

    fn decode(bytes: &[u8], from: Role, rsv1: bool) -> Result<Option<(Header, usize)>, Violation> {
        // Every shorter input asks for more or fails like the whole one.
        let whole = Header::decode(bytes, from, rsv1);
        for len in 0..bytes.len() {
            match (Header::decode(&bytes[..len], from, rsv1), whole) {
                (Ok(None), _) => {}
                (Ok(Some(early)), Ok(Some(whole))) => {
                    assert_eq!(early, whole);
                    assert!(len >= whole.1);
                }
                (Err(early), Err(whole)) => assert_eq!(early, whole),
                (early, whole) => panic!("{early:?} at {len} bytes, then {whole:?}"),
            }
        }
        whole
    }

    #[test]
    fn both_ways_at_every_length_boundary() {
        let lens = [0, 1, 125, 126, 127, 65_535, 65_536, u64::MAX >> 1];
        let sizes = [2, 2, 2, 4, 4, 4, 10, 10];
        for (len, size) in lens.into_iter().zip(sizes) {
            for (mask, from) in [(None, Role::Server), (Some(KEY), Role::Client)] {
                for opcode in [Opcode::Continuation, Opcode::Text, Opcode::Binary] {
                    for fin in [false, true] {
                        let header = Header { fin, rsv1: false, opcode, mask, len };
                        let mut wire = vec![];
                        header.encode(&mut wire);
                        let size = size + if mask.is_some() { 4 } else { 0 };
                        assert_eq!(wire.len(), size);
                        wire.extend_from_slice(b"payload");
                        assert_eq!(decode(&wire, from, false), Ok(Some((header, size))));
                    }
                }
            }
        }
    }

    #[test]
    fn refused_at_the_byte_that_is_wrong() {
        let client = |bytes: &[u8]| decode(bytes, Role::Client, false);
        for (bytes, violation) in [
            (&[0x91][..], Violation::ReservedBit),
            (&[0xA1], Violation::ReservedBit),
            (&[0xC1], Violation::ReservedBit),
            (&[0x83], Violation::Opcode(3)),
            (&[0x8F], Violation::Opcode(15)),
            (&[0x08], Violation::ControlFragmented),
            (&[0x09], Violation::ControlFragmented),
            (&[0x0A], Violation::ControlFragmented),
            (&[0x81, 0x05], Violation::Unmasked),
            (&[0x88, 0xFE], Violation::ControlTooLong),
            (&[0x89, 0xFF], Violation::ControlTooLong),
            (&[0x81, 0xFE, 0, 125], Violation::LengthNotMinimal),
            (&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Violation::LengthNotMinimal),
            (&[0x81, 0xFF, 0x80], Violation::LengthTopBit),
        ] {
            assert_eq!(client(bytes), Err(violation), "{bytes:02x?}");
            assert!(
                matches!(client(&bytes[..bytes.len() - 1]), Ok(None)),
                "{bytes:02x?} refused before its last byte"
            );
        }
        assert_eq!(decode(&[0x81, 0x80], Role::Server, false), Err(Violation::Masked));
    }

    #[test]
    fn rsv1_on_the_first_frame_of_a_data_message_only() {
        for opcode in 0..16u8 {
            let allowed = matches!(opcode, 1 | 2);
            let header = decode(&[0xC0 | opcode, 0], Role::Server, true);
            assert_eq!(header.is_ok(), allowed, "opcode {opcode}");
        }
    }
}
