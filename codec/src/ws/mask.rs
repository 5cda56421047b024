//! Masking: XOR of a client's payload with a key of four bytes.
//!
//! Source: RFC 6455 §5.3. Masking hides nothing; it keeps scripts in a browser
//! from choosing the bytes that a proxy sees.

/// A masking key, turned so that its first byte meets the next payload byte.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::mask::Mask;
///
/// let mut payload = *b"Hello";
/// let mut mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
/// let (first, second) = payload.split_at_mut(2); // arrives in two pieces
/// mask.apply(first);
/// mask.apply(second);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // §5.7
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mask([u8; 4]);

impl Mask {
    /// A mask at the start of a payload.
    #[must_use]
    pub const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks or unmasks `bytes`, the next of the payload, and moves past them.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        apply(self.0, bytes);
        self.0.rotate_left(bytes.len() % 4);
    }
}

/// Bytes for each turn of the main loop: what the compiler turns into a few
/// vector operations, and a multiple of the key's length.
const BLOCK: usize = 64;

/// A payload this long is worth the look where its memory is aligned.
const ALIGN_FROM: usize = 1 << 10;

/// Masks or unmasks a payload that is there from its first byte.
///
/// Applying the same key twice restores the payload.
#[inline]
pub fn apply(mut key: [u8; 4], mut payload: &mut [u8]) {
    if payload.len() >= ALIGN_FROM {
        // Behind a header it hardly ever is aligned, and vectors that lie across two
        // cache lines take twice as long.
        let len = payload.as_ptr().align_offset(16).min(payload.len());
        let (front, rest) = payload.split_at_mut(len);
        xor(key, front);
        key.rotate_left(len % 4);
        payload = rest;
    }
    xor(key, payload);
}

#[inline]
fn xor(key: [u8; 4], payload: &mut [u8]) {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (blocks, rest) = payload.as_chunks_mut::<BLOCK>();
    for block in blocks {
        let (words, _) = block.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
    }
    let (words, tail) = rest.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const KEY: [u8; 4] = [0x01, 0x80, 0xFF, 0x5A];

    /// §5.3, word for word: octet i is the XOR of it and key octet i modulo 4.
    fn by_the_book(payload: &[u8]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ KEY[i % 4]).collect()
    }

    #[test]
    fn every_length_and_every_split() {
        let payload: Vec<u8> = (0..200).collect();
        for len in 0..payload.len() {
            let expected = by_the_book(&payload[..len]);
            let mut whole = payload[..len].to_vec();
            apply(KEY, &mut whole);
            assert_eq!(whole, expected, "{len} bytes");
            for at in 0..=len {
                let mut split = payload[..len].to_vec();
                let mut mask = Mask::new(KEY);
                let (first, second) = split.split_at_mut(at);
                mask.apply(first);
                mask.apply(second);
                assert_eq!(split, expected, "{len} bytes split at {at}");
            }
        }
    }

    #[test]
    fn a_long_payload_wherever_it_lies() {
        let payload: Vec<u8> = (0..=255).cycle().take(ALIGN_FROM + 100).collect();
        for at in 0..64 {
            let mut masked = payload.clone();
            apply(KEY, &mut masked[at..]);
            assert_eq!(masked[at..], by_the_book(&payload[at..]), "from {at}");
            assert_eq!(masked[..at], payload[..at]);
        }
    }
}
