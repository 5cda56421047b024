//! Response heads, as offsets into the caller's buffer: the client's side.
//!
//! Source: RFC 9112 §4–§6, §9.3.

use super::body::BodyFraming;
use super::error::Violation;
use super::fields::{FieldSpan, Fields, list};
use super::limits::Limits;
use super::request_line::Version;
use super::scan::by_fastest;
use super::section::{Bounds, Section};
use super::semantics::MessageSemantics;
use super::status::Status;
use super::status_line::StatusLine;

/// Finds the next response head in the bytes that a connection reads. Used like
/// [`RequestParser`](super::RequestParser), and as strict.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{BodyFraming, Limits, ResponseFraming, ResponseParser, Status};
///
/// let mut parser = ResponseParser::new(Limits::default());
/// let read = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope";
/// let head = parser.parse(read)?.expect("complete");
/// assert_eq!(head.status(), Status::NOT_FOUND);
/// let framing = head.framing("GET");
/// assert_eq!(framing, ResponseFraming::Delimited(BodyFraming::Length(4)));
/// assert_eq!(&read[head.len()..], b"nope");
/// # Ok::<(), seawall_codec::http::Violation>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseParser {
    limits: Limits,
    /// `None` before the first byte of a response, and after its head.
    line: Option<StatusLine>,
    /// The status line, once it is complete.
    start: Option<(Version, Status)>,
    section: Section,
    semantics: MessageSemantics,
}

impl ResponseParser {
    /// A parser for the first response of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads the head at the beginning of `bytes`; `None` means that more bytes are
    /// needed. After a head was given, the next call begins with the next response,
    /// as after an interim one (1xx).
    ///
    /// # Errors
    ///
    /// A [`Violation`] at the first byte that makes the head wrong.
    pub fn parse<'p>(&'p mut self, bytes: &'p [u8]) -> Result<Option<ResponseHead<'p>>, Violation> {
        let (version, status) = match self.start {
            Some(start) => start,
            None => {
                let line = self.line.get_or_insert_default();
                let Some(parts) = line.parse(bytes, self.limits.max_head)? else {
                    return Ok(None);
                };
                self.semantics = MessageSemantics::default();
                self.section.restart(parts.end);
                *self.start.insert((parts.version, parts.status))
            }
        };
        let bounds = Bounds {
            max_line: self.limits.max_field_line,
            max_end: self.limits.max_head.min(u32::MAX as usize),
            max_fields: self.limits.max_fields,
            over: Violation::HeadTooLong,
        };
        let semantics = &mut self.semantics;
        let section = &mut self.section;
        let mut on_field =
            |_, field: &FieldSpan| semantics.field(field.name.of(bytes), field.value.of(bytes));
        let end = by_fastest!(scan => section.parse(scan, bytes, &bounds, &mut on_field));
        let Some(len) = end? else { return Ok(None) };
        self.semantics.finish(version)?;
        self.line = None;
        self.start = None;
        let fields = Fields::new(&self.section.spans, bytes);
        Ok(Some(ResponseHead { status, version, fields, semantics: &self.semantics, len }))
    }
}

/// How the content of a response is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseFraming {
    /// As the content of a request.
    Delimited(BodyFraming),
    /// It ends when the server closes the connection, complete or not.
    UntilClose,
}

/// A response head that was found to be right.
#[derive(Clone, Debug)]
pub struct ResponseHead<'a> {
    status: Status,
    version: Version,
    fields: Fields<'a>,
    semantics: &'a MessageSemantics,
    len: usize,
}

impl<'a> ResponseHead<'a> {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// All fields in the order received.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        self.fields.clone()
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

    /// How the content is delimited, in answer to a request with this method.
    #[must_use]
    pub fn framing(&self, request_method: &str) -> ResponseFraming {
        let tunnel = request_method == "CONNECT" && matches!(self.status.code(), 200..=299);
        if request_method == "HEAD" || tunnel || self.status.is_without_content() {
            return ResponseFraming::Delimited(BodyFraming::None);
        }
        match self.semantics.framing() {
            Some(framing) => ResponseFraming::Delimited(framing),
            None => ResponseFraming::UntilClose,
        }
    }

