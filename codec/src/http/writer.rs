//! Heads out.
//!
//! Source: RFC 9112 §3, §4, §6; RFC 9110 §8.6 and §15. Every name and value is
//! checked, so that nothing a handler takes from a request can end a line.

use alloc::vec::Vec;

use super::chars::{self, TARGET, VALUE};
use super::error::Misuse;
use super::field_line::FieldLine;
use super::scan;
use super::status::Status;

/// Writes one response head to the end of the caller's buffer.
///
/// [`end`](Self::end) completes it; a writer that is dropped before takes back
/// what it wrote.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{ResponseWriter, Status};
///
/// let mut out = Vec::new();
/// let mut head = ResponseWriter::new(Status::OK, &mut out);
/// head.date(b"Sun, 06 Nov 1994 08:49:37 GMT")?;
/// head.content_length(5)?;
/// head.end();
/// out.extend_from_slice(b"hello");
/// assert_eq!(
///     out,
///     b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nhello"
/// );
/// # Ok::<(), seawall_codec::http::Misuse>(())
/// ```
#[derive(Debug)]
#[must_use = "a head that is not ended is taken back"]
pub struct ResponseWriter<'o> {
    head: Head<'o>,
    status: Status,
}

impl<'o> ResponseWriter<'o> {
    /// Begins a head: appends the status line.
    pub fn new(status: Status, out: &'o mut Vec<u8>) -> Self {
        let head = Head::new(out);
        if status == Status::OK {
            head.out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        } else {
            head.out.extend_from_slice(b"HTTP/1.1 ");
            append_decimal(u64::from(status.code()), head.out);
            head.out.push(b' ');
            head.out.extend_from_slice(status.reason().as_bytes());
            head.out.extend_from_slice(b"\r\n");
        }
        Self { head, status }
    }

    /// The status it began with.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Appends a field. Upgrade brings `Connection: Upgrade` with it.
    ///
    /// # Errors
    ///
    /// [`Misuse::FieldName`] if the name is no token, [`Misuse::FieldValue`] if the
    /// value holds CR, LF, NUL or another control byte save HTAB, and
    /// [`Misuse::FramingField`] for Content-Length and Transfer-Encoding.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Misuse> {
        self.head.field(name, value.as_ref())
    }

    /// Appends a field line that was checked when it was made.
    #[inline]
    pub fn line(&mut self, line: FieldLine) {
        self.head.out.extend_from_slice(line.as_bytes());
    }

    /// Appends Date, whose text always has this length (RFC 9110 §5.6.7).
    ///
    /// # Errors
    ///
    /// [`Misuse::FieldValue`] if the text is none that a date could have: it holds a byte that
    /// is not visible ASCII or SP.
    pub fn date(&mut self, text: &[u8; 29]) -> Result<(), Misuse> {
        if !text.iter().fold(true, |clean, byte| clean & matches!(byte, b' '..=b'~')) {
            return Err(Misuse::FieldValue);
        }
        let mut line = *b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        line[6..35].copy_from_slice(text);
        self.head.out.extend_from_slice(&line);
        Ok(())
    }

    /// Appends Content-Length: the length of the content that follows, or that would
    /// follow if the request were not HEAD, or the condition had not held (304).
    ///
    /// # Errors
    ///
    /// [`Misuse::Framing`] if there is a framing already, or the status is 1xx or 204
    /// (RFC 9110 §8.6).
    pub fn content_length(&mut self, len: u64) -> Result<(), Misuse> {
        if self.status != Status::NOT_MODIFIED && self.status.is_without_content() {
            return Err(Misuse::Framing);
        }
        self.head.content_length(len)
    }

    /// Appends `Transfer-Encoding: chunked`. Not for a client that speaks HTTP/1.0
    /// (RFC 9112 §6.1): there, end the content by closing the connection.
    ///
    /// # Errors
    ///
    /// [`Misuse::Framing`] if there is a framing already, or the status is 1xx, 204
    /// or 304.
    pub fn chunked(&mut self) -> Result<(), Misuse> {
        if self.status.is_without_content() {
            return Err(Misuse::Framing);
        }
        self.head.chunked()
    }

    /// Appends the empty line. What follows in the buffer is content.
    pub fn end(self) {
        self.head.end();
    }
}

/// Writes one request head to the end of the caller's buffer; the counterpart of
/// [`ResponseWriter`].
///
/// # Examples
///
/// ```
/// use seawall_codec::http::RequestWriter;
///
/// let mut out = Vec::new();
/// let mut head = RequestWriter::new("GET", "/", &mut out)?;
/// head.field("Host", "example.org")?;
/// head.end();
/// assert_eq!(out, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
/// # Ok::<(), seawall_codec::http::Misuse>(())
/// ```
#[derive(Debug)]
#[must_use = "a head that is not ended is taken back"]
pub struct RequestWriter<'o> {
    head: Head<'o>,
}

impl<'o> RequestWriter<'o> {
    /// Begins a head: appends the request line. Host is a field like any other, and
    /// must be added.
    ///
    /// # Errors
    ///
    /// [`Misuse::RequestLine`] if the method is no token, or the target is empty or
    /// holds a byte that no target may hold.
    pub fn new(method: &str, target: &str, out: &'o mut Vec<u8>) -> Result<Self, Misuse> {
        let target = target.as_bytes();
        if !chars::is_token(method.as_bytes())
            || target.is_empty()
            || scan::len::<TARGET>(target) != target.len()
        {
            return Err(Misuse::RequestLine);
        }
        let head = Head::new(out);
        for part in [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
            head.out.extend_from_slice(part);
        }
        Ok(Self { head })
    }

