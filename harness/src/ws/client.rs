//! A WebSocket client that watches every frame it is sent.

use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use super::deflate::{Agreed, Deflate, Offer};
use super::frame::{Frame, Parsed, RSV1, opcode};
use crate::context::Context;
use crate::http::Response;
use crate::http::exchange::{Answer, next_answer};
use crate::http::template::handshake_key;
use crate::route::Route;
use crate::verdict::Verdict;
use crate::wire::{Connection, Read, Source, text};

/// RFC 6455 §1.3: what a server appends to the key before it hashes.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const EXTENSIONS: &str = "sec-websocket-extensions";
/// Octets that a compressed message may become: more than any case sends.
const MAX_MESSAGE: usize = 32 << 20;

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    random: fastrand::Rng,
    /// The message under assembly.
    assembling: Option<Message>,
    close_seen: bool,
    /// Pings are answered, and not reported.
    answers_pings: bool,
    /// Where compression was agreed on.
    deflate: Option<Deflate>,
}

/// A message of which some has come.
#[derive(Debug)]
struct Message {
    opcode: u8,
    compressed: bool,
    payload: Vec<u8>,
}

/// What the subject did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A whole message, whatever its fragments.
    Message { opcode: u8, payload: Vec<u8> },
    /// A Ping, where Pings are left to the case: see [`Client::answer_pings`].
    Ping(Vec<u8>),
    /// A Pong.
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
            Self::Ping(payload) => format!("ping {}", text::quoted(payload, 64)),
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
        accepted(cx, &mut connection, |_| false).await?;
        Ok(Self::from_upgraded(cx, connection))
    }

    /// As [`accept`](Self::accept), where more than the handshake was sent. No client may do so before it has
    /// its answer (§4.1), so that a server may refuse.
    ///
    /// # Errors
    ///
    /// The verdict of a handshake that fails; a warning where it was refused.
    pub(crate) async fn accept_hurried(
        cx: &Context,
        mut connection: Connection,
    ) -> Result<Self, Verdict> {
        // 408 refuses nothing: the head took too long, for which a busy machine may be to blame.
        let refuses = |status: u16| status / 100 == 4 && status != 408;
        match next_answer(&mut connection, "GET", cx.answer_by()).await {
            answer if answer == Answer::Closed || answer.status().is_some_and(refuses) => {
                Err(Verdict::warn(ACCEPTED, answer.describe()))
            }
            answer => {
                judge(cx, &connection, answer, |_| false)?;
                Ok(Self::from_upgraded(cx, connection))
            }
        }
    }

    /// A client on a connection whose handshake was answered 101.
    pub(crate) fn from_upgraded(cx: &Context, connection: Connection) -> Self {
        connection.upgraded();
        Self {
            connection,
            random: cx.random(),
            assembling: None,
            close_seen: false,
            answers_pings: true,
            deflate: None,
        }
    }

    /// Connects to the echo route and offers to compress. `None` if the subject declines all offers.
    ///
    /// # Errors
    ///
    /// The verdict that follows from a handshake that fails.
    pub(crate) async fn open_deflate(
        cx: &Context,
        offers: &[Offer],
    ) -> Result<Option<Self>, Verdict> {
        let offered: Vec<String> = offers.iter().map(Offer::to_string).collect();
        let (client, response) = Self::open_offering(cx, &offered.join(", ")).await?;
        let agreed = Agreed::read(&response, offers)
            .map_err(|why| Verdict::fail("an answer to what was offered", why))?;
        Ok(agreed.map(|agreed| Self { deflate: Some(Deflate::new(agreed)), ..client }))
    }

    /// Connects to the echo route with these extensions on offer. What became of them, the response says.
    ///
    /// # Errors
    ///
    /// The verdict that follows from a handshake that fails.
    pub(crate) async fn open_offering(
        cx: &Context,
        extensions: &str,
    ) -> Result<(Self, Response), Verdict> {
        let fields = format!("{EXTENSIONS}: {extensions}\r\n");
        Self::open_asking(cx, &fields, |name| name == EXTENSIONS).await
    }

    /// Connects to the echo route with fields of the case's own; `offered` are those, in small letters, that
    /// the answer may have because of them.
    ///
    /// # Errors
    ///
    /// The verdict that follows from a handshake that fails.
    pub(crate) async fn open_asking(
        cx: &Context,
        fields: &str,
        offered: impl Fn(&str) -> bool,
    ) -> Result<(Self, Response), Verdict> {
        let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
        connection.send(&handshake_asking(cx, fields), cx.answer_by()).await;
        let response = accepted(cx, &mut connection, offered).await?;
        Ok((Self::from_upgraded(cx, connection), response))
    }

    /// The payload that stands for `message`: as it is, where no compression was agreed on.
    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        match &mut self.deflate {
            Some(deflate) => deflate.compress(message),
            None => message.to_vec(),
        }
    }

    /// What was agreed on, if compression was.
    pub(crate) fn agreed(&self) -> Option<Agreed> {
        self.deflate.as_ref().map(Deflate::agreed)
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

    /// The octets of a message in frames whose payloads are `cut` octets long. Where that comes out even, an
    /// empty frame ends it; what is no longer is one frame. The first frame has the reserved bits `rsv`.
    pub(crate) fn message(
        &mut self,
        opcode: u8,
        rsv: u8,
        payload: &[u8],
        cut: Option<usize>,
    ) -> Vec<u8> {
        let cut = cut.filter(|cut| payload.len() > *cut).unwrap_or(payload.len() + 1);
        let last = payload.len() / cut;
        let mut octets = Vec::with_capacity(payload.len() + 14 * (last + 1));
        for number in 0..=last {
            let piece = &payload[number * cut..payload.len().min((number + 1) * cut)];
            let (opcode, rsv) = if number == 0 { (opcode, rsv) } else { (opcode::CONTINUATION, 0) };
            let frame = Frame::new(opcode, piece, self.key());
            Frame { fin: number == last, rsv, ..frame }.encode(&mut octets);
        }
        octets
    }

    /// The connection beneath: to send what no frame is, or cut it off.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection away, to be reset.
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Whether the subject's Pings are answered and not reported, as they are at first, or the other way about.
    pub(crate) fn answer_pings(&mut self, answer: bool) {
        self.answers_pings = answer;
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
        let first = matches!(frame.opcode, opcode::TEXT | opcode::BINARY);
        let allowed = if self.deflate.is_some() && first { RSV1 } else { 0 };
        if let Some(rule) = frame.fault(allowed) {
            return fault(rule);
        }
        match frame.opcode {
            opcode::PING if !self.answers_pings => Some(Event::Ping(frame.payload)),
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
                let Some(mut message) = self.assembling.take() else {
                    return fault("a continuation of nothing (RFC 6455 §5.4)");
                };
                message.payload.extend(frame.payload);
                self.fragment(message, frame.fin, octets)
            }
            _ if self.assembling.is_some() => {
                fault("a new message inside a fragmented one (RFC 6455 §5.4)")
            }
            opcode => {
                let compressed = frame.rsv & RSV1 != 0;
                let message = Message { opcode, compressed, payload: frame.payload };
                self.fragment(message, frame.fin, octets)
            }
        }
    }

    fn fragment(&mut self, message: Message, fin: bool, octets: Vec<u8>) -> Option<Event> {
        if !fin {
            self.assembling = Some(message);
            return None;
        }
        let Message { opcode, compressed, mut payload } = message;
        if let Some(deflate) = self.deflate.as_mut().filter(|_| compressed) {
            payload = match deflate.decompress(&payload, MAX_MESSAGE) {
                Ok(payload) => payload,
                Err(why) => {
                    let rule = format!("a compressed message: {why}");
                    return Some(Event::Fault { rule, octets });
                }
            };
        }
        if opcode == opcode::TEXT && str::from_utf8(&payload).is_err() {
            return Some(Event::Fault {
                rule: "a text message that is not UTF-8 (RFC 6455 §8.1)".into(),
                octets,
            });
        }
        Some(Event::Message { opcode, payload })
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

/// The octets of an opening handshake for the echo route, with more fields.
pub(crate) fn handshake_asking(cx: &Context, fields: &str) -> Vec<u8> {
    let mut request = handshake(cx, Route::WsEcho, "");
    request.truncate(request.len() - b"\r\n".len());
    request.extend(format!("{fields}\r\n").into_bytes());
    request
}

/// What is expected of a sound opening handshake.
const ACCEPTED: &str = "101 with the right Sec-WebSocket-Accept";

/// Waits for the 101 that answers a handshake with [`handshake_key`]; `offered` are fields that it may have
/// because we asked for them.
async fn accepted(
    cx: &Context,
    connection: &mut Connection,
    offered: impl Fn(&str) -> bool,
) -> Result<Response, Verdict> {
    let answer = next_answer(connection, "GET", cx.answer_by()).await;
    judge(cx, connection, answer, offered)
}

fn judge(
    cx: &Context,
    connection: &Connection,
    answer: Answer,
    offered: impl Fn(&str) -> bool,
) -> Result<Response, Verdict> {
    match answer {
        Answer::Response(response) => match fault_of(&response, &handshake_key(cx), offered) {
            Some(fault) => Err(Verdict::fail(ACCEPTED, fault)),
            None => Ok(response),
        },
        answer => Err(Verdict::fail(ACCEPTED, answer.describe()).with(connection.unread())),
    }
}

/// What is wrong with the answer to an opening handshake with this key (§4.2.2).
pub(crate) fn handshake_fault(response: &Response, key: &str) -> Option<String> {
    fault_of(response, key, |_| false)
}

fn fault_of(response: &Response, key: &str, offered: impl Fn(&str) -> bool) -> Option<String> {
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
    for field in [EXTENSIONS, "sec-websocket-protocol"] {
        if !offered(field) && response.field(field).is_some() {
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
