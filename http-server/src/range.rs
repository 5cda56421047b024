//! Which part of a content a request asks for (RFC 9110 §14).

use std::ops::Range;

use seawall_codec::http::RequestHead;

/// What a Range field comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// All: there is no Range, it is none of ours, or it asks for several parts at once. Answering
    /// that with all is allowed (§14.2), and no invitation to multiply the content (§17.15).
    All,
    /// Octets of it; at least one.
    Part(Range<u64>),
    /// Nothing that is there: 416.
    Nothing,
}

/// What `head` wants of a content of `len` octets.
pub(crate) fn wanted(head: &RequestHead<'_>, len: u64) -> Wanted {
    let mut fields = head.values("range");
    match (head.method(), fields.next(), fields.next()) {
        // "A server MUST ignore a Range header field received with a request method that is
        // unrecognized or for which no range handling is defined": only GET is.
        ("GET", Some(field), None) => parse(field, len).unwrap_or(Wanted::All),
        _ => Wanted::All,
    }
}

/// `None` if it is malformed, of another unit, or asks for several parts.
fn parse(field: &[u8], len: u64) -> Option<Wanted> {
    let text = std::str::from_utf8(field).ok()?;
    let (unit, set) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t']));
    let mut specs = specs.by_ref().filter(|spec| !spec.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else { return None };
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (position(first)?, position(last)?);
    Some(match (first, last) {
        (None, None) => return None,
        (Some(first), Some(last)) if last < first => return None,
        // The last octets; of an empty content there are none to speak of.
        (None, Some(0)) => Wanted::Nothing,
        (None, Some(_)) if len == 0 => Wanted::All,
        (None, Some(suffix)) => Wanted::Part(len.saturating_sub(suffix)..len),
        (Some(first), _) if first >= len => Wanted::Nothing,
        (Some(first), None) => Wanted::Part(first..len),
        (Some(first), Some(last)) => Wanted::Part(first..last.saturating_add(1).min(len)),
    })
}

/// A number, or `Some(None)` if there is nothing. One too large for us is beyond every content.
fn position(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_of_what_is_there() {
        let part = |from, to| Some(Wanted::Part(from..to));
        for (field, len, expected) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("Bytes=2-5", 10, part(2, 6)),
            ("bytes=2-", 10, part(2, 10)),
            ("bytes=2-99", 10, part(2, 10)),
            ("bytes=-3", 10, part(7, 10)),
            ("bytes=-99", 10, part(0, 10)),
            ("bytes= , 9-9 ,", 10, part(9, 10)),
            ("bytes=0-18446744073709551615", 10, part(0, 10)),
            ("bytes=0-99999999999999999999999", 10, part(0, 10)),
            ("bytes=10-", 10, Some(Wanted::Nothing)),
            ("bytes=99999999999999999999999-", 10, Some(Wanted::Nothing)),
            ("bytes=-0", 10, Some(Wanted::Nothing)),
            ("bytes=0-", 0, Some(Wanted::Nothing)),
            ("bytes=-1", 0, Some(Wanted::All)),
            ("bytes=5-1", 10, None),
            ("bytes=-", 10, None),
            ("bytes=", 10, None),
            ("bytes", 10, None),
            ("bytes=abc", 10, None),
            ("bytes=+1-2", 10, None),
            ("bytes=1 - 2", 10, None),
            ("lines=1-2", 10, None),
            ("bytes=0-0,2-2", 10, None),
        ] {
            assert_eq!(parse(field.as_bytes(), len), expected, "{field}");
        }
    }
}
