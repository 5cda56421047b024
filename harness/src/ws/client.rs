//! A WebSocket client that watches every frame it is sent.

use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use super::frame::{Frame, Parsed, opcode};
use crate::context::Context;
use crate::http::Response;
use crate::http::exchange::{Answer, next_answer};
use crate::http::template::handshake_key;
use crate::route::Route;
use crate::verdict::Verdict;
use crate::wire::{Connection, Read, Source, text};

/// RFC 6455 §1.3: what a server appends to the key before it hashes.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    random: fastrand::Rng,
    /// The message under assembly: its opcode and what has come of it.
    assembling: Option<(u8, Vec<u8>)>,
    close_seen: bool,
}

/// What the subject did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A whole message, whatever its fragments.
    Message { opcode: u8, payload: Vec<u8> },
    /// A Pong. Pings of the subject's are answered and not reported.
    Pong(Vec<u8>),
    /// A Close frame.
    Close { code: Option<u16>, reason: Vec<u8> },
    /// The connection was closed or reset.
    Ended,
    /// Nothing before the deadline.
    Silence,
    /// A frame that no server may send; which rule, and its octets.
    Fault { rule: String, octets: Vec<u8> },
}

impl Event {
    /// In words, for a verdict.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Message { opcode, payload } => {
                let kind = super::frame::opcode_name(*opcode);
                format!("{kind} {}", text::quoted(payload, 64))
            }
            Self::Pong(payload) => format!("pong {}", text::quoted(payload, 64)),
            Self::Close { code: Some(code), reason } => {
                format!("Close {code} {}", text::quoted(reason, 64))
            }
            Self::Close { code: None, .. } => "Close without a code".into(),
            Self::Ended => "the connection was closed without a Close frame".into(),
            Self::Silence => "nothing".into(),
            Self::Fault { rule, .. } => rule.clone(),
        }
    }

    /// The verdict where this is not what was expected.
    pub(crate) fn unexpected(&self, expected: impl Into<String>) -> Verdict {
        let verdict = Verdict::fail(expected, self.describe());
        match self {
            Self::Fault { octets, .. } => verdict.with(octets),
            _ => verdict,
        }
    }
}

impl Client {
    /// Connects and shakes hands.
    ///
    /// # Errors
    ///
    /// The verdict that follows from a handshake that fails.
    pub(crate) async fn open(cx: &Context, route: Route, source: Source) -> Result<Self, Verdict> {
        Self::open_with(cx, route, "", source).await
    }

    /// As [`Self::open`], with a query.
    pub(crate) async fn open_with(
        cx: &Context,
        route: Route,
        query: &str,
        source: Source,
    ) -> Result<Self, Verdict> {
        let mut connection = cx.connect(route, source).await?;
        connection.send(&handshake(cx, route, query), cx.answer_by()).await;
        Self::accept(cx, connection).await
    }

    /// Waits for the answer to a handshake that was sent with [`handshake_key`].
    pub(crate) async fn accept(cx: &Context, mut connection: Connection) -> Result<Self, Verdict> {
        let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
        let expected = "101 with the right Sec-WebSocket-Accept";
        let Answer::Response(response) = &answer else {
            return Err(Verdict::fail(expected, answer.describe()).with(connection.unread()));
        };
        if let Some(fault) = handshake_fault(response, &handshake_key(cx)) {
            return Err(Verdict::fail(expected, fault));
        }
        Ok(Self::from_upgraded(cx, connection))
    }

    /// A client on a connection whose handshake was answered 101.
    pub(crate) fn from_upgraded(cx: &Context, connection: Connection) -> Self {
        connection.upgraded();
        Self { connection, random: cx.random(), assembling: None, close_seen: false }
    }

    /// A masking key: drawn, since RFC 6455 §5.3 asks for one that cannot be foretold, but
    /// the same in every run.
    pub(crate) fn key(&mut self) -> [u8; 4] {
        self.random.u32(..).to_be_bytes()
    }

    /// Sends a frame of its own kind: final, masked, shortest length.
    pub(crate) async fn send(
        &mut self,
        opcode: u8,
        payload: impl Into<Vec<u8>>,
        deadline: Instant,
    ) -> bool {
        let mut octets = Vec::new();
        Frame::new(opcode, payload, self.key()).encode(&mut octets);
        self.connection.send(&octets, deadline).await
    }

    /// The connection beneath: to send what no frame is, or cut it off.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection away, to be reset.
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Waits for what the subject does next.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Event {
        loop {
            while let Parsed::Frame(frame, len) = Frame::parse(self.connection.unread()) {
                let octets = self.connection.take(len);
                if let Some(event) = self.handle(frame, octets, deadline).await {
                    return event;
                }
            }
            match self.connection.read(deadline).await {
                Read::Data => {}
                Read::Ended | Read::Reset => return Event::Ended,
                Read::Silence => return Event::Silence,
            }
        }
    }

