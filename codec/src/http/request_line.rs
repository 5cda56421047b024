//! The request line: `method SP request-target SP HTTP-version CRLF`.
//!
//! Source: RFC 9112 §2.2, §2.3, §3. Like the field section, it is read once, going
//! on at the byte where the input ended.

use super::chars::{TARGET, TOKEN, VALUE};
use super::error::Violation;
use super::scan::{Scan, Words};
use super::target::{self, Target};

/// The protocol version of a message, as far as it matters: a higher minor
/// version is treated as 1.1 (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1 up to 1.9.
    #[default]
    Http11,
}

/// The request line read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLine {
    at: At,
    /// The next byte to look at.
    pos: usize,
    /// Where the method begins: behind an empty line, if there was one.
    start: usize,
    /// Where the method ends; one SP follows.
    method_end: usize,
    /// Where the target ends; one SP follows.
    target_end: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    EmptyLine,
    EmptyLineFeed,
    Method,
    Target,
    Version,
}

/// A request line that is complete and right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) method: (usize, usize),
    pub(crate) target: (usize, usize),
    pub(crate) parsed: Target,
    pub(crate) version: Version,
    /// The offset behind the CRLF.
    pub(crate) end: usize,
}

impl Parts {
    /// The line that `bytes` begin with, if it is a whole one of the kind that nearly
    /// all are: origin form, version 1.1.
    #[inline(always)]
    pub(crate) fn usual(scan: impl Scan, bytes: &[u8]) -> Option<Self> {
        // First the end, so that the fields can be begun before the parts are known.
        let end = scan.skip::<VALUE>(bytes, 0);
        let target_end = end.checked_sub(USUAL.len() - 2)?;
        if !bytes[target_end..].starts_with(USUAL) {
            return None;
        }
        let method = (0, scan.skip::<TOKEN>(bytes, 0));
        if method.1 == 0 || &bytes[..method.1] == b"CONNECT" {
            return None;
        }
        if !bytes[method.1..].starts_with(b" /") {
            return None;
        }
        let (parsed, len) = target::origin(scan, bytes, method.1 + 1);
        let target = (method.1 + 1, method.1 + 1 + len);
        if target.1 != target_end {
            return None;
        }
        Some(Self { method, target, parsed, version: Version::Http11, end: end + 2 })
    }
}

/// The end of a request line; `d` stands for a digit.
const VERSION: &[u8; 10] = b"HTTP/d.d\r\n";

/// What nearly every request line ends in.
const USUAL: &[u8] = b" HTTP/1.1\r\n";

impl RequestLine {
    /// Reads on.
    pub(crate) fn parse(&mut self, bytes: &[u8], max: usize) -> Result<Option<Parts>, Violation> {
        loop {
            // Nothing beyond the limit is looked at; reaching it is the violation.
            let end = bytes.len().min(self.start.saturating_add(max));
            let Some(&byte) = bytes[..end].get(self.pos) else {
                let over = end < bytes.len();
                return if over { Err(Violation::RequestLineTooLong) } else { Ok(None) };
            };
            match self.at {
                // "A server … SHOULD ignore at least one empty line (CRLF) received
                // prior to the request-line" (§2.2). One it is.
                At::EmptyLine if byte == b'\r' => {
                    self.pos += 1;
                    self.at = At::EmptyLineFeed;
                }
                At::EmptyLine => self.at = At::Method,
                At::EmptyLineFeed => {
                    if byte != b'\n' {
                        return Err(Violation::LineEnd);
                    }
                    self.pos += 1;
                    self.start = self.pos;
                    self.at = At::Method;
                }
                At::Method => {
                    self.pos = Words.skip::<TOKEN>(&bytes[..end], self.pos);
                    match bytes[..end].get(self.pos) {
                        None => {}
                        Some(b' ') if self.pos > self.start => {
                            self.method_end = self.pos;
                            self.pos += 1;
                            self.at = At::Target;
                        }
                        Some(b' ' | b'\t' | b'\r' | b'\n') => return Err(Violation::RequestLine),
                        Some(_) => return Err(Violation::Method),
                    }
                }
                At::Target => {
                    self.pos = Words.skip::<TARGET>(&bytes[..end], self.pos);
                    match bytes[..end].get(self.pos) {
                        None => {}
                        Some(b' ') if self.pos > self.method_end + 1 => {
                            self.target_end = self.pos;
                            self.pos += 1;
                            self.at = At::Version;
                        }
                        Some(b' ' | b'\t' | b'\r' | b'\n') => return Err(Violation::RequestLine),
                        Some(_) => return Err(Violation::Target),
                    }
                }
                At::Version => {
                    let at = self.pos - self.target_end - 1;
                    match VERSION[at] {
                        b'd' if byte.is_ascii_digit() => {}
                        // The letter is none.
                        b'd' => return Err(Violation::Version),
                        expected if expected == byte => {}
                        b'\r' if byte == b'\n' => return Err(Violation::LineEnd),
                        b'\n' => return Err(Violation::LineEnd),
                        _ => return Err(Violation::Version),
                    }
                    self.pos += 1;
                    if at + 1 == VERSION.len() {
                        return self.finish(bytes).map(Some);
                    }
                }
            }
        }
    }

    /// What the line says, now that all of it is there.
    fn finish(&self, bytes: &[u8]) -> Result<Parts, Violation> {
        let version = match &bytes[self.pos - 5..self.pos - 2] {
            b"1.0" => Version::Http10,
            [b'1', ..] => Version::Http11,
            _ => return Err(Violation::VersionUnsupported),
        };
        let method = (self.start, self.method_end);
        let target = (self.method_end + 1, self.target_end);
        let parsed = target::parse(&bytes[method.0..method.1], &bytes[target.0..target.1])?;
        Ok(Parts { method, target, parsed, version, end: self.pos })
    }
}