    /// Whether the server lets the connection persist after this response, as far as
    /// its fields say; content that ends with the connection says otherwise.
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        self.semantics.keep_alive(self.version)
    }

    /// Whether the server switches to `protocol`: 101, Connection lists `upgrade`, and
    /// Upgrade names the protocol, in any case, and no other (RFC 9110 §7.8).
    #[must_use]
    pub fn is_upgrade_to(&self, protocol: &str) -> bool {
        let mut named = self.values("upgrade").flat_map(list);
        self.status == Status::SWITCHING_PROTOCOLS
            && self.semantics.upgrade
            && named.next().is_some_and(|name| name.eq_ignore_ascii_case(protocol.as_bytes()))
            && named.next().is_none()
    }

    /// Length of the head in bytes: what follows is content, or the next protocol.
    #[expect(clippy::len_without_is_empty, reason = "a head is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// Status and number of fields, after every way to cut the head in two.
    fn parse(head: &str) -> Result<Option<(u16, usize)>, Violation> {
        let brief = |head: Option<ResponseHead<'_>>| {
            head.map(|head| (head.status().code(), head.fields().len()))
        };
        let whole = ResponseParser::new(Limits::default()).parse(head.as_bytes()).map(brief);
        for at in 0..=head.len() {
            let mut parser = ResponseParser::new(Limits::default());
            let mut split = parser.parse(&head.as_bytes()[..at]).map(brief);
            if split == Ok(None) {
                split = parser.parse(head.as_bytes()).map(brief);
            }
            assert_eq!(split, whole, "split at {at}: {head:?}");
        }
        whole
    }

    #[test]
    fn status_lines() {
        for (line, expected) in [
            ("HTTP/1.1 200 OK\r\n", Ok(Some((200, 0)))),
            ("HTTP/1.1 200 \r\n", Ok(Some((200, 0)))),
            ("HTTP/1.1 200\r\n", Ok(Some((200, 0)))),
            ("HTTP/1.0 999 any \u{e9} text\r\n", Ok(Some((999, 0)))),
            ("HTTP/1.1 099 Low\r\n", Err(Violation::StatusLine)),
            ("HTTP/1.1 2000 Four\r\n", Err(Violation::StatusLine)),
            ("HTTP/1.1  200 OK\r\n", Err(Violation::StatusLine)),
            ("HTTP/1.1 20x OK\r\n", Err(Violation::StatusLine)),
            ("HTTP/1.1 200 O\0K\r\n", Err(Violation::StatusLine)),
            ("HTTP/1.1 200 OK\n", Err(Violation::LineEnd)),
            ("HTTP/1.1 200 OK\rX", Err(Violation::LineEnd)),
            ("HTTP/2.0 200 OK\r\n", Err(Violation::VersionUnsupported)),
            ("ICY 200 OK\r\n", Err(Violation::StatusLine)),
        ] {
            let head = [line, "\r\n"].concat();
            assert_eq!(parse(&head), expected, "{line:?}");
        }
    }

    #[test]
    fn framing() {
        use super::BodyFraming::{Chunked, Length, None};
        let framing = |method: &str, status: u16, fields: &str| {
            let head = std::format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
            let mut parser = ResponseParser::new(Limits::default());
            parser.parse(head.as_bytes()).map(|head| head.expect("complete").framing(method))
        };
        let delimited = |framing| Ok(ResponseFraming::Delimited(framing));
        let length = "Content-Length: 5\r\n";
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(framing("GET", 200, length), delimited(Length(5)));
        assert_eq!(framing("GET", 200, chunked), delimited(Chunked));
        assert_eq!(framing("GET", 200, ""), Ok(ResponseFraming::UntilClose));
        assert_eq!(framing("GET", 200, "Content-Length: 0\r\n"), delimited(None));
        assert_eq!(framing("HEAD", 200, length), delimited(None));
        assert_eq!(framing("GET", 304, length), delimited(None));
        assert_eq!(framing("GET", 204, ""), delimited(None));
        assert_eq!(framing("CONNECT", 200, ""), delimited(None));
        let both = String::from(length) + chunked;
        assert_eq!(framing("GET", 200, &both), Err(Violation::TransferEncodingWithLength));
    }

    #[test]
    fn an_interim_response_and_the_final_one() {
        let read = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let mut parser = ResponseParser::new(Limits::default());
        let interim = parser.parse(read).expect("valid").expect("complete");
        assert!(interim.status().is_informational() && interim.keep_alive());
        let rest = &read[interim.len()..];
        let head = parser.parse(rest).expect("valid").expect("complete");
        assert_eq!((head.status(), head.keep_alive()), (Status::OK, false));
    }
}
