//! Field lines up to the empty line: the part that requests, responses and
//! trailers share.
//!
//! Source: RFC 9112 §2.2, §5. A line is read once: when the input ends within it,
//! the next call goes on at the very byte where this one stopped, so that a head
//! that arrives byte by byte costs no more than one that arrives whole, and what
//! is refused does not depend on how the bytes were split.

use alloc::vec::Vec;

use super::chars::{self, TOKEN, VALUE};
use super::error::Violation;
use super::fields::{FieldSpan, Span};
use super::scan::{Scan, Words};

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
    /// What of `bytes` is looked at for a line that begins at `line`; to reach the end
    /// where there is more is the violation.
    #[inline]
    fn of<'b>(&self, line: usize, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[..bytes.len().min(line.saturating_add(self.max_line)).min(self.max_end)]
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
    /// `on_field` sees index and place of each field as its line ends.
    #[inline(always)]
    pub(crate) fn parse(
        &mut self,
        scan: impl Scan,
        bytes: &[u8],
        bounds: &Bounds,
        mut on_field: impl FnMut(usize, &FieldSpan) -> Result<(), Violation>,
    ) -> Result<Option<usize>, Violation> {
        loop {
            if let At::LineStart = self.at {
                // Nearly all lines are whole and right. For any other the slow way finds out
                // why, and goes on whenever there is more.
                let mut start = self.line;
                while self.spans.len() < bounds.max_fields
                    && let Some((field, end)) = whole_line(scan, bounds.of(start, bytes), start)
                {
                    on_field(self.spans.len(), &field)?;
                    self.spans.push(field);
                    start = end;
                }
                self.line = start;
                self.pos = start;
            }
            match self.next(bytes, bounds)? {
                Some(Next::Field(field)) => {
                    on_field(self.spans.len(), &field)?;
                    self.spans.push(field);
                }
                Some(Next::End) => return Ok(Some(self.pos)),
                None => return Ok(None),
            }
        }
    }

    /// Reads on, to the end of the line at most.
    fn next(&mut self, bytes: &[u8], bounds: &Bounds) -> Result<Option<Next>, Violation> {
        let line = bounds.of(self.line, bytes);
        if let (At::LineStart, Some(b"\r\n")) = (self.at, line.get(self.pos..self.pos + 2)) {
            self.pos += 2;
            return Ok(Some(Next::End));
        }
        loop {
            let Some(&byte) = line.get(self.pos) else {
                return if line.len() == bytes.len() {
                    Ok(None)
                } else if line.len() == bounds.max_end {
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
                    self.pos = Words.skip::<TOKEN>(line, self.pos);
                    match line.get(self.pos) {
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
                    self.pos = Words.skip::<VALUE>(line, self.pos);
                    match line.get(self.pos) {
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
                    let name = Span::new(self.line, self.name_end);
                    let value = trimmed(line, self.value, self.pos - 1);
                    self.pos += 1;
                    self.line = self.pos;
                    self.at = At::LineStart;
                    return Ok(Some(Next::Field(FieldSpan { name, value })));
                }
                At::LastLineFeed => {
                    if byte != b'\n' {
                        return Err(Violation::LineEnd);
                    }
                    self.pos += 1;
                    return Ok(Some(Next::End));
                }
            }
        }
    }
}

/// What the slow way found.
enum Next {
    Field(FieldSpan),
    /// The empty line.
    End,
}

/// The field line that begins at `start`, and where it ends, if it is whole and right.
#[inline(always)]
fn whole_line(scan: impl Scan, bytes: &[u8], start: usize) -> Option<(FieldSpan, usize)> {
    if start > bytes.len() {
        return None;
    }
    // What a name holds a value may hold, too, so the end can be found without waiting
    // for the name's, and the next line be begun meanwhile.
    let end = scan.skip::<VALUE>(bytes, start);
    if !bytes[end..].starts_with(b"\r\n") {
        return None;
    }
    let name_end = scan.skip::<TOKEN>(bytes, start);
    if name_end == start || bytes[name_end] != b':' {
        return None;
    }
    let mut value = name_end + 1;
    while matches!(bytes[value], b' ' | b'\t') {
        value += 1;
    }
    let name = Span::new(start, name_end);
    Some((FieldSpan { name, value: trimmed(bytes, value, end) }, end + 2))
}

/// The value that begins at `start`, without the whitespace before `end`.
#[inline(always)]
fn trimmed(bytes: &[u8], start: usize, end: usize) -> Span {
    Span::new(start, start + chars::trim_end(&bytes[start..end]).len())
}
