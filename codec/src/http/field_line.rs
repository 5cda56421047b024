//! Field lines of responses that are constants: checked by the compiler, appended as they are.

use super::chars::{CLASS, TOKEN, VALUE};

/// A constant field line for [`ResponseWriter::line`](super::ResponseWriter::line).
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{FieldLine, ResponseWriter, Status};
///
/// const TYPE: FieldLine = FieldLine::new("Content-Type: application/json\r\n");
///
/// let mut out = Vec::new();
/// let mut head = ResponseWriter::new(Status::OK, &mut out);
/// head.line(TYPE);
/// head.end();
/// assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
/// ```
///
/// A line that could not be sent does not compile:
///
/// ```compile_fail
/// # use seawall_codec::http::FieldLine;
/// const TWO: FieldLine = FieldLine::new("A: b\r\nC: d\r\n");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldLine(&'static str);

impl FieldLine {
    /// The line as it is sent: name, colon, one space, value, CRLF.
    ///
    /// # Panics
    ///
    /// If it is none, or one that [`ResponseWriter`](super::ResponseWriter) does not append as a
    /// plain field: Content-Length, Transfer-Encoding, Upgrade. In a constant, that is an error of
    /// compilation.
    #[must_use]
    pub const fn new(line: &'static str) -> Self {
        let bytes = line.as_bytes();
        let mut colon = 0;
        while colon < bytes.len() && CLASS[bytes[colon] as usize] & TOKEN != 0 {
            colon += 1;
        }
        assert!(colon > 0, "a field line begins with a name");
        let (name, rest) = bytes.split_at(colon);
        let framing = name.eq_ignore_ascii_case(b"content-length")
            || name.eq_ignore_ascii_case(b"transfer-encoding");
        assert!(!framing && !name.eq_ignore_ascii_case(b"upgrade"), "not a plain field");
        let [b':', b' ', value @ .., b'\r', b'\n'] = rest else {
            panic!("a field line is a name, a colon, a space, a value and CRLF");
        };
        let mut at = 0;
        while at < value.len() {
            assert!(CLASS[value[at] as usize] & VALUE != 0, "not in a field value");
            at += 1;
        }
        Self(line)
    }

    pub(super) fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_field_lines_are() {
        for line in ["X-A: b\r\n", "x: \r\n", "Server: a\tb \u{e9}\r\n"] {
            assert_eq!(FieldLine::new(line).as_bytes(), line.as_bytes());
        }
        for line in [
            "",
            ": b\r\n",
            "A b: c\r\n",
            "A: b",
            "A:b\r\n",
            "A: b\n",
            "A: b\r\nC: d\r\n",
            "A: \0\r\n",
            "content-LENGTH: 3\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Upgrade: x\r\n",
        ] {
            assert!(std::panic::catch_unwind(|| FieldLine::new(line)).is_err(), "{line:?}");
        }
    }
}
