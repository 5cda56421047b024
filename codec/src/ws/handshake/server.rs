//! The server's side: is this request a right opening handshake, and the answer.
//!
//! Source: RFC 6455 §4.2 and §4.4; RFC 9110 §7.8, §10.1.1, §15.5.6, §15.5.22.

use alloc::borrow::Cow;
#[cfg(feature = "deflate")]
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::extensions;
use super::key::{accept_key, is_key};
use crate::http::{self, BodyFraming, Exchange, RequestHead, ResponseWriter, Status, Version};
#[cfg(feature = "deflate")]
use crate::ws::deflate::{Agreed, Options};
use crate::ws::error::Misuse;

/// The protocol that Upgrade names, either way.
pub const PROTOCOL: &str = "websocket";

/// An opening handshake that a client sent and that is right.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Limits, RequestParser};
/// use seawall_codec::ws::handshake::Request;
///
/// let mut parser = RequestParser::new(Limits::default());
/// let read = b"GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Sec-WebSocket-Protocol: soap, wamp\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// let head = parser.parse(read)?.expect("complete");
///
/// let request = Request::new(&head)?;
/// let mut out = Vec::new();
/// request.respond(request.select(&["wamp"]), &mut out)?.end();
/// assert_eq!(
///     out,
///     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: wamp\r\n\r\n"
/// );
/// // What follows in `read` behind `head.len()` is already WebSocket frames.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    head: RequestHead<'a>,
    accept: [u8; 28],
    #[cfg(feature = "deflate")]
    deflate: Option<Agreed>,
}

impl<'a> Request<'a> {
    /// Checks a request head against §4.2.1.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] that applies.
    pub fn new(head: &RequestHead<'a>) -> Result<Self, Refusal> {
        if head.version() < Version::Http11 || !head.wants_upgrade(PROTOCOL) {
            return Err(Refusal::NoUpgrade);
        }
        if head.method() != "GET" {
            return Err(Refusal::Method);
        }
        if head.framing() != BodyFraming::None {
            return Err(Refusal::Content);
        }
        // The two fields "MUST NOT appear more than once" (§11.3.1, §11.3.5).
        let Some(b"13") = only(head.values("sec-websocket-version")) else {
            return Err(Refusal::Version);
        };
        let Some(key) = only(head.values("sec-websocket-key")).filter(|key| is_key(key)) else {
            return Err(Refusal::Key);
        };
        // "If a value is received … that does not conform to the ABNF …, the recipient of
        // such malformed data MUST immediately _Fail the WebSocket Connection_" (§9.1),
        // whether it knows extensions or not.
        if head.values("sec-websocket-extensions").any(|value| extensions::parse(value).is_none()) {
            return Err(Refusal::Extensions);
        }
        Ok(Self {
            head: *head,
            accept: accept_key(key),
            #[cfg(feature = "deflate")]
            deflate: None,
        })
    }

