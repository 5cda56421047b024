//! Fields of a head: names and values, found by offset in the caller's buffer.
//!
//! Source: RFC 9110 §5, RFC 9112 §5.

use core::fmt;
use core::slice;

use super::chars;

/// One field line. Displayed as on the wire, bytes above 0x7F escaped.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Field<'a> {
    /// The name as sent; names are equal whatever their case.
    pub name: &'a str,
    /// The value without the whitespace around it: no control byte save HTAB, and
    /// any byte above 0x7F.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether the field has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value as text, if it is UTF-8 (as ASCII is).
    #[must_use]
    pub fn value_str(&self) -> Option<&'a str> {
        core::str::from_utf8(self.value).ok()
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value.escape_ascii())
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a field lies. Four bytes each are enough: `Limits::max_head` is below 4 GiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldSpan {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// A range of the caller's buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(crate) const fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) const fn end(self) -> usize {
        self.end as usize
    }

    /// The bytes it names; none if `bytes` is not the buffer that was parsed.
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The fields of a head or a trailer section, in the order received.
#[derive(Clone)]
pub struct Fields<'a> {
    spans: slice::Iter<'a, FieldSpan>,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(spans: &'a [FieldSpan], bytes: &'a [u8]) -> Self {
        Self { spans: spans.iter(), bytes }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let span = self.spans.next()?;
        Some(Field {
            name: chars::ascii(span.name.of(self.bytes)),
            value: span.value.of(self.bytes),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The members of a comma-separated list, without the whitespace around them;
/// empty ones are left out (RFC 9110 §5.6.1.2). For lists of tokens: a comma
/// inside a quoted string would split it.
///
/// # Examples
///
/// ```
/// let members: Vec<&[u8]> = seawall_codec::http::list(b"keep-alive, ,Upgrade").collect();
/// assert_eq!(members, [&b"keep-alive"[..], b"Upgrade"]);
/// ```
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(chars::trim).filter(|member| !member.is_empty())
}