    async fn handle(&mut self, frame: Frame, octets: Vec<u8>, deadline: Instant) -> Option<Event> {
        let fault = |rule: &str| Some(Event::Fault { rule: rule.into(), octets: octets.clone() });
        if self.close_seen {
            return fault("a frame after the Close frame (RFC 6455 §5.5.1)");
        }
        if let Some(rule) = frame.fault() {
            return fault(rule);
        }
        match frame.opcode {
            opcode::PING => {
                self.send(opcode::PONG, frame.payload, deadline).await;
                None
            }
            opcode::PONG => Some(Event::Pong(frame.payload)),
            opcode::CLOSE => {
                self.close_seen = true;
                let code = frame.close_code();
                let reason = frame.payload.get(2..).unwrap_or_default().to_vec();
                Some(Event::Close { code, reason })
            }
            opcode::CONTINUATION => {
                let Some((opcode, mut payload)) = self.assembling.take() else {
                    return fault("a continuation of nothing (RFC 6455 §5.4)");
                };
                payload.extend(frame.payload);
                self.fragment(opcode, payload, frame.fin, octets)
            }
            _ if self.assembling.is_some() => {
                fault("a new message inside a fragmented one (RFC 6455 §5.4)")
            }
            opcode => self.fragment(opcode, frame.payload, frame.fin, octets),
        }
    }

    fn fragment(
        &mut self,
        opcode: u8,
        payload: Vec<u8>,
        fin: bool,
        octets: Vec<u8>,
    ) -> Option<Event> {
        if !fin {
            self.assembling = Some((opcode, payload));
            return None;
        }
        if opcode == opcode::TEXT && str::from_utf8(&payload).is_err() {
            return Some(Event::Fault {
                rule: "a text message that is not UTF-8 (RFC 6455 §8.1)".into(),
                octets,
            });
        }
        Some(Event::Message { opcode, payload })
    }

    /// Sends a text and expects it back.
    ///
    /// # Errors
    ///
    /// The verdict where something else comes.
    pub(crate) async fn echoes(&mut self, cx: &Context, text: &str) -> Result<(), Verdict> {
        self.send(opcode::TEXT, text, cx.answer_by()).await;
        let echo = Event::Message { opcode: opcode::TEXT, payload: text.into() };
        let event = self.next(cx.answer_by()).await;
        if event == echo { Ok(()) } else { Err(event.unexpected(format!("the echo of {text:?}"))) }
    }

    /// Closes with 1000, and expects the answer and the end of the connection.
    ///
    /// # Errors
    ///
    /// The verdict where something else comes.
    pub(crate) async fn close(&mut self, cx: &Context) -> Result<(), Verdict> {
        self.send(opcode::CLOSE, 1000_u16.to_be_bytes(), cx.answer_by()).await;
        match self.next(cx.answer_by()).await {
            Event::Close { code: None | Some(1000), .. } => {}
            event => return Err(event.unexpected("our Close is answered by one with 1000")),
        }
        match self.next(cx.answer_by()).await {
            Event::Ended => Ok(()),
            event => Err(event.unexpected("the end of the connection, behind both Close frames")),
        }
    }
}

/// The octets of an opening handshake (RFC 6455 §4.1) with the case's own key.
pub(crate) fn handshake(cx: &Context, route: Route, query: &str) -> Vec<u8> {
    format!(
        "GET {}{query} HTTP/1.1\r\nHost: {}\r\n{}Upgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
        cx.path(route),
        cx.endpoint(route).authority,
        cx.signature(),
        handshake_key(cx),
    )
    .into_bytes()
}

/// What is wrong with the answer to an opening handshake with this key (§4.2.2).
pub(crate) fn handshake_fault(response: &Response, key: &str) -> Option<String> {
    let accept = BASE64_STANDARD.encode(Sha1::digest(format!("{key}{GUID}")));
    if response.status != 101 {
        return Some(format!("the handshake was answered {}", response.status));
    }
    if let Some(fault) = response.faults.first() {
        return Some(fault.clone());
    }
    if !response.has_token("upgrade", "websocket") {
        return Some("101 without Upgrade: websocket".into());
    }
    if !response.has_token("connection", "upgrade") {
        return Some("101 without Connection: Upgrade".into());
    }
    if response.all("sec-websocket-accept").ne([accept.as_bytes()]) {
        let got = response.field("sec-websocket-accept").unwrap_or("nothing");
        return Some(format!("Sec-WebSocket-Accept is {got}, expected {accept}"));
    }
    for field in ["sec-websocket-extensions", "sec-websocket-protocol"] {
        if response.field(field).is_some() {
            return Some(format!("{field}, though nothing of the kind was offered"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str) -> Response {
        Response::whole(head.as_bytes())
    }

    #[test]
    fn the_sample_handshake_of_section_1_3() {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let sound = answer(&format!("{head}\r\n"));
        assert_eq!(handshake_fault(&sound, key), None);
        assert!(
            handshake_fault(&sound, "another")
                .is_some_and(|f| f.contains("Sec-WebSocket-Accept is"))
        );
        let uninvited = answer(&format!("{head}Sec-WebSocket-Protocol: chat\r\n\r\n"));
        assert!(handshake_fault(&uninvited, key).is_some_and(|f| f.contains("offered")));
        let plain = answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(handshake_fault(&plain, key).is_some_and(|f| f.contains("200")));
    }
}
