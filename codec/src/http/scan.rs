//! How far bytes of a class reach: the loops in which nearly all bytes of a head are read.

use super::chars::{CLASS, PATH, TARGET, VALUE};

/// A way to scan.
pub(crate) trait Scan: Copy {
    /// Skips bytes of the class, from `at` on, which is not beyond the end: the offset of
    /// the first byte that is not, or the end.
    fn skip<const OF: u8>(self, bytes: &[u8], at: usize) -> usize;
}

/// Does `$work` with the fastest scan that there is, as `$scan`. `$work` stands in the
/// code once for each scan, so it should be one call.
#[cfg(all(feature = "simd", any(target_arch = "x86", target_arch = "x86_64")))]
macro_rules! by_fastest {
    ($scan:ident => $work:expr) => {
        match $crate::http::wide::Wide::detect() {
            Some($scan) => $scan.run(
                #[inline(always)]
                || $work,
            ),
            None => {
                let $scan = $crate::http::scan::Words;
                $work
            }
        }
    };
}
#[cfg(not(all(feature = "simd", any(target_arch = "x86", target_arch = "x86_64"))))]
macro_rules! by_fastest {
    ($scan:ident => $work:expr) => {{
        let $scan = $crate::http::scan::Words;
        $work
    }};
}
pub(super) use by_fastest;

/// Eight bytes at a time, on any processor.
#[derive(Clone, Copy)]
pub(crate) struct Words;

impl Scan for Words {
    #[inline(always)]
    fn skip<const OF: u8>(self, bytes: &[u8], at: usize) -> usize {
        let rest = &bytes[at..];
        at + if OF == VALUE { value_len(rest) } else { words::<OF>(rest) }
    }
}

/// How many bytes at the beginning are of the class.
pub(super) fn len<const OF: u8>(bytes: &[u8]) -> usize {
    Words.skip::<OF>(bytes, 0)
}

#[inline]
fn words<const OF: u8>(bytes: &[u8]) -> usize {
    let is_in = |byte: u8| CLASS[usize::from(byte)] & OF != 0;
    let mut at = 0;
    // By words of what nearly all bytes are; the table knows the others.
    while let Some(block) = bytes[at..].first_chunk::<8>() {
        let uncommon = uncommon(u64::from_le_bytes(*block), OF & (PATH | TARGET) != 0);
        if uncommon == 0 {
            at += 8;
            continue;
        }
        at += uncommon.trailing_zeros() as usize / 8;
        if !is_in(bytes[at]) {
            return at;
        }
        at += 1;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| !is_in(*byte)).unwrap_or(rest.len())
}

/// A byte in all eight places of a word.
const fn each(byte: u8) -> u64 {
    u64::MAX / 0xFF * byte as u64
}

/// The top bit of each byte of `word` that is none of letter, digit, `-`, `.`, nor `/`
/// if that may be: common bytes, and of every class. Exact up to the first such byte,
/// counted from the low end; a carry may mark bytes after it.
#[inline]
const fn uncommon(word: u64, slash: bool) -> u64 {
    let lower = word | each(0x20);
    let letter = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
    let dash_to_nine = at_least(word, b'-') & !at_least(word, b'9' + 1);
    let no_slash = if slash { u64::MAX } else { at_least(word ^ each(b'/'), 1) };
    (!(letter | dash_to_nine & no_slash) | word) & each(0x80)
}

/// The top bit of each byte of `word` that is at least `min`, counted in ASCII.
#[inline]
const fn at_least(word: u64, min: u8) -> u64 {
    word.wrapping_add(each(0x80 - min))
}

/// How many bytes at the beginning may stand in a field value: HTAB, SP, VCHAR
/// and obs-text (RFC 9110 §5.5).
#[inline(always)]
fn value_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk::<8>() {
        let controls = controls(u64::from_le_bytes(*block));
        if controls == 0 {
            at += 8;
            // A value that goes on for long: by blocks that the compiler checks in a
            // few vector operations.
            if at == 32 {
                let (blocks, _) = bytes[at..].as_chunks();
                at += 32 * blocks.iter().position(|block| !is_clean(block)).unwrap_or(blocks.len());
            }
            continue;
        }
        at += controls.trailing_zeros() as usize / 8;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    let rest = &bytes[at..];
    let in_rest = rest.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t');
    at + in_rest.unwrap_or(rest.len())
}

/// Whether no byte of the block is a control, HTAB included.
#[inline]
fn is_clean(block: &[u8; 32]) -> bool {
    block.iter().fold(true, |clean, byte| clean & (*byte >= 0x20) & (*byte != 0x7F))
}

/// The top bit of each byte of `word` that is a control (below 0x20, or 0x7F).
/// Exact up to the first such byte, counted from the low end; a borrow may mark
/// bytes after it.
#[inline]
const fn controls(word: u64) -> u64 {
    let low = word.wrapping_sub(each(0x20));
    let del = (word ^ each(0x7F)).wrapping_sub(each(1));
    (low | del) & !word & each(0x80)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::chars::{REG_NAME, TOKEN};
    use super::*;
    use std::vec;

    #[test]
    fn by_words() {
        exact(Words);
    }

    /// Each byte at each place, among bytes that are and that are not of the class.
    pub(in super::super) fn exact(scan: impl Scan) {
        exact_of::<TOKEN>(scan);
        exact_of::<TARGET>(scan);
        exact_of::<PATH>(scan);
        exact_of::<REG_NAME>(scan);
        exact_of::<VALUE>(scan);
    }

    fn exact_of<const OF: u8>(scan: impl Scan) {
        for filler in [b'a', b'%', 0xFF] {
            for len in (0..10).chain(30..35).chain(62..67) {
                for at in 0..len {
                    // Every byte where it is telling, a few at every other place.
                    let telling = [0, len / 2, len - 1].contains(&at);
                    let some = [b'\t', b'\r', b' ', b'/', b'?', b'a', 0x7F, 0x80];
                    for byte in (0..=255).filter(|byte| telling || some.contains(byte)) {
                        let mut bytes = vec![filler; len];
                        bytes[at] = byte;
                        exact_in::<OF>(scan, &bytes, at);
                    }
                }
                assert_eq!(scan.skip::<OF>(&vec![filler; len], len), len);
            }
        }
    }

    fn exact_in<const OF: u8>(scan: impl Scan, bytes: &[u8], at: usize) {
        let is_other = |byte: &u8| CLASS[usize::from(*byte)] & OF == 0;
        for from in [0, at, at + 1] {
            let end = bytes[from..].iter().position(is_other).map_or(bytes.len(), |len| from + len);
            assert_eq!(scan.skip::<OF>(bytes, from), end, "{OF}: {bytes:02x?} from {from}");
        }
    }
}
