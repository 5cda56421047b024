//! Which byte may stand where: the grammars of RFC 9110 §5.6 and RFC 3986 as one table.

/// `tchar` (RFC 9110 §5.6.2).
const TOKEN: u8 = 1;
/// What a target may hold somewhere: [`PATH`], `?`, and what browsers leave raw
/// in a query.
const TARGET: u8 = 2;
/// `pchar` or `/`, with `%` (RFC 3986 §3.3).
const PATH: u8 = 4;
/// `unreserved`, `sub-delims` or `%`: a registered name (RFC 3986 §3.2.2).
const REG_NAME: u8 = 8;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        let unreserved = c.is_ascii_alphanumeric() || one_of(c, b"-._~");
        let reg_name = unreserved || one_of(c, b"!$&'()*+,;=%");
        let path = reg_name || one_of(c, b":@/");
        // The URL Standard encodes neither of the last six in a query, so browsers
        // send them although RFC 3986 does not know them.
        let target = path || c == b'?' || one_of(c, b"[]{}|\\^`");
        if c.is_ascii_alphanumeric() || one_of(c, b"!#$%&'*+-.^_`|~") {
            table[byte] |= TOKEN;
        }
        if target {
            table[byte] |= TARGET;
        }
        if path {
            table[byte] |= PATH;
        }
        if reg_name {
            table[byte] |= REG_NAME;
        }
        byte += 1;
    }
    table
}

const fn one_of(byte: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

/// How many bytes at the beginning are of the class.
#[inline]
fn span(bytes: &[u8], class: u8) -> usize {
    let is_in = |byte: &u8| CLASS[usize::from(*byte)] & class != 0;
    // Eight look-ups to one branch.
    let (blocks, _) = bytes.as_chunks::<8>();
    let all = |block: &[u8; 8]| block.iter().fold(true, |all, byte| all & is_in(byte));
    let at = 8 * blocks.iter().position(|block| !all(block)).unwrap_or(blocks.len());
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| !is_in(byte)).unwrap_or(rest.len())
}

/// How many bytes at the beginning are `tchar`.
#[inline]
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    span(bytes, TOKEN)
}

/// How many bytes at the beginning may stand in a target.
#[inline]
pub(crate) fn target_len(bytes: &[u8]) -> usize {
    span(bytes, TARGET)
}

/// Whether `bytes` is a token: not empty, `tchar` only.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_len(bytes) == bytes.len()
}

/// How many bytes at the beginning may stand in a path.
pub(crate) fn path_len(bytes: &[u8]) -> usize {
    span(bytes, PATH)
}

/// Whether all of `bytes` may stand in a registered name.
pub(crate) fn is_reg_name(bytes: &[u8]) -> bool {
    span(bytes, REG_NAME) == bytes.len()
}

/// How many bytes at the beginning may stand in a field value: HTAB, SP, VCHAR
/// and obs-text (RFC 9110 §5.5).
#[inline]
pub(crate) fn value_len(bytes: &[u8]) -> usize {
    // Long values by blocks that the compiler checks in a few vector operations; the
    // last, and one with HTAB in it, by words.
    let (blocks, _) = bytes.as_chunks::<32>();
    let clean = |block: &[u8; 32]| {
        block.iter().fold(true, |clean, byte| clean & (*byte >= 0x20) & (*byte != 0x7F))
    };
    let mut at = 32 * blocks.iter().position(|block| !clean(block)).unwrap_or(blocks.len());
    while let Some(block) = bytes[at..].first_chunk::<8>() {
        let controls = controls(u64::from_le_bytes(*block));
        if controls == 0 {
            at += 8;
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

/// The top bit of each byte of `word` that is a control (below 0x20, or 0x7F).
/// Exact up to the first such byte, counted from the low end; a borrow may mark
/// bytes after it.
#[inline]
const fn controls(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    let low = word.wrapping_sub(ONES * 0x20);
    let del = (word ^ (ONES * 0x7F)).wrapping_sub(ONES);
    (low | del) & !word & (ONES * 0x80)
}

/// `bytes` without SP and HTAB at its end.
pub(crate) fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |at| at + 1);
    &bytes[..end]
}

/// `bytes` without SP and HTAB at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(bytes.len());
    trim_end(&bytes[start..])
}

/// `bytes`, known to be ASCII, as text.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    // Checked byte by byte before; the fallback is never taken.
    core::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn token_bytes_are_those_of_the_grammar() {
        for byte in 0..=255u8 {
            let tchar = byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(is_token(&[byte]), tchar, "{byte:#x}");
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn every_byte_at_every_place_of_a_value() {
        for byte in 0..=255u8 {
            let allowed = byte == b'\t' || byte >= 0x20 && byte != 0x7F;
            for len in 1..20 {
                for at in 0..len {
                    for filler in [b'a', b'\t', b' ', 0x80, 0xFF] {
                        let mut value = vec![filler; len];
                        value[at] = byte;
                        let expected = if allowed { len } else { at };
                        assert_eq!(value_len(&value), expected, "{byte:#x} at {at} of {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn trimming() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(trim(b"\xA0a\x85"), b"\xA0a\x85"); // not whitespace in HTTP
    }
}
