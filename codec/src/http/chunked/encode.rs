//! Chunked content out.

use alloc::vec::Vec;

use crate::http::error::Misuse;
use crate::http::writer::append_field;

/// Appends `data` to `out` as one chunk. Empty data appends nothing: a chunk of
/// size zero would end the message.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::chunked;
///
/// let mut out = Vec::new();
/// chunked::encode(b"hello, world", &mut out);
/// chunked::encode(b"", &mut out);
/// chunked::end(&mut out);
/// assert_eq!(out, b"c\r\nhello, world\r\n0\r\n\r\n");
/// ```
pub fn encode(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    out.reserve(MAX_SIZE_LINE + data.len() + 2);
    encode_size(data.len(), out);
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Sixteen digits and CRLF.
const MAX_SIZE_LINE: usize = 18;

fn encode_size(len: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[len >> (4 * digit) & 0xF]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunked message without trailers.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Whether a field may come behind the content: not if it frames or routes the message,
/// controls or authenticates a request, or says how content is to be read (RFC 9110
/// §6.5.1). In any case.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::chunked;
///
/// assert!(chunked::may_be_trailer("Server-Timing"));
/// assert!(!chunked::may_be_trailer("Set-Cookie"));
/// ```
#[must_use]
pub fn may_be_trailer(name: &str) -> bool {
    const TOO_LATE: [&str; 16] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "expect",
        "host",
        "location",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    !TOO_LATE.iter().any(|late| name.eq_ignore_ascii_case(late))
}

/// Appends the end of a chunked message with these trailer fields.
///
/// # Errors
///
/// [`Misuse::Trailer`], see [`may_be_trailer`]; [`Misuse::FieldName`] or
/// [`Misuse::FieldValue`]. Nothing was written.
pub fn end_with_trailers<'t>(
    trailers: impl IntoIterator<Item = (&'t str, &'t [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), Misuse> {
    let start = out.len();
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        let appended = match may_be_trailer(name) {
            true => append_field(name, value, out),
            false => Err(Misuse::Trailer),
        };
        if let Err(misuse) = appended {
            out.truncate(start);
            return Err(misuse);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec;

    #[test]
    fn sizes_are_hexadecimal_without_leading_zeros() {
        for (len, line) in [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0x1_0000, "10000\r\n")] {
            let mut out = vec![];
            encode_size(len, &mut out);
            assert_eq!(String::from_utf8(out).as_deref(), Ok(line));
        }
        let mut out = vec![];
        encode_size(usize::MAX, &mut out);
        assert!(out.len() <= MAX_SIZE_LINE);
    }

    #[test]
    fn trailers_are_checked() {
        let mut out = vec![];
        let good: [(&str, &[u8]); 1] = [("X-Sum", b"1")];
        assert_eq!(end_with_trailers(good, &mut out), Ok(()));
        assert_eq!(out, b"0\r\nX-Sum: 1\r\n\r\n");
        out.clear();
        let injected: [(&str, &[u8]); 2] = [("A", b"1"), ("B", b"1\r\n\r\nHTTP/1.1 200")];
        assert_eq!(end_with_trailers(injected, &mut out), Err(Misuse::FieldValue));
        let late: [(&str, &[u8]); 2] = [("A", b"1"), ("content-LENGTH", b"1")];
        assert_eq!(end_with_trailers(late, &mut out), Err(Misuse::Trailer));
        assert_eq!(out, b"");
    }
}
