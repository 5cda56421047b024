//! Whole frames out, without a connection: for those who send one frame to
//! many peers, or write a protocol of their own on top.

use alloc::vec::Vec;

use super::header::Header;
use super::mask;
use super::opcode::Opcode;

/// Appends one frame to `out`: header, then payload, masked with `key` if there is one.
///
/// Nothing is checked: that control payloads are short, fragments in order and
/// text UTF-8 is up to the caller. [`Connection`](super::Connection) does check.
///
/// # Examples
///
/// A broadcast encodes its frame once; a server's frames are the same for all peers.
///
/// ```
/// use seawall_codec::ws::{Opcode, frame};
///
/// let mut tick = Vec::new();
/// frame::encode(Opcode::Text, true, None, b"tick", &mut tick);
/// assert_eq!(tick, b"\x81\x04tick");
/// ```
#[inline]
pub fn encode(opcode: Opcode, fin: bool, key: Option<[u8; 4]>, payload: &[u8], out: &mut Vec<u8>) {
    let header = Header { fin, rsv1: false, opcode, mask: key, len: payload.len() as u64 };
    append(header, payload, out);
}

/// Appends a frame with this header, masking the payload with the header's key.
pub(crate) fn append(header: Header, payload: &[u8], out: &mut Vec<u8>) {
    let (bytes, len) = header.to_bytes();
    out.reserve(len + payload.len());
    out.extend_from_slice(&bytes[..len]);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = header.mask {
        mask::apply(key, &mut out[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn the_examples_of_section_5_7() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut out = vec![];
        encode(Opcode::Text, true, Some(key), b"Hello", &mut out);
        assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        out.clear();
        encode(Opcode::Text, false, None, b"Hel", &mut out);
        encode(Opcode::Continuation, true, None, b"lo", &mut out);
        assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
        out.clear();
        encode(Opcode::Binary, true, None, &[0; 256], &mut out);
        assert_eq!(out[..4], *b"\x82\x7e\x01\x00");
        out.clear();
        encode(Opcode::Binary, true, None, &[0; 65536], &mut out);
        assert_eq!(out[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }
}
