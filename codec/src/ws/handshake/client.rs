//! The client's side: the request, and whether the response accepts it.
//!
//! Source: RFC 6455 §4.1.

use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::accept_key;
use super::server::PROTOCOL;
use crate::http::{self, RequestWriter, ResponseHead, Status};
#[cfg(feature = "deflate")]
use crate::ws::deflate::Agreed;

/// An opening handshake that this client sends.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Limits, ResponseParser};
/// use seawall_codec::ws::handshake::Client;
///
/// let client = Client::new(*b"the sample nonce"); // random in earnest
/// let mut out = Vec::new();
/// client.request("example.org", "/chat", &["chat"], &mut out)?.end();
/// assert!(out.ends_with(
///     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n"
/// ));
///
/// let mut parser = ResponseParser::new(Limits::default());
/// let read = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
/// let head = parser.parse(read)?.expect("complete");
/// assert_eq!(client.check(&head, &["chat"])?.subprotocol, Some("chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Sec-WebSocket-Key.
    key: [u8; 24],
    #[cfg(feature = "deflate")]
    deflate: Option<Agreed>,
}

/// What a server accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Accepted<'o> {
    /// The subprotocol that it selected among those offered.
    pub subprotocol: Option<&'o str>,
    /// permessage-deflate, for [`set_deflate`](crate::ws::Connection::set_deflate).
    #[cfg(feature = "deflate")]
    pub deflate: Option<Agreed>,
}

impl Client {
    /// A handshake with this nonce, chosen at random for each connection (§4.1).
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut key = [b'='; 24];
        // 16 bytes are 24 in base64, always.
        let _ = STANDARD.encode_slice(nonce, &mut key);
        Self {
            key,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Offers permessage-deflate, too.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, options: &crate::ws::deflate::Options) -> Self {
        Self { deflate: Some(Agreed::offer(options)), ..self }
    }

    /// Appends the request save its empty line, so that the caller may add fields of
    /// its own, such as Origin, then [`end`](RequestWriter::end) it. `host` is the
    /// host, with the port unless it is the scheme's own; `target` is path and query.
    ///
    /// # Errors
    ///
    /// [`http::Misuse`] if one of the strings may not stand where it belongs; nothing
    /// was written.
    pub fn request<'o>(
        &self,
        host: &str,
        target: &str,
        subprotocols: &[&str],
        out: &'o mut Vec<u8>,
    ) -> Result<RequestWriter<'o>, http::Misuse> {
        let mut head = RequestWriter::new("GET", target, out)?;
        head.field("Host", host)?;
        head.field("Upgrade", PROTOCOL)?;
        head.field("Sec-WebSocket-Key", self.key)?;
        head.field("Sec-WebSocket-Version", "13")?;
        if !subprotocols.is_empty() {
            head.field("Sec-WebSocket-Protocol", subprotocols.join(", "))?;
        }
        #[cfg(feature = "deflate")]
        if let Some(offer) = &self.deflate {
            head.field("Sec-WebSocket-Extensions", offer.to_offer())?;
        }
        Ok(head)
    }

    /// Checks the response, and gives what the server accepted; `offered` are the
    /// subprotocols of the request. An interim response (1xx other than 101) is not for here.
    ///
    /// # Errors
    ///
    /// A [`Failure`]: the connection must be closed, save that a status other than 101
    /// may be acted upon, as by following a redirect.
    pub fn check<'o>(
        &self,
        head: &ResponseHead<'_>,
        offered: &[&'o str],
    ) -> Result<Accepted<'o>, Failure> {
        if head.status() != Status::SWITCHING_PROTOCOLS {
            return Err(Failure::Status(head.status()));
        }
        if !head.is_upgrade_to(PROTOCOL) {
            return Err(Failure::Upgrade);
        }
        let mut accepts = head.values("sec-websocket-accept");
        if accepts.next() != Some(&accept_key(&self.key)) || accepts.next().is_some() {
            return Err(Failure::Accept);
        }
        #[cfg(not(feature = "deflate"))]
        if head.field("sec-websocket-extensions").is_some() {
            return Err(Failure::Extension); // none was offered
        }
        let mut selected = head.values("sec-websocket-protocol");
        let subprotocol = match (selected.next(), selected.next()) {
            (None, _) => None,
            (Some(name), None) => {
                let known = offered.iter().find(|offered| offered.as_bytes() == name);
                Some(*known.ok_or(Failure::Subprotocol)?)
            }
            (Some(_), Some(_)) => return Err(Failure::Subprotocol),
        };
        Ok(Accepted {
            subprotocol,
            #[cfg(feature = "deflate")]
            deflate: self.accepted_deflate(head)?,
        })
    }

    /// What the server made of the offer. Anything that was not offered is a failure.
    #[cfg(feature = "deflate")]
    fn accepted_deflate(&self, head: &ResponseHead<'_>) -> Result<Option<Agreed>, Failure> {
        let mut extensions = Vec::new();
        for value in head.values("sec-websocket-extensions") {
            extensions.append(&mut super::extensions::parse(value).ok_or(Failure::Extension)?);
        }
        match (&extensions[..], &self.deflate) {
            ([], _) => Ok(None),
            ([response], Some(offer)) => {
                Agreed::from_response(response, offer).map(Some).ok_or(Failure::Extension)
            }
            _ => Err(Failure::Extension),
        }
    }
}

