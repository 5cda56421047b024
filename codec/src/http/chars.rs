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
    let is_in = |byte: u8| CLASS[usize::from(byte)] & class != 0;
    let mut at = 0;
    // By words of what nearly all bytes are; the table knows the others.
    while let Some(block) = bytes[at..].first_chunk::<8>() {
        let uncommon = uncommon(u64::from_le_bytes(*block), class & (PATH | TARGET) != 0);
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
#[inline]
pub(crate) fn path_len(bytes: &[u8]) -> usize {
    span(bytes, PATH)
}

/// How many bytes at the beginning may stand in a registered name.
#[inline]
pub(crate) fn reg_name_len(bytes: &[u8]) -> usize {
    span(bytes, REG_NAME)
}

/// How many bytes at the beginning may stand in a field value: HTAB, SP, VCHAR
/// and obs-text (RFC 9110 §5.5).
#[inline(always)]
pub(crate) fn value_len(bytes: &[u8]) -> usize {
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

/// Whether `bytes` are `lower`, a lower-case name or keyword, in any case. To be asked
/// of text: among control bytes it finds letters.
#[inline]
pub(crate) fn is_keyword<const N: usize>(bytes: &[u8], lower: &[u8; N]) -> bool {
    // To set this bit is to lower a letter, and to keep the hyphen and the digits.
    <&[u8; N]>::try_from(bytes).is_ok_and(|bytes| bytes.map(|byte| byte | 0x20) == *lower)
}

/// `bytes` without SP and HTAB at its end.
#[inline]
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
    fn every_byte_at_every_place_of_every_class() {
        for class in [TOKEN, TARGET, PATH, TARGET | PATH, REG_NAME] {
            for (byte, classes) in (0..=255).zip(CLASS) {
                for filler in [b'a', b'Z', b'-', b'5', b'%', b'_'] {
                    for len in 1..20 {
                        let mut bytes = vec![filler; len];
                        for at in 0..len {
                            bytes[at] = byte;
                            let filled = CLASS[usize::from(filler)] & class != 0;
                            let expected = match (filled, classes & class != 0) {
                                (true, true) => len,
                                (true, false) => at,
                                (false, is_in) => usize::from(is_in && at == 0),
                            };
                            assert_eq!(span(&bytes, class), expected, "{bytes:02x?} {class}");
                            bytes[at] = filler;
                        }
                    }
                }
            }
        }
    }

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
            for filler in [b'a', b'\t', b' ', 0x80, 0xFF] {
                for len in (1..20).chain([31, 32, 33, 40, 63, 64, 65, 96, 97]) {
                    let mut value = vec![filler; len];
                    for at in 0..len {
                        value[at] = byte;
                        let expected = if allowed { len } else { at };
                        assert_eq!(value_len(&value), expected, "{byte:#x} at {at} of {len}");
                        value[at] = filler;
                    }
                }
            }
        }
    }

    #[test]
    fn keywords_in_any_case() {
        assert!(is_keyword(b"100-Continue", b"100-continue") && is_keyword(b"HOST", b"host"));
        for other in [&b"hos"[..], b"hosts", b"h\xEFst", b"h@st", b""] {
            assert!(!is_keyword(other, b"host"));
        }
        // No byte that may stand in a name or a value is taken for another.
        for byte in (0x20..0x7Fu8).chain(0x80..=0xFF) {
            for lower in b"abcdefghijklmnopqrstuvwxyz0123456789-" {
                let same = byte.eq_ignore_ascii_case(lower);
                assert_eq!(is_keyword(&[byte], &[*lower]), same, "{byte:#x}");
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
