//! Octets as text and back: the notation of catalogues, traces and reports.
//!
//! In a catalogue a string stands for octets, one for each character, U+0000 to U+00FF
//! (ISO 8859-1), so that `"\r\n"`, `"\u0000"` and `"\u00ff"` say what they are. In a trace
//! the same octets are printable ASCII with escapes.

use std::fmt::Write;

/// The octets a catalogue's string stands for.
///
/// # Errors
///
/// The first character above U+00FF, which stands for no octet.
pub(crate) fn octets(text: &str) -> Result<Vec<u8>, char> {
    text.chars().map(|c| u8::try_from(c).map_err(|_| c)).collect()
}

/// `bytes` as printable ASCII: `\r`, `\n`, `\t`, `\\`, `\"` and `\xNN` for the rest.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            0x20..=0x7e => out.push(byte as char),
            _ => _ = write!(out, "\\x{byte:02x}"),
        }
    }
    out
}

/// The octets that [`escaped`] wrote; `None` for what it writes never.
pub(crate) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'\\' => match octets.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let mut digit = || char::from(octets.next()?).to_digit(16);
                    u8::try_from(digit()? << 4 | digit()?).ok()?
                }
                itself @ (b'\\' | b'"') => itself,
                _ => return None,
            },
            b' '..=b'~' => octet,
            _ => return None,
        });
    }
    Some(out)
}

/// Quotes `bytes`, eliding the middle of what is longer than `max` octets.
///
/// A run of one octet is written as such, since payloads of a kind are what test cases are made of.
pub(crate) fn quoted(bytes: &[u8], max: usize) -> String {
    /// An elision shorter than its own words is none.
    const SLACK: usize = 24;
    match bytes {
        [first, .., last] if bytes.len() > max && bytes.iter().all(|b| b == first) => {
            format!("\"{}\" × {}", escaped(&[*last]), bytes.len())
        }
        _ if bytes.len() > max + SLACK => {
            let (head, tail) = (max - max / 4, max / 4);
            format!(
                "\"{}\" … {} octets … \"{}\"",
                escaped(&bytes[..head]),
                bytes.len() - head - tail,
                escaped(&bytes[bytes.len() - tail..]),
            )
        }
        _ => format!("\"{}\"", escaped(bytes)),
    }
}

/// `bytes` as pairs of hexadecimal digits, eliding what comes after `max` octets.
pub(crate) fn hex(bytes: &[u8], max: usize) -> String {
    let mut out = String::with_capacity(bytes.len().min(max) * 3);
    for (i, byte) in bytes.iter().take(max).enumerate() {
        let gap = if i == 0 { "" } else { " " };
        _ = write!(out, "{gap}{byte:02x}");
    }
    if bytes.len() > max {
        _ = write!(out, " … +{}", bytes.len() - max);
    }
    out
}

/// The octets that pairs of hexadecimal digits stand for; blanks are passed over.
///
/// `None` if a digit is missing or is none.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_an_octet() {
        assert_eq!(octets("a\r\n\u{0}\u{ff}"), Ok(b"a\r\n\0\xff".to_vec()));
        assert_eq!(octets("→"), Err('→'));
    }

    #[test]
    fn every_octet_is_escaped_to_printable_ascii() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(escaped(&all).bytes().all(|b| (0x20..0x7f).contains(&b)));
        assert_eq!(unescaped(&escaped(&all)), Some(all));
        for none in ["\\", "\\q", "\\x", "\\xf", "é"] {
            assert_eq!(unescaped(none), None, "{none}");
        }
        assert_eq!(escaped(b"GET /\r\n\t\"\\\x00\xff"), r#"GET /\r\n\t\"\\\x00\xff"#);
    }

    #[test]
    fn long_payloads_are_elided() {
        assert_eq!(quoted(b"short", 16), "\"short\"");
        assert_eq!(quoted(&[b'*'; 100], 16), "\"*\" × 100");
        let long: Vec<u8> = (b' '..b' ' + 40).collect();
        assert_eq!(quoted(&long, 8), "\" !\\\"#$%\" … 32 octets … \"FG\"");
        assert_eq!(quoted(&long, 20).len(), 43, "not worth an elision");
    }

    #[test]
    fn hexadecimal_both_ways() {
        assert_eq!(hex(&[0x81, 0x05, 0xff], 2), "81 05 … +1");
        assert_eq!(from_hex("81 05ff"), Some(vec![0x81, 0x05, 0xff]));
        assert_eq!(from_hex("8"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
