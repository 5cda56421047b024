//! The status line: `HTTP-version SP status-code SP [ reason-phrase ] CRLF`.
//!
//! Source: RFC 9112 §4. Read once, going on at the byte where the input ended.

use super::chars::VALUE;
use super::error::Violation;
use super::request_line::Version;
use super::scan::{Scan as _, Words};
use super::status::Status;

/// The status line read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatusLine {
    at: At,
    /// The next byte to look at.
    pos: usize,
    code: u16,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// `HTTP/1.1 200`.
    #[default]
    Fixed,
    /// The SP behind the status code; servers are known that leave it out together
    /// with the reason.
    Space,
    Reason,
    LineFeed,
}

/// A status line that is complete and right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) version: Version,
    pub(crate) status: Status,
    /// The offset behind the CRLF.
    pub(crate) end: usize,
}

/// The beginning of a status line; `d` stands for a digit.
const FIXED: &[u8; 12] = b"HTTP/d.d ddd";

impl StatusLine {
    /// Reads on.
    pub(crate) fn parse(&mut self, bytes: &[u8], max: usize) -> Result<Option<Parts>, Violation> {
        loop {
            // Nothing beyond the limit is looked at; reaching it is the violation.
            let end = bytes.len().min(max);
            let Some(&byte) = bytes[..end].get(self.pos) else {
                return if end < bytes.len() { Err(Violation::HeadTooLong) } else { Ok(None) };
            };
            match self.at {
                At::Fixed => {
                    match FIXED[self.pos] {
                        b'd' if byte.is_ascii_digit() => {}
                        expected if expected == byte => {}
                        _ => return Err(Violation::StatusLine),
                    }
                    if self.pos >= FIXED.len() - 3 {
                        self.code = self.code * 10 + u16::from(byte - b'0');
                    }
                    self.pos += 1;
                    if self.pos == FIXED.len() {
                        self.at = At::Space;
                    }
                }
                At::Space => {
                    self.at = match byte {
                        b' ' => At::Reason,
                        b'\r' => At::LineFeed,
                        b'\n' => return Err(Violation::LineEnd),
                        _ => return Err(Violation::StatusLine),
                    };
                    self.pos += 1;
                }
                At::Reason => {
                    self.pos = Words.skip::<VALUE>(&bytes[..end], self.pos);
                    match bytes[..end].get(self.pos) {
                        None => {}
                        Some(b'\r') => {
                            self.pos += 1;
                            self.at = At::LineFeed;
                        }
                        Some(b'\n') => return Err(Violation::LineEnd),
                        Some(_) => return Err(Violation::StatusLine),
                    }
                }
                At::LineFeed => {
                    if byte != b'\n' {
                        return Err(Violation::LineEnd);
                    }
                    self.pos += 1;
                    return self.finish(bytes).map(Some);
                }
            }
        }
    }

    fn finish(&self, bytes: &[u8]) -> Result<Parts, Violation> {
        let version = match &bytes[5..8] {
            b"1.0" => Version::Http10,
            [b'1', ..] => Version::Http11,
            _ => return Err(Violation::VersionUnsupported),
        };
        let status = Status::new(self.code).ok_or(Violation::StatusLine)?;
        Ok(Parts { version, status, end: self.pos })
    }
}
