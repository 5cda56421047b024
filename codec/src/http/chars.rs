//! Which byte may stand where: the grammars of RFC 9110 §5.6 and RFC 3986 as one table.

use super::scan;

/// `tchar` (RFC 9110 §5.6.2).
pub(super) const TOKEN: u8 = 1;
/// What a target may hold somewhere: [`PATH`], `?`, and what browsers leave raw
/// in a query.
pub(super) const TARGET: u8 = 2;
/// `pchar` or `/`, with `%` (RFC 3986 §3.3).
pub(super) const PATH: u8 = 4;
/// `unreserved` or `sub-delims`: a registered name (RFC 3986 §3.2.2) without percent-encoding.
pub(super) const REG_NAME: u8 = 8;
/// HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5): what a field value may hold.
pub(super) const VALUE: u8 = 16;

pub(super) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        let unreserved = c.is_ascii_alphanumeric() || one_of(c, b"-._~");
        let reg_name = unreserved || one_of(c, b"!$&'()*+,;=");
        let path = reg_name || one_of(c, b":@/%");
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
        if c == b'\t' || c >= b' ' && c != 0x7F {
            table[byte] |= VALUE;
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

/// Whether `bytes` is a token: not empty, `tchar` only.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && scan::len::<TOKEN>(bytes) == bytes.len()
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

    #[test]
    fn token_bytes_are_those_of_the_grammar() {
        for byte in 0..=255u8 {
            let tchar = byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(is_token(&[byte]), tchar, "{byte:#x}");
        }
        assert!(!is_token(b""));
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
