//! What the fields of a head mean for the message and the connection: its host,
//! how long its content is, whether the connection goes on.
//!
//! Source: RFC 9112 §3.2, §6, §9.3; RFC 9110 §7.6.1, §7.8, §8.6, §10.1.1. Where an
//! RFC leaves room, the strict reading is taken: two parties that disagree about
//! where a request ends are how requests get smuggled.

use super::authority;
use super::body::BodyFraming;
use super::chars::{REG_NAME, is_keyword};
use super::error::Violation;
use super::fields::{FieldSpan, list};
use super::request_line::Version;
use super::scan::Scan;

/// What matters in requests and responses alike: framing and persistence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MessageSemantics {
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    /// Connection lists `upgrade`.
    pub(crate) upgrade: bool,
}

impl MessageSemantics {
    /// Takes note of one field line.
    #[inline]
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Violation> {
        match name.len() {
            10 if is_keyword(name, b"connection") => self.connection(value),
            14 if is_keyword(name, b"content-length") => {
                if self.content_length.is_some() {
                    return Err(Violation::ContentLengthRepeated);
                }
                self.content_length = Some(content_length(value)?);
            }
            17 if is_keyword(name, b"transfer-encoding") => {
                // Exactly one field line, exactly one coding, no parameters.
                if self.chunked || !is_keyword(value, b"chunked") {
                    return Err(Violation::TransferEncoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        // What nearly every client sends, without taking a list apart.
        if is_keyword(value, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in list(value) {
            self.close |= is_keyword(option, b"close");
            self.keep_alive |= is_keyword(option, b"keep-alive");
            self.upgrade |= is_keyword(option, b"upgrade");
        }
    }

    /// Checks what can be known only after the last field.
    pub(crate) fn finish(&mut self, version: Version) -> Result<(), Violation> {
        if self.chunked && self.content_length.is_some() {
            return Err(Violation::TransferEncodingWithLength);
        }
        if version == Version::Http10 {
            if self.chunked {
                return Err(Violation::TransferEncodingVersion);
            }
            // "MUST ignore the Upgrade header field" from HTTP/1.0 (RFC 9110 §7.8).
            self.upgrade = false;
        }
        Ok(())
    }

    /// The framing that the fields give; `None` if they are silent.
    pub(crate) fn framing(&self) -> Option<BodyFraming> {
        match (self.chunked, self.content_length) {
            (true, _) => Some(BodyFraming::Chunked),
            (false, None) => None,
            (false, Some(0)) => Some(BodyFraming::None),
            (false, Some(len)) => Some(BodyFraming::Length(len)),
        }
    }

    /// Whether the sender is willing to go on after this message (RFC 9112 §9.3).
    pub(crate) fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// What matters in a request only: its host and its expectation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestSemantics {
    pub(crate) message: MessageSemantics,
    /// The index of the Host field.
    pub(crate) host: Option<usize>,
    /// Expect is `100-continue`.
    pub(crate) expect_continue: bool,
    unknown_expectation: bool,
}

impl RequestSemantics {
    /// Takes note of the field line with this index.
    #[inline(always)]
    pub(crate) fn field(
        &mut self,
        scan: impl Scan,
        index: usize,
        field: &FieldSpan,
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let name = field.name.of(bytes);
        if !may_matter(name) {
            return Ok(());
        }
        let value = field.value.of(bytes);
        if is_keyword(name, b"host") {
            // Nearly always a registered name and no port.
            let end = scan.skip::<REG_NAME>(bytes, field.value.start());
            let is_name = end == field.value.end() && !value.is_empty();
            return self.host(index, is_name || authority::is_host(value));
        }
        self.other_field(name, value)
    }

    fn other_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Violation> {
        if is_keyword(name, b"expect") {
            self.expect(value);
            return Ok(());
        }
        self.message.field(name, value)
    }

    /// "A server MUST respond with a 400 status code to any HTTP/1.1 request message
    /// that lacks a Host header field and to any request message that contains more
    /// than one Host header field line or a Host header field with an invalid field
    /// value" (RFC 9112 §3.2).
    fn host(&mut self, index: usize, is_valid: bool) -> Result<(), Violation> {
        if self.host.is_some() {
            return Err(Violation::HostRepeated);
        }
        if !is_valid {
            return Err(Violation::HostInvalid);
        }
        self.host = Some(index);
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) {
        if is_keyword(value, b"100-continue") {
            self.expect_continue = true;
        } else {
            self.unknown_expectation = true;
        }
    }

    /// Checks what can be known only after the last field.
    pub(crate) fn finish(&mut self, version: Version) -> Result<(), Violation> {
        self.message.finish(version)?;
        match version {
            // "MUST ignore that expectation" (RFC 9110 §10.1.1).
            Version::Http10 => self.expect_continue = false,
            Version::Http11 if self.host.is_none() => return Err(Violation::HostMissing),
            Version::Http11 if self.unknown_expectation => return Err(Violation::Expectation),
            Version::Http11 => {}
        }
        Ok(())
    }

    /// A request whose fields are silent has no content (RFC 9112 §6.3).
    pub(crate) fn framing(&self) -> BodyFraming {
        self.message.framing().unwrap_or(BodyFraming::None)
    }

    /// Whether the client waits for 100 before it sends the content.
    pub(crate) fn expects_continue(&self) -> bool {
        self.expect_continue && self.framing() != BodyFraming::None
    }
}

/// Whether the name is as long as one that matters here, and begins with its letter:
/// one question for all, and for most fields the last.
#[inline]
fn may_matter(name: &[u8]) -> bool {
    const FIRST: [u8; 18] = {
        let mut first = [0; 18];
        (first["host".len()], first["expect".len()]) = (b'h', b'e');
        (first["connection".len()], first["content-length".len()]) = (b'c', b'c');
        first["transfer-encoding".len()] = b't';
        first
    };
    FIRST
        .get(name.len())
        .is_some_and(|first| name.first().is_some_and(|byte| byte | 0x20 == *first))
}

/// `Content-Length = 1*DIGIT`. A number too big for 64 bits is well-formed, and
/// too large for anyone.
fn content_length(value: &[u8]) -> Result<u64, Violation> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Violation::ContentLength);
    }
    value
        .iter()
        .try_fold(0u64, |len, digit| len.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(Violation::ContentTooLarge)
}
