//! The client's side: the request, and whether the response accepts it.
//!
//! Source: RFC 6455 §4.1.

use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::accept_key;
use crate::http::{self, RequestWriter, ResponseHead, Status, list};

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
/// assert_eq!(client.check(&head, &["chat"])?, Some("chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Sec-WebSocket-Key.
    key: [u8; 24],
}

impl Client {
    /// A handshake with this nonce, chosen at random for each connection (§4.1).
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut key = [b'='; 24];
        // 16 bytes are 24 in base64, always.
        let _ = STANDARD.encode_slice(nonce, &mut key);
        Self { key }
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
        head.field("Upgrade", "websocket")?;
        head.field("Connection", "Upgrade")?;
        head.field("Sec-WebSocket-Key", self.key)?;
        head.field("Sec-WebSocket-Version", "13")?;
        if !subprotocols.is_empty() {
            head.field("Sec-WebSocket-Protocol", subprotocols.join(", "))?;
        }
        Ok(head)
    }

    /// Checks the response, and gives the subprotocol that the server selected among
    /// those `offered`. An interim response (1xx other than 101) is not for here.
    ///
    /// # Errors
    ///
    /// A [`Failure`]: the connection must be closed, save that a status other than 101
    /// may be acted upon, as by following a redirect.
    pub fn check<'o>(
        &self,
        head: &ResponseHead<'_>,
        offered: &[&'o str],
    ) -> Result<Option<&'o str>, Failure> {
        if head.status() != Status::SWITCHING_PROTOCOLS {
            return Err(Failure::Status(head.status()));
        }
        if !head.is_upgrade_to("websocket") {
            return Err(Failure::Upgrade);
        }
        let mut accepts = head.values("sec-websocket-accept");
        if accepts.next() != Some(&accept_key(&self.key)) || accepts.next().is_some() {
            return Err(Failure::Accept);
        }
        // None was offered, so none may come back.
        if head.values("sec-websocket-extensions").flat_map(list).next().is_some() {
            return Err(Failure::Extension);
        }
        let mut selected = head.values("sec-websocket-protocol");
        match (selected.next(), selected.next()) {
            (None, _) => Ok(None),
            (Some(name), None) => offered
                .iter()
                .find(|offered| offered.as_bytes() == name)
                .map(|offered| Some(*offered))
                .ok_or(Failure::Subprotocol),
            (Some(_), Some(_)) => Err(Failure::Subprotocol),
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
        Client::new(*b"the sample nonce").check(&head, &["soap", "wamp"])
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
        assert_eq!(client.check(&head, &["soap", "wamp"]), Ok(Some("wamp")));
    }
}
