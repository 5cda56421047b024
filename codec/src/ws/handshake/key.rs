//! Sec-WebSocket-Key and Sec-WebSocket-Accept: proof that the server understood.
//!
//! Source: RFC 6455 §1.3, §4.2.1 item 5, §4.2.2 item 5.4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// What the server appends to the key before hashing it (§1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether `key` is 16 bytes in base64.
///
/// The four bits that the last digit has too many may have any value: clients are
/// known that do not clear them, and nobody decodes a key.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::handshake::is_key;
///
/// assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
/// assert!(!is_key(b"dGhlIHNhbXBsZSBub25jZQ"));
/// ```
#[must_use]
pub fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match key.split_last_chunk::<2>() {
        Some((digits, b"==")) => digits.len() == 22 && digits.iter().all(digit),
        _ => false,
    }
}

/// The Sec-WebSocket-Accept that answers `key`.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::handshake::accept_key;
///
/// let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="); // the key of §1.3
/// assert_eq!(&accept, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut accept = [b'='; 28];
    // 20 bytes are 28 in base64, always.
    let _ = STANDARD.encode_slice(hash, &mut accept);
    accept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for bad in [
            &b""[..],
            b"AAAAAAAAAAAAAAAAAAAA",     // 15 bytes
            b"AAAAAAAAAAAAAAAAAAAAAAA=", // 17 bytes
            b"AAAAAAAAAAAAAAAAAAAAAAAA", // 18 bytes
            b"AAAAAAAAAA AAAAAAAAAAA==",
            b"AAAAAAAAAA-AAAAAAAAAAA==",
            b"AAAAAAAAAAAAAAAAAAAAA===",
            b"AAAAAAAAAAAAAAAAAAAAAA= ",
            b" dGhlIHNhbXBsZSBub25jZQ==",
            b"dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        ] {
            assert!(!is_key(bad), "{}", bad.escape_ascii());
        }
        assert!(is_key(b"AAAAAAAAAAAAAAAAAAAAAA=="));
        assert!(is_key(b"1234567890+/34567890zZ=="));
    }
}