    /// The request head: target, Origin, Cookie and what else the server decides by.
    #[must_use]
    pub fn head(&self) -> RequestHead<'a> {
        self.head
    }

    /// The subprotocols that the client offers, the preferred ones first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.head
            .values("sec-websocket-protocol")
            .flat_map(http::list)
            .filter_map(|token| core::str::from_utf8(token).ok())
    }

    /// The client's first choice among the subprotocols that `supported` names.
    #[must_use]
    pub fn select(&self, supported: &[&str]) -> Option<&'a str> {
        self.subprotocols().find(|offered| supported.contains(offered))
    }

    /// Settles permessage-deflate: the first of the client's offers that `options`
    /// allow. The response then says so, and the connection must be told by
    /// [`set_deflate`](crate::ws::Connection::set_deflate).
    ///
    /// `None` if nothing acceptable was offered.
    #[cfg(feature = "deflate")]
    #[must_use = "the response promises what was agreed"]
    pub fn negotiate_deflate(&mut self, options: &Options) -> Option<Agreed> {
        let values = self.head.values("sec-websocket-extensions");
        let offers: Vec<_> = values.filter_map(extensions::parse).flatten().collect();
        self.deflate = Agreed::from_offers(&offers, options);
        self.deflate
    }

    /// Appends the 101 response save its empty line, so that the caller may add
    /// fields of its own, then [`end`](ResponseWriter::end) it. `subprotocol` must be
    /// one that the client offered. A client that waits for 100 gets that first
    /// (RFC 9110 §7.8).
    ///
    /// # Errors
    ///
    /// [`Misuse::Subprotocol`] if the client did not offer it; nothing was written.
    pub fn respond<'o>(
        &self,
        subprotocol: Option<&str>,
        out: &'o mut Vec<u8>,
    ) -> Result<ResponseWriter<'o>, Misuse> {
        let fields = self.fields(subprotocol)?;
        // `new` has seen that the client asks for it.
        let mut writer = Exchange::new(&self.head).begin_switch(out);
        for (name, value) in [("Upgrade", PROTOCOL.into())].into_iter().chain(fields) {
            // A token, base64, or a value that was checked when it came in.
            let _ = writer.field(name, &*value);
        }
        Ok(writer)
    }

    /// What [`respond`](Self::respond) writes besides [`Upgrade`](PROTOCOL) and
    /// Connection, for those who write the 101 response by other means.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn fields(
        &self,
        subprotocol: Option<&str>,
    ) -> Result<impl Iterator<Item = (&'static str, Cow<'_, str>)>, Misuse> {
        let selected = match subprotocol {
            Some(name) => {
                let offered = self.subprotocols().find(|offered| *offered == name);
                Some(("Sec-WebSocket-Protocol", offered.ok_or(Misuse::Subprotocol)?.into()))
            }
            None => None,
        };
        #[cfg(feature = "deflate")]
        let extension =
            self.deflate.map(|agreed| ("Sec-WebSocket-Extensions", agreed.to_string().into()));
        #[cfg(not(feature = "deflate"))]
        let extension = None;
        // Base64, always.
        let accept = core::str::from_utf8(&self.accept).unwrap_or_default();
        let fields = [("Sec-WebSocket-Accept", accept.into())];
        Ok(fields.into_iter().chain(selected).chain(extension))
    }
}

/// Why a request is no opening handshake, and what to answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request has content, which would be taken for frames.
    #[error("opening handshake with content (RFC 6455 §4.2.1)")]
    Content,
    /// Sec-WebSocket-Extensions does not fit its grammar.
    #[error("malformed Sec-WebSocket-Extensions (RFC 6455 §9.1)")]
    Extensions,
    /// Sec-WebSocket-Key is missing, repeated, or not 16 bytes in base64.
    #[error("missing or invalid Sec-WebSocket-Key (RFC 6455 §4.2.1)")]
    Key,
    /// The method is not GET.
    #[error("opening handshake with a method other than GET (RFC 6455 §4.2.1)")]
    Method,
    /// The request does not ask to switch to `websocket`, or speaks HTTP/1.0.
    #[error("no upgrade to websocket (RFC 6455 §4.2.1)")]
    NoUpgrade,
    /// Sec-WebSocket-Version is not one `13`.
    #[error("unknown Sec-WebSocket-Version (RFC 6455 §4.4)")]
    Version,
}

impl Refusal {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Content | Self::Extensions | Self::Key => Status::BAD_REQUEST,
            Self::Method => Status::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::Version => Status::UPGRADE_REQUIRED,
        }
    }

    /// Appends the response save its empty line, with the fields that must go with
    /// the status; the caller adds what it likes, the framing included.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::ws::handshake::Refusal;
    ///
    /// let mut out = Vec::new();
    /// let mut head = Refusal::Version.respond(&mut out);
    /// head.content_length(0)?;
    /// head.end();
    /// assert_eq!(
    ///     out,
    ///     b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    /// );
    /// # Ok::<(), seawall_codec::http::Misuse>(())
    /// ```
    pub fn respond(self, out: &mut Vec<u8>) -> ResponseWriter<'_> {
        let mut writer = ResponseWriter::new(self.status(), out);
        for (name, value) in self.fields() {
            // Constants that may stand in a field.
            let _ = writer.field(name, value);
        }
        writer
    }

    /// The fields that must go with the status, for those who write the response by
    /// other means than [`respond`](Self::respond), but for Connection, which goes with Upgrade.
    #[must_use]
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Content | Self::Extensions | Self::Key => &[],
            Self::Method => &[("Allow", "GET")],
            // "A server that sends a 426 … MUST send an Upgrade header field"
            // (RFC 9110 §15.5.22), and the versions it knows (RFC 6455 §4.4).
            Self::NoUpgrade | Self::Version => {
                &[("Upgrade", PROTOCOL), ("Sec-WebSocket-Version", "13")]
            }
        }
    }
}

/// The only item of `items`.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}
