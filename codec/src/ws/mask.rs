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

/// A payload this long, in bytes, is worth the choice of vectors.
const LONG: usize = 256;

/// Masks or unmasks a payload that is there from its first byte.
///
/// Applying the same key twice restores the payload.
#[inline]
pub fn apply(key: [u8; 4], payload: &mut [u8]) {
    if payload.len() < LONG {
        xor(key, payload);
    } else {
        xor_long(key, payload);
    }
}

/// A payload this long, in bytes, is worth the look where its memory is aligned: behind
/// a header it hardly ever is, and vectors that lie across two cache lines take twice
/// as long.
const ALIGN_FROM: usize = 4 << 10;

/// A cache line, and the widest vector of any processor.
const BLOCK: usize = 64;

#[inline(never)]
fn xor_long(mut key: [u8; 4], mut payload: &mut [u8]) {
    if payload.len() >= ALIGN_FROM {
        let len = payload.as_ptr().align_offset(BLOCK).min(payload.len());
        let (front, rest) = payload.split_at_mut(len);
        xor(key, front);
        key.rotate_left(len % 4);
        payload = rest;
    }
    let (blocks, rest) = payload.as_chunks_mut();
    xor_blocks(key, blocks);
    xor(key, rest);
}

/// By the widest vectors that the processor has.
#[cfg(feature = "simd")]
fn xor_blocks(key: [u8; 4], blocks: &mut [[u8; BLOCK]]) {
    use fearless_simd::{Level, dispatch, prelude::*, u8x64, u32x16};

    #[inline(always)]
    fn xor<S: Simd>(simd: S, key: [u8; 4], blocks: &mut [[u8; BLOCK]]) {
        let wide: u8x64<S> = u32x16::splat(simd, u32::from_ne_bytes(key)).bitcast();
        for block in blocks {
            (u8x64::load_array_ref(simd, block) ^ wide).store_array(block);
        }
    }
    dispatch!(Level::new(), simd => xor(simd, key, blocks));
}

#[cfg(not(feature = "simd"))]
fn xor_blocks(key: [u8; 4], blocks: &mut [[u8; BLOCK]]) {
    xor(key, blocks.as_flattened_mut());
}

/// By what the compiler makes of it for the target.
#[inline]
fn xor(key: [u8; 4], payload: &mut [u8]) {
    let half = u32::from_ne_bytes(key);
    let whole = u64::from(half) << 32 | u64::from(half);
    // Each block becomes a few vector operations.
    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks_mut();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ whole).to_ne_bytes();
        }
    }
    let (words, rest) = rest.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ whole).to_ne_bytes();
    }
    if rest.is_empty() {
        return;
    }
    let (halves, rest) = rest.as_chunks_mut();
    for bytes in halves {
        *bytes = (u32::from_ne_bytes(*bytes) ^ half).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
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
        for len in [LONG - 1, LONG, LONG + 77, ALIGN_FROM - 1, ALIGN_FROM, ALIGN_FROM + 77] {
            for at in 0..=BLOCK {
                let bytes: Vec<u8> = (0..=255).cycle().take(at + len).collect();
                let mut masked = bytes.clone();
                apply(KEY, &mut masked[at..]);
                assert_eq!(masked[at..], by_the_book(&bytes[at..]), "{len} bytes from {at}");
                assert_eq!(masked[..at], bytes[..at]);
            }
        }
    }
}