/// Why a response does not complete the opening handshake.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Sec-WebSocket-Accept is missing, repeated, or answers another key.
    #[error("wrong Sec-WebSocket-Accept (RFC 6455 §4.1)")]
    Accept,
    /// An extension that was not offered.
    #[error("extension that was not offered (RFC 6455 §4.1)")]
    Extension,
    /// The server answered with another status.
    #[error("status {0} instead of 101 (RFC 6455 §4.1)")]
    Status(Status),
    /// A subprotocol that was not offered, or more than one.
    #[error("subprotocol that was not offered (RFC 6455 §4.1)")]
    Subprotocol,
    /// Upgrade or Connection does not say that the protocol is switched.
    #[error("response does not upgrade to websocket (RFC 6455 §4.1)")]
    Upgrade,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Limits, RequestParser, ResponseParser};
    use crate::ws::handshake::Request;
    use std::format;
    use std::vec;

    const RIGHT: &str = "Upgrade: WebSocket\r\nConnection: upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn check(status: &str, fields: &str) -> Result<Option<&'static str>, Failure> {
        let response = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
        let mut parser = ResponseParser::new(Limits::default());
        let head = parser.parse(response.as_bytes()).expect("valid").expect("complete");
        let client = Client::new(*b"the sample nonce");
        client.check(&head, &["soap", "wamp"]).map(|accepted| accepted.subprotocol)
    }

    #[test]
    fn responses() {
        let with = |field: &str| check("101 X", &format!("{RIGHT}{field}\r\n"));
        assert_eq!(check("101 X", RIGHT), Ok(None));
        assert_eq!(with("Sec-WebSocket-Protocol: wamp"), Ok(Some("wamp")));
        assert_eq!(with("Sec-WebSocket-Protocol: WAMP"), Err(Failure::Subprotocol));
        assert_eq!(with("Sec-WebSocket-Protocol: soap, wamp"), Err(Failure::Subprotocol));
        assert_eq!(with("Sec-WebSocket-Extensions: permessage-deflate"), Err(Failure::Extension));
        assert_eq!(with("Sec-WebSocket-Accept: x"), Err(Failure::Accept));
        assert_eq!(with("Upgrade: h2c"), Err(Failure::Upgrade));
        assert_eq!(check("101 X", &RIGHT.replace("s3p", "S3p")), Err(Failure::Accept));
        assert_eq!(check("101 X", &RIGHT.replace("upgrade", "close")), Err(Failure::Upgrade));
        assert_eq!(check("200 OK", RIGHT), Err(Failure::Status(Status::OK)));
    }

    #[test]
    fn both_sides_agree() {
        let client = Client::new([7; 16]);
        let mut wire = vec![];
        client.request("h:80", "/chat?a=b", &["soap", "wamp"], &mut wire).expect("legal").end();
        let mut parser = RequestParser::new(Limits::default());
        let head = parser.parse(&wire).expect("valid").expect("complete");
        let request = Request::new(&head).expect("right");
        let mut answer = vec![];
        request.respond(request.select(&["wamp"]), &mut answer).expect("offered").end();
        let mut parser = ResponseParser::new(Limits::default());
        let head = parser.parse(&answer).expect("valid").expect("complete");
        let accepted = client.check(&head, &["soap", "wamp"]).expect("right");
        assert_eq!(accepted.subprotocol, Some("wamp"));
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn both_sides_agree_on_compression() {
        use crate::ws::deflate::Options;

        let options = Options { server_max_window_bits: 10, ..Options::default() };
        let client = Client::new([7; 16]).with_deflate(&options);
        let mut wire = vec![];
        client.request("h", "/", &[], &mut wire).expect("legal").end();
        let mut parser = RequestParser::new(Limits::default());
        let head = parser.parse(&wire).expect("valid").expect("complete");
        let mut request = Request::new(&head).expect("right");
        let server = Options { client_max_window_bits: 11, ..Options::default() };
        let agreed = request.negotiate_deflate(&server).expect("acceptable");
        let mut answer = vec![];
        request.respond(None, &mut answer).expect("no subprotocol").end();
        let mut parser = ResponseParser::new(Limits::default());
        let head = parser.parse(&answer).expect("valid").expect("complete");
        assert_eq!(client.check(&head, &[]).expect("right").deflate, Some(agreed));
    }
}
