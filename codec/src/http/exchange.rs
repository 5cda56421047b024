//! What a request allows its response to be: its framing, and whether the
//! connection goes on.
//!
//! Source: RFC 9112 §6.1, §6.3, §9.3, §9.6; RFC 9110 §7.8, §8.6, §9.3.2, §15.2, §15.3.6.

use alloc::vec::Vec;

use super::error::Misuse;
use super::request::RequestHead;
use super::request_line::Version;
use super::status::Status;
use super::writer::ResponseWriter;

/// One request and the response to come: what is left to know once the head is gone.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Exchange, Limits, RequestParser, ResponseWriter, Sending, Status};
///
/// let mut parser = RequestParser::new(Limits::default());
/// let head = parser.parse(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?.expect("complete");
/// let mut exchange = Exchange::new(&head);
///
/// let mut out = Vec::new();
/// let mut head = ResponseWriter::new(Status::OK, &mut out);
/// assert_eq!(exchange.frame(Some(5), &mut head)?, Sending::Length(5));
/// head.end();
/// assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
/// assert!(exchange.keep_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    version: Version,
    /// The method is HEAD.
    head: bool,
    keep_alive: bool,
    /// The client asks for another protocol.
    upgrade: bool,
    /// The client expects 100 (Continue), with content to come or without.
    expectation: bool,
}

/// How the content of a response must be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sending {
    /// Not at all.
    None,
    /// As exactly so many bytes.
    Length(u64),
    /// As [`chunked`](super::chunked).
    Chunked,
    /// As it is; the end is the end of the connection.
    UntilClose,
}

impl Exchange {
    /// What `head` asks for.
    #[must_use]
    pub fn new(head: &RequestHead<'_>) -> Self {
        Self {
            version: head.version(),
            head: head.is_to_head(),
            keep_alive: head.keep_alive(),
            upgrade: head.has_upgrade(),
            expectation: head.has_expectation(),
        }
    }