    /// Appends a field.
    ///
    /// # Errors
    ///
    /// As [`ResponseWriter::field`].
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Misuse> {
        self.head.field(name, value.as_ref())
    }

    /// Appends Content-Length.
    ///
    /// # Errors
    ///
    /// [`Misuse::Framing`] if there is a framing already.
    pub fn content_length(&mut self, len: u64) -> Result<(), Misuse> {
        self.head.content_length(len)
    }

    /// Appends `Transfer-Encoding: chunked`.
    ///
    /// # Errors
    ///
    /// [`Misuse::Framing`] if there is a framing already.
    pub fn chunked(&mut self) -> Result<(), Misuse> {
        self.head.chunked()
    }

    /// Appends the empty line. What follows in the buffer is content.
    pub fn end(self) {
        self.head.end();
    }
}

/// What both heads have in common: fields, one framing, an end.
#[derive(Debug)]
struct Head<'o> {
    out: &'o mut Vec<u8>,
    /// Where the head begins in `out`.
    start: usize,
    framed: bool,
    ended: bool,
}

/// Room for a usual head, so that its parts are appended without growing.
const USUAL_HEAD: usize = 256;

impl<'o> Head<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        out.reserve(USUAL_HEAD);
        Self { out, start, framed: false, ended: false }
    }

    fn field(&mut self, name: &str, value: &[u8]) -> Result<(), Misuse> {
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => Err(Misuse::FramingField),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => Err(Misuse::FramingField),
            7 if name.eq_ignore_ascii_case("upgrade") => {
                append_field(name, value, self.out)?;
                // "A sender of Upgrade MUST also send an \"Upgrade\" connection option in
                // the Connection header field" (RFC 9110 §7.8).
                append_field("Connection", b"Upgrade", self.out)
            }
            _ => append_field(name, value, self.out),
        }
    }

    fn content_length(&mut self, len: u64) -> Result<(), Misuse> {
        self.frame()?;
        self.out.extend_from_slice(b"Content-Length: ");
        append_decimal(len, self.out);
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn chunked(&mut self) -> Result<(), Misuse> {
        self.frame()?;
        self.out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Misuse> {
        if self.framed {
            return Err(Misuse::Framing);
        }
        self.framed = true;
        Ok(())
    }

    fn end(mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.ended = true;
    }
}

impl Drop for Head<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.out.truncate(self.start);
        }
    }
}

/// Appends one field line, if name and value may stand in one.
pub(crate) fn append_field(name: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
    if !chars::is_token(name.as_bytes()) {
        return Err(Misuse::FieldName);
    }
    if scan::len::<VALUE>(value) != value.len() {
        return Err(Misuse::FieldValue);
    }
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends `number` in decimal.
fn append_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn nothing_can_be_injected() {
        let mut out = vec![];
        let mut head = ResponseWriter::new(Status::NOT_FOUND, &mut out);
        for value in ["a\rb", "a\nb", "a\0b", "a\x7Fb", "a\x1Bb"] {
            assert_eq!(head.field("X", value), Err(Misuse::FieldValue), "{value:?}");
        }
        for name in ["", "a b", "a:", "a\r\nb", "é"] {
            assert_eq!(head.field(name, "v"), Err(Misuse::FieldName), "{name:?}");
        }
        assert_eq!(head.field("content-LENGTH", "3"), Err(Misuse::FramingField));
        assert_eq!(head.field("Transfer-Encoding", "chunked"), Err(Misuse::FramingField));
        for byte in ["\r", "\n", "\0", "\t", "\x7F"] {
            let text = std::format!("{byte:>29}");
            let text = text.as_bytes().try_into().expect("29 bytes");
            assert_eq!(head.date(text), Err(Misuse::FieldValue), "{byte:?}");
        }
        assert_eq!(head.field("X", "caf\u{e9}\t"), Ok(()));
        head.end();
        assert_eq!(out, "HTTP/1.1 404 Not Found\r\nX: caf\u{e9}\t\r\n\r\n".as_bytes());

        out.clear();
        for (method, target) in [("", "/"), ("G T", "/"), ("GET", ""), ("GET", "/ HTTP/1.1\r\n")] {
            let refused = RequestWriter::new(method, target, &mut out).map(drop);
            assert_eq!(refused, Err(Misuse::RequestLine), "{method} {target}");
        }
        assert_eq!(out, b"");
    }

    #[test]
    fn upgrade_is_a_connection_option_too() {
        let mut out = vec![];
        let mut head = RequestWriter::new("GET", "/", &mut out).expect("legal");
        assert_eq!(head.field("upgrade", "h2c\n"), Err(Misuse::FieldValue));
        assert_eq!(head.field("upgrade", "h2c"), Ok(()));
        head.end();
        assert_eq!(out, b"GET / HTTP/1.1\r\nupgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
    }

    #[test]
    fn one_framing_and_none_where_there_is_no_content() {
        let mut out = vec![];
        for (status, length, chunked) in [
            (Status::OK, true, true),
            (Status::NO_CONTENT, false, false),
            (Status::SWITCHING_PROTOCOLS, false, false),
            (Status::NOT_MODIFIED, true, false),
        ] {
            let mut head = ResponseWriter::new(status, &mut out);
            assert_eq!(head.content_length(1).is_ok(), length, "{status}");
            drop(head);
            let mut head = ResponseWriter::new(status, &mut out);
            assert_eq!(head.chunked().is_ok(), chunked, "{status}");
            assert_eq!(head.content_length(1).is_ok(), length && !chunked, "{status}");
        }
        assert_eq!(out, b"", "a head that is not ended is taken back");
    }

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let mut out = vec![];
            append_decimal(number, &mut out);
            assert_eq!(out, std::format!("{number}").into_bytes());
        }
    }
}
