//! Field lines up to the empty line: the part that requests, responses and
//! trailers share.
//!
//! Source: RFC 9112 §2.2, §5. A line is read once: when the input ends within it,
//! the next call goes on at the very byte where this one stopped, so that a head
//! that arrives byte by byte costs no more than one that arrives whole, and what
//! is refused does not depend on how the bytes were split.

use alloc::vec::Vec;

use super::chars;
use super::error::Violation;
use super::fields::{FieldSpan, Span};

/// The field lines read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    at: At,
    /// The next byte to look at.
    pos: usize,
    /// Where the current line begins.
    line: usize,
    /// Where the name of the current line ends.
    name_end: usize,
    /// Where the value of the current line begins.
    value: usize,
    pub(crate) spans: Vec<FieldSpan>,
}

/// Within which part of a line `pos` is.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    LineStart,
    Name,
    BeforeValue,
    Value,
    LineFeed,
    LastLineFeed,
}

/// What bounds a section, and how to say so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_line: usize,
    /// The end of the section may lie here at the latest.
    pub(crate) max_end: usize,
    pub(crate) max_fields: usize,
    /// The violation beyond `max_end`.
    pub(crate) over: Violation,
}

impl Bounds {
    /// Nothing behind this of a line that begins at `line` is looked at; reaching it is
    /// the violation.
    #[inline]
    fn end(&self, line: usize, bytes: &[u8]) -> usize {
        bytes.len().min(line.saturating_add(self.max_line)).min(self.max_end)
    }
}

impl Section {
    /// Begins at the offset `start` of the buffer; keeps the memory of `spans`.
    pub(crate) fn restart(&mut self, start: usize) {
        self.at = At::LineStart;
        self.pos = start;
        self.line = start;
        self.spans.clear();
    }

    /// Reads on. Gives the offset behind the empty line once it is there.
    /// `on_field` sees index, name and value of each line as it ends.
    pub(crate) fn parse(
        &mut self,
        bytes: &[u8],
        bounds: &Bounds,
        mut on_field: impl FnMut(usize, &[u8], &[u8]) -> Result<(), Violation>,
    ) -> Result<Option<usize>, Violation> {
        loop {
            if let At::LineStart = self.at {
                self.whole_lines(bytes, bounds, &mut on_field)?;
            }
            let end = bounds.end(self.line, bytes);
            let Some(&byte) = bytes[..end].get(self.pos) else {
                return if end == bytes.len() {
                    Ok(None)
                } else if end == bounds.max_end {
                    Err(bounds.over)
                } else {
                    Err(Violation::FieldLineTooLong)
                };
            };
            match self.at {
                At::LineStart => match byte {
                    b'\r' => {
                        self.at = At::LastLineFeed;
                        self.pos += 1;
                    }
                    // "A sender MUST NOT generate a message that includes line
                    // folding" (§5.2), nor whitespace before the first field (§2.2).
                    b' ' | b'\t' => return Err(Violation::LineFolded),
                    b'\n' => return Err(Violation::LineEnd),
                    _ if self.spans.len() >= bounds.max_fields => {
                        return Err(Violation::TooManyFields);
                    }
                    _ => self.at = At::Name,
                },
                At::Name => {
                    self.pos += chars::token_len(&bytes[self.pos..end]);
                    match bytes[..end].get(self.pos) {
                        None => {}
                        Some(b':') if self.pos > self.line => {
                            self.name_end = self.pos;
                            self.pos += 1;
                            self.at = At::BeforeValue;
                        }
                        // "No whitespace is allowed between the field name and colon" (§5.1).
                        Some(b' ' | b'\t') => return Err(Violation::SpaceBeforeColon),
                        Some(_) => return Err(Violation::FieldName),
                    }
                }
                At::BeforeValue => match byte {
                    b' ' | b'\t' => self.pos += 1,
                    _ => {
                        self.value = self.pos;
                        self.at = At::Value;
                    }
                },
                At::Value => {
                    self.pos += chars::value_len(&bytes[self.pos..end]);
                    match bytes[..end].get(self.pos) {
                        None => {}
                        Some(b'\r') => {
                            self.pos += 1;
                            self.at = At::LineFeed;
                        }
                        Some(b'\n') => return Err(Violation::LineEnd),
                        Some(_) => return Err(Violation::FieldValue),
                    }
                }
                At::LineFeed => {
                    if byte != b'\n' {
                        return Err(Violation::LineEnd);
                    }
                    let value = chars::trim_end(&bytes[self.value..self.pos - 1]);
                    let value = (self.value, self.value + value.len());
                    self.push(bytes, (self.line, self.name_end), value, &mut on_field)?;
                    self.pos += 1;
                    self.line = self.pos;
                    self.at = At::LineStart;
                }
                At::LastLineFeed => {
                    if byte != b'\n' {
                        return Err(Violation::LineEnd);
                    }
                    self.pos += 1;
                    return Ok(Some(self.pos));
                }
            }
        }
    }

    /// Reads lines as long as they are whole and right, as nearly all are. For any
    /// other the slow way finds out why, and goes on whenever there is more.
    #[inline]
    fn whole_lines(
        &mut self,
        bytes: &[u8],
        bounds: &Bounds,
        on_field: &mut impl FnMut(usize, &[u8], &[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut start = self.line;
        while self.spans.len() < bounds.max_fields
            && let Some(rest) = bytes.get(start..bounds.end(start, bytes))
            && let Some(line) = Line::find(rest)
        {
            let value = start + line.value;
            let value = (value, value + line.value_len);
            self.push(bytes, (start, start + line.name_len), value, on_field)?;
            start += line.len;
        }
        self.line = start;
        self.pos = start;
        Ok(())
    }

    /// Takes note of the line whose parts are known.
    #[inline(always)]
    fn push(
        &mut self,
        bytes: &[u8],
        name: (usize, usize),
        value: (usize, usize),
        on_field: &mut impl FnMut(usize, &[u8], &[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        on_field(self.spans.len(), &bytes[name.0..name.1], &bytes[value.0..value.1])?;
        let (name, value) = (Span::new(name.0, name.1), Span::new(value.0, value.1));
        self.spans.push(FieldSpan { name, value });
        Ok(())
    }
}

/// A field line that is whole and right; offsets count from its first byte.
struct Line {
    name_len: usize,
    value: usize,
    value_len: usize,
    /// With the CRLF.
    len: usize,
}

impl Line {
    /// The line that `bytes` begin with, if it is one.
    #[inline(always)]
    fn find(bytes: &[u8]) -> Option<Self> {
        let name_len = chars::token_len(bytes);
        if name_len == 0 || bytes.get(name_len) != Some(&b':') {
            return None;
        }
        let mut value = name_len + 1;
        while matches!(bytes.get(value), Some(b' ' | b'\t')) {
            value += 1;
        }
        let rest = bytes.get(value..)?;
        let (content, after) = rest.split_at(chars::value_len(rest));
        if !after.starts_with(b"\r\n") {
            return None;
        }
        let len = value + content.len() + 2;
        Some(Self { name_len, value, value_len: chars::trim_end(content).len(), len })
    }
}