    /// With a client whose request could not be read, or was not waited for: its
    /// method and version are not known, so the response is one that every client
    /// understands, and the last of its connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::http::{Exchange, Limits, RequestParser, ResponseWriter};
    ///
    /// let mut parser = RequestParser::new(Limits::default());
    /// let violation = parser.parse(b"GET /\n\n").expect_err("no line end");
    ///
    /// let mut out = Vec::new();
    /// let mut head = ResponseWriter::new(violation.status(), &mut out);
    /// Exchange::unknown().frame(Some(0), &mut head)?;
    /// head.end();
    /// assert_eq!(
    ///     out,
    ///     b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    /// );
    /// # Ok::<(), seawall_codec::http::Misuse>(())
    /// ```
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            version: Version::Http10,
            head: false,
            keep_alive: false,
            upgrade: false,
            expectation: false,
        }
    }

    /// Lets this response be the last of its connection, whatever the client wishes.
    pub fn close(&mut self) {
        self.keep_alive = false;
    }

    /// Whether the connection goes on after the response. Final once
    /// [`frame`](Self::frame) was called.
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whether the client asks to go on with another protocol, so that
    /// [`switch_protocols`](Self::switch_protocols) may answer. To which, its head knows:
    /// [`RequestHead::wants_upgrade`].
    #[must_use]
    pub fn wants_upgrade(&self) -> bool {
        self.upgrade
    }

    /// Begins the response 101, with which HTTP ends on this connection: add Upgrade
    /// and what else the new protocol asks for, then [`end`](ResponseWriter::end) it; it
    /// has no framing. The request must have been read whole. A client that waits for
    /// 100 gets that first: "the server MUST send a 100 (Continue) response before
    /// sending a 101 (Switching Protocols) response" (RFC 9110 §7.8).
    ///
    /// That the protocol is one which the client named, as §7.8 demands, is for the caller
    /// to see to, by [`RequestHead::wants_upgrade`] while the head is there: an exchange
    /// outlives the head, and keeps no names so that it can be copied.
    ///
    /// # Errors
    ///
    /// [`Misuse::Upgrade`] if the client did not ask for it; nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::http::{Exchange, Limits, RequestParser};
    ///
    /// let mut parser = RequestParser::new(Limits::default());
    /// let read = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    /// let head = parser.parse(read)?.expect("complete");
    ///
    /// let mut out = Vec::new();
    /// let mut response = Exchange::new(&head).switch_protocols(&mut out)?;
    /// response.field("Upgrade", "shout")?;
    /// response.end();
    /// assert_eq!(
    ///     out,
    ///     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn switch_protocols<'o>(&self, out: &'o mut Vec<u8>) -> Result<ResponseWriter<'o>, Misuse> {
        if !self.upgrade {
            return Err(Misuse::Upgrade);
        }
        Ok(self.begin_switch(out))
    }

    /// As [`switch_protocols`](Self::switch_protocols), where the head was asked already.
    pub(crate) fn begin_switch<'o>(&self, out: &'o mut Vec<u8>) -> ResponseWriter<'o> {
        if self.expectation {
            ResponseWriter::new(Status::CONTINUE, out).end();
        }
        ResponseWriter::new(Status::SWITCHING_PROTOCOLS, out)
    }

    /// Appends the fields that delimit the content and say whether the connection
    /// goes on. `len` is the length of the content, if it is known; for HEAD, and for
    /// 304, of the content that GET, or 200, would have.
    ///
    /// # Errors
    ///
    /// [`Misuse::Framing`] if `head` has a framing already, or if its status has no
    /// content and `len` says otherwise; [`Misuse::Interim`] if its status is 1xx, which
    /// ends no exchange. Nothing was written.
    pub fn frame(
        &mut self,
        len: Option<u64>,
        head: &mut ResponseWriter<'_>,
    ) -> Result<Sending, Misuse> {
        let status = head.status();
        if status.is_informational() {
            return Err(Misuse::Interim);
        }
        let sending = match len {
            // Not framed like the other statuses without content: to the client, 205 is
            // one like 200 (§6.3).
            None | Some(0) if status == Status::RESET_CONTENT => {
                head.content_length(0)?;
                Sending::None
            }
            Some(_) if status == Status::RESET_CONTENT => return Err(Misuse::Framing),
            // 204 and 304: silent unless there is something to say.
            None | Some(0) if status.is_without_content() => Sending::None,
            Some(len) => {
                head.content_length(len)?;
                if self.head || status.is_without_content() {
                    Sending::None
                } else {
                    Sending::Length(len)
                }
            }
            None if self.version == Version::Http10 => {
                // "A server MUST NOT send a response containing Transfer-Encoding
                // unless the corresponding request indicates HTTP/1.1" (§6.1).
                if self.head {
                    Sending::None
                } else {
                    self.keep_alive = false;
                    Sending::UntilClose
                }
            }
            None => {
                head.chunked()?;
                if self.head { Sending::None } else { Sending::Chunked }
            }
        };
        match (self.keep_alive, self.version) {
            (false, _) => head.field("Connection", "close")?,
            (true, Version::Http10) => head.field("Connection", "keep-alive")?,
            (true, Version::Http11) => {}
        }
        Ok(sending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Limits, RequestParser, Status};
    use std::string::String;
    use std::vec;

    /// The sending and the fields that `request` gets.
    fn frame(
        request: &str,
        status: Status,
        len: Option<u64>,
    ) -> (Result<Sending, Misuse>, bool, String) {
        let mut parser = RequestParser::new(Limits::default());
        let head = parser.parse(request.as_bytes()).expect("valid").expect("complete");
        let mut exchange = Exchange::new(&head);
        let mut out = vec![];
        let mut writer = ResponseWriter::new(status, &mut out);
        let sending = exchange.frame(len, &mut writer);
        writer.end();
        let out = String::from_utf8(out).expect("ASCII");
        let (_, fields) = out.split_once("\r\n").expect("a status line");
        (sending, exchange.keep_alive(), fields.trim_end().into())
    }

    #[test]
    fn every_way_to_delimit() {
        let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let last = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
        let old = "GET / HTTP/1.0\r\n\r\n";
        let old_keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        let (length, chunked) = ("Content-Length: 5", "Transfer-Encoding: chunked");
        let close = "Connection: close";
        let length_close = std::format!("{length}\r\n{close}");
        let length_keep = std::format!("{length}\r\nConnection: keep-alive");
        for (request, status, len, sending, keep_alive, fields) in [
            (get, Status::OK, Some(5), Sending::Length(5), true, length),
            (get, Status::OK, None, Sending::Chunked, true, chunked),
            (last, Status::OK, Some(5), Sending::Length(5), false, &length_close),
            (head, Status::OK, Some(5), Sending::None, true, length),
            (head, Status::OK, None, Sending::None, true, chunked),
            (old, Status::OK, Some(5), Sending::Length(5), false, &length_close),
            (old, Status::OK, None, Sending::UntilClose, false, close),
            (old_keep, Status::OK, Some(5), Sending::Length(5), true, &length_keep),
            (old_keep, Status::OK, None, Sending::UntilClose, false, close),
            (get, Status::NO_CONTENT, None, Sending::None, true, ""),
            (get, Status::NO_CONTENT, Some(0), Sending::None, true, ""),
            (get, Status::RESET_CONTENT, None, Sending::None, true, "Content-Length: 0"),
            (get, Status::RESET_CONTENT, Some(0), Sending::None, true, "Content-Length: 0"),
            (get, Status::NOT_MODIFIED, Some(5), Sending::None, true, length),
            (get, Status::NOT_MODIFIED, None, Sending::None, true, ""),
        ] {
            let expected = (Ok(sending), keep_alive, fields.into());
            assert_eq!(frame(request, status, len), expected, "{request:?} {status} {len:?}");
        }
        for status in [Status::NO_CONTENT, Status::RESET_CONTENT] {
            assert_eq!(frame(get, status, Some(5)).0, Err(Misuse::Framing), "{status}");
        }
        for status in [Status::CONTINUE, Status::SWITCHING_PROTOCOLS, Status::EARLY_HINTS] {
            assert_eq!(frame(get, status, None).0, Err(Misuse::Interim), "{status}");
        }
    }

    #[test]
    fn a_request_that_was_not_read() {
        let mut out = vec![];
        for (len, sending) in [(Some(3), Sending::Length(3)), (None, Sending::UntilClose)] {
            let mut exchange = Exchange::unknown();
            let mut writer = ResponseWriter::new(Status::BAD_REQUEST, &mut out);
            assert_eq!(exchange.frame(len, &mut writer), Ok(sending));
            assert!(!exchange.keep_alive() && !exchange.wants_upgrade());
        }
    }

    #[test]
    fn another_protocol_only_when_asked_for() {
        let switch = |request: &str| {
            let mut parser = RequestParser::new(Limits::default());
            let head = parser.parse(request.as_bytes()).expect("valid").expect("complete");
            let mut out = vec![];
            Exchange::new(&head).switch_protocols(&mut out).map(ResponseWriter::end)?;
            Ok(String::from_utf8(out).expect("ASCII"))
        };
        let asks = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n";
        let switching = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(switch(&std::format!("{asks}\r\n")).as_deref(), Ok(switching));
        assert_eq!(
            switch(&std::format!("{asks}Expect: 100-continue\r\n\r\n")),
            Ok(std::format!("HTTP/1.1 100 Continue\r\n\r\n{switching}"))
        );
        for request in [
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n",
            "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        ] {
            assert_eq!(switch(request), Err(Misuse::Upgrade), "{request:?}");
        }
    }
}
