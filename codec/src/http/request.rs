//! Request heads, as offsets into the caller's buffer.
//!
//! Source: RFC 9112 §2–§6 and §9, RFC 9110 §5, §7.2, §10.1.1.

use core::fmt;

use super::body::BodyFraming;
use super::chars;
use super::error::Violation;
use super::fields::{Fields, Span, list};
use super::limits::Limits;
use super::request_line::{Parts, RequestLine, Version};
use super::scan::{Scan, by_fastest};
use super::section::{Bounds, Section};
use super::semantics::RequestSemantics;
use super::target::{Target, TargetForm};

/// Finds the next request head in the bytes that a connection reads.
///
/// Give it everything that has not been consumed, each time from the same first
/// byte; it goes on where it stopped. Keep one for each connection, or one for
/// each worker while no head is half read: its memory is used again.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Limits, RequestParser};
///
/// let mut parser = RequestParser::new(Limits::default());
/// let read = b"GET /a?b HTTP/1.1\r\nHost: example.org\r\n\r\nGET /next";
/// assert!(parser.parse(&read[..20])?.is_none()); // more is needed
/// let head = parser.parse(read)?.expect("complete");
/// assert_eq!((head.method(), head.path(), head.query()), ("GET", "/a", Some("b")));
/// assert_eq!(head.field("host"), Some(&b"example.org"[..]));
/// let rest = &read[head.len()..];
/// assert!(parser.parse(rest)?.is_none()); // the next request
/// # Ok::<(), seawall_codec::http::Violation>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    limits: Limits,
    line: RequestLine,
    layout: Layout,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Nothing read, or the last head was given out.
    #[default]
    Start,
    Line,
    Fields,
}

impl RequestParser {
    /// A parser for the first request of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads the head at the beginning of `bytes`; `None` means that more bytes are
    /// needed. After a head was given, the next call begins with the next request.
    ///
    /// One empty line before the request is skipped (§2.2) and counts in
    /// [`RequestHead::len`].
    ///
    /// # Errors
    ///
    /// A [`Violation`] at the first byte that makes the head wrong. What follows
    /// cannot be told apart from an attack: answer, close, and drop the parser.
    pub fn parse<'p>(&'p mut self, bytes: &'p [u8]) -> Result<Option<RequestHead<'p>>, Violation> {
        let complete = self.advance(bytes)?;
        Ok(complete.then(|| self.layout.head(bytes)))
    }

    /// As [`parse`](Self::parse), but leaves the head in the parser, where
    /// [`head`](Self::head) finds it: for callers that keep both together with the
    /// bytes. Gives whether the head is complete.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::http::{Limits, RequestParser};
    ///
    /// let mut parser = RequestParser::new(Limits::default());
    /// let read = b"GET /kept HTTP/1.1\r\nHost: h\r\n\r\n";
    /// assert!(parser.advance(read)?);
    /// let kept = (parser, read.to_vec());
    /// assert_eq!(kept.0.head(&kept.1).path(), "/kept");
    /// # Ok::<(), seawall_codec::http::Violation>(())
    /// ```
    pub fn advance(&mut self, bytes: &[u8]) -> Result<bool, Violation> {
        by_fastest!(scan => self.parse_by(scan, bytes))
    }

    /// The head that was completed last, which `bytes` begin with. Of any other bytes the
    /// parts are meaningless, or empty.
    #[must_use]
    pub fn head<'a>(&'a self, bytes: &'a [u8]) -> RequestHead<'a> {
        self.layout.head(bytes)
    }

    /// Forgets what it read, and begins anew under these limits; keeps its one
    /// allocation, for the fields.
    pub fn restart(&mut self, limits: Limits) {
        self.limits = limits;
        self.state = State::Start;
    }

    #[inline(always)]
    fn parse_by(&mut self, scan: impl Scan, bytes: &[u8]) -> Result<bool, Violation> {
        let layout = &mut self.layout;
        let max = self.limits.max_request_line.min(self.limits.max_head);
        if let State::Start = self.state {
            // Nearly always the whole line is there and right. If not, the slow way finds
            // out why, and goes on whenever there is more.
            if let Some(parts) = Parts::usual(scan, &bytes[..bytes.len().min(max)]) {
                layout.begin(&parts);
                self.state = State::Fields;
            } else {
                self.line = RequestLine::default();
                self.state = State::Line;
            }
        }
        if let State::Line = self.state {
            let Some(parts) = self.line.parse(bytes, max)? else { return Ok(false) };
            layout.begin(&parts);
            self.state = State::Fields;
        }
        let bounds = Bounds {
            max_line: self.limits.max_field_line,
            max_end: self.limits.max_head.min(u32::MAX as usize),
            max_fields: self.limits.max_fields,
            over: Violation::HeadTooLong,
        };
        let semantics = &mut layout.semantics;
        let end = layout.section.parse(
            scan,
            bytes,
            &bounds,
            #[inline(always)]
            |index, field| semantics.field(scan, index, field, bytes),
        );
        let Some(end) = end? else { return Ok(false) };
        layout.semantics.finish(layout.version)?;
        layout.len = end as u32;
        self.state = State::Start;
        Ok(true)
    }

    /// Whether part of a head was read: what a deadline for the head is about.
    #[must_use]
    pub fn is_within_head(&self) -> bool {
        !matches!(self.state, State::Start)
    }
}

/// Where the parts of a request head lie in the buffer it was parsed from.
#[derive(Clone, Debug, Default)]
struct Layout {
    method: Span,
    target: Span,
    parsed: Option<Target>,
    version: Version,
    section: Section,
    semantics: RequestSemantics,
    len: u32,
}

impl Layout {
    fn begin(&mut self, parts: &Parts) {
        self.method = Span::new(parts.method.0, parts.method.1);
        self.target = Span::new(parts.target.0, parts.target.1);
        self.parsed = Some(parts.parsed);
        self.version = parts.version;
        self.semantics = RequestSemantics::default();
        self.section.restart(parts.end);
    }

    /// With any other buffer than the one that was parsed the parts are meaningless, or empty.
    fn head<'a>(&'a self, bytes: &'a [u8]) -> RequestHead<'a> {
        RequestHead { layout: self, bytes }
    }
}

/// A request head that was found to be right.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    layout: &'a Layout,
    bytes: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// The method, a token. Its case matters (RFC 9110 §9.1).
    #[must_use]
    pub fn method(&self) -> &'a str {
        chars::ascii(self.layout.method.of(self.bytes))
    }

    /// The request target as sent.
    #[must_use]
    pub fn target(&self) -> &'a str {
        chars::ascii(self.layout.target.of(self.bytes))
    }

    /// The form of the target.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        self.layout.parsed.map_or(TargetForm::Origin, |parsed| parsed.form)
    }

    /// The path, percent-encoded as sent; `/` where an absolute form has none, and
    /// empty in authority and asterisk form.
    #[must_use]
    pub fn path(&self) -> &'a str {
        let Some(parsed) = self.layout.parsed else { return "" };
        match self.target().get(parsed.path..parsed.query).unwrap_or_default() {
            "" if parsed.form == TargetForm::Absolute => "/",
            path => path,
        }
    }

    /// The query without its `?`, percent-encoded as sent. It may hold ``{}|\^`[]``
    /// raw, as browsers send them.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.target().get(self.layout.parsed?.query..)?.strip_prefix('?')
    }

    /// The host and port that the request is for: from an absolute target, which
    /// takes precedence (RFC 9112 §3.2.2), else from Host. `None` only in HTTP/1.0.
    #[must_use]
    pub fn authority(&self) -> Option<&'a str> {
        let (start, end) = self.layout.parsed?.authority;
        if start < end {
            return self.target().get(start..end);
        }
        let span = self.layout.section.spans.get(self.layout.semantics.host?)?;
        Some(chars::ascii(span.value.of(self.bytes)))
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.layout.version
    }

    /// All fields in the order received.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(&self.layout.section.spans, self.bytes)
    }

    /// The value of the first field with this name, in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// The values of all fields with this name, in any case, in the order received.
    pub fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields().filter(move |field| field.is(name)).map(|field| field.value)
    }

    /// How the content of the request is delimited (RFC 9112 §6.3).
    #[must_use]
    pub fn framing(&self) -> BodyFraming {
        self.layout.semantics.framing()
    }

    /// Whether the client lets the connection persist after this request (RFC 9112 §9.3).
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        self.layout.semantics.message.keep_alive(self.layout.version)
    }

    /// Whether the client holds the content back until it sees 100 (Continue) or a
    /// final status (RFC 9110 §10.1.1).
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.layout.semantics.expects_continue()
    }

    /// Whether the method is HEAD.
    pub(crate) fn is_to_head(&self) -> bool {
        self.layout.method.of(self.bytes) == b"HEAD"
    }

    /// Whether there is an expectation of 100 (Continue), content or not.
    pub(crate) fn has_expectation(&self) -> bool {
        self.layout.semantics.expect_continue
    }

    /// Whether the client asks to switch to another protocol, whichever. Never in HTTP/1.0.
    pub(crate) fn has_upgrade(&self) -> bool {
        self.layout.semantics.message.upgrade && self.field("upgrade").is_some()
    }

    /// Whether the client asks to switch to `protocol`: Connection lists `upgrade`
    /// and Upgrade lists the protocol, in any case (RFC 9110 §7.8). Never in HTTP/1.0.
    #[must_use]
    pub fn wants_upgrade(&self, protocol: &str) -> bool {
        self.layout.semantics.message.upgrade
            && self
                .values("upgrade")
                .flat_map(list)
                .any(|offered| offered.eq_ignore_ascii_case(protocol.as_bytes()))
    }

    /// Length of the head in bytes: what follows in the buffer is content, or the
    /// next request.
    #[expect(clippy::len_without_is_empty, reason = "a head is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.len as usize
    }

    /// The head as received.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("fields", &self.fields())
            .field("framing", &self.framing())
            .field("keep_alive", &self.keep_alive())
            .finish()
    }
}
