//! A WebSocket from the handshake to the last frame (RFC 6455 §5 to §7).

use std::io;
use std::net::TcpStream;
use std::panic;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::deflate::{Agreed, Deflate};
use super::fault::Fault;
use super::frame::{
    BINARY, CLOSE, COMPRESSED, CONTINUATION, End, Header, Output, PING, PONG, PROTOCOL_ERROR, TEXT,
};
use super::http;
use super::input::{Deadline, Input};
use super::message::{self, Message};
use super::pulse::Pulse;
use super::server::Shared;

/// Which WebSocket of the subject contract this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Sends messages back.
    Echo,
    /// Sends messages back, and panics on `crash`.
    Crash,
    /// Sends messages unasked.
    Push { count: u64, pause: Duration },
    /// Refuses the handshake.
    Reject,
}

/// One open WebSocket.
pub(super) struct Session<'a> {
    kind: Kind,
    input: Input,
    output: Arc<Output>,
    pulse: Pulse,
    shared: &'a Shared,
    id: u64,
    message: Option<Message>,
    deflate: Option<Deflate>,
    pings: u32,
    /// Messages received.
    messages: u32,
    /// When the last of them came.
    last: Arc<Mutex<Option<Instant>>>,
    /// Until when the next octet is waited for.
    deadline: Deadline,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        kind: Kind,
        input: Input,
        output: Arc<TcpStream>,
        shared: &'a Shared,
        id: u64,
    ) -> Self {
        let config = &shared.config;
        // Half of it: a write that was taken in part waits once more.
        let patience = (!shared.has(Fault::NoWriteTimeout)).then_some(config.write / 2);
        drop(output.set_write_timeout(patience));
        let output = Arc::new(Output::new(output, config.faults.clone()));
        let pulse =
            Pulse::start(Arc::clone(&output), config.ping, config.pong, config.faults.clone());
        Self {
            kind,
            input,
            output,
            pulse,
            shared,
            id,
            message: None,
            deflate: None,
            pings: 0,
            messages: 0,
            last: Arc::default(),
            deadline: Deadline::Never,
        }
    }

    /// Compresses what it sends, if that was agreed on.
    pub(super) fn compressing(self, agreed: Option<Agreed>) -> Self {
        let faults = self.shared.config.faults.clone();
        Self { deflate: agreed.map(|agreed| Deflate::new(agreed, faults)), ..self }
    }

    fn has(&self, fault: Fault) -> bool {
        self.shared.has(fault)
    }

    /// Talks to the client until one side closes.
    pub(super) fn run(mut self) -> io::Result<()> {
        if !self.has(Fault::PushOnlyAfterRead) {
            self.push();
        }
        self.shared.waits(self.id, true);
        let end = loop {
            if let Err(end) = self.receive() {
                break end;
            }
        };
        if self.shared.is_stopping() && end == End::Gone && !self.has(Fault::TermWithoutClose) {
            self.send_close(1001)?;
        }
        if let End::Violation(code) = end {
            self.send_close(code)?;
        }
        if self.has(Fault::TcpNotClosed) && end != End::Gone {
            while self.input.fill(Deadline::Never).is_ok() {
                self.input.clear();
            }
        }
        http::linger(&mut self.input, self.output.stream())
    }

    /// Starts the thread that sends unasked; it ends with the last message, or with the session.
    fn push(&self) {
        let Kind::Push { count, pause } = self.kind else { return };
        let output = Arc::clone(&self.output);
        let (last, yields) = (Arc::clone(&self.last), self.has(Fault::PushYields));
        let is_quiet = move || {
            let last = *last.lock().expect("no one panics here");
            last.is_none_or(|last| last.elapsed() > LULL)
        };
        let push = move || {
            for number in 0..count {
                if number > 0 {
                    thread::sleep(pause);
                }
                while yields && !is_quiet() {
                    thread::sleep(LULL);
                }
                if !output.send(TEXT, number.to_string().as_bytes()).is_ok_and(|sent| sent) {
                    return;
                }
            }
        };
        if self.has(Fault::PushBlocksReads) {
            push();
        } else {
            thread::spawn(push);
        }
    }

    /// Receives one frame and does what it asks for.
    fn receive(&mut self) -> Result<(), End> {
        let deflates = self.deflate.is_some();
        let faults = &self.shared.config.faults;
        let header = Header::read(&mut self.input, self.deadline, deflates, faults)?;
        match header.opcode {
            CONTINUATION | TEXT | BINARY => self.data(header),
            _ => self.control(header),
        }
    }

    fn data(&mut self, header: Header) -> Result<(), End> {
        let faults = &self.shared.config.faults;
        let mut message = match (self.message.take(), header.opcode) {
            (Some(message), CONTINUATION) => message,
            (None, CONTINUATION) if faults.has(Fault::AcceptLonelyContinuation) => {
                Message::new(BINARY, false)
            }
            (Some(_), TEXT | BINARY) if !faults.has(Fault::AcceptDataInFragment) => {
                return Err(PROTOCOL_ERROR);
            }
            (_, TEXT | BINARY) => {
                let compressed = header.compressed;
                if !compressed && self.deflate.is_some() && faults.has(Fault::DeflateOnly) {
                    return Err(PROTOCOL_ERROR);
                }
                Message::new(header.opcode, compressed)
            }
            (_, _) => return Err(PROTOCOL_ERROR),
        };
        let max = if faults.has(Fault::SmallMessagesOnly) { 1 << 14 } else { MAX_MESSAGE };
        let len = message.payload.len() as u64 + header.len;
        if len > max && !faults.has(Fault::AcceptHugeLength) {
            return Err(End::Violation(1009));
        }
        message.last_fragment = message.payload.len();
        self.payload(header, |octets| message.extend(octets, faults))?;
        if let Some(deflate) = self.deflate.as_mut().filter(|_| header.fin && message.compressed) {
            message.payload = deflate.inflate(&message.payload)?;
            message.compressed = false;
        }
        message.end_fragment(header.fin, faults)?;
        if header.fin {
            self.messages += 1;
            *self.last.lock().expect("no one panics here") = Some(Instant::now());
            if self.messages > 500 && self.has(Fault::FewMessagesOnly) {
                return Err(End::Violation(1008));
            }
            return self.answer(message);
        }
        self.message = Some(message);
        Ok(())
    }

    /// Hands out a payload, unmasked, as it arrives.
    fn payload(
        &mut self,
        header: Header,
        mut take: impl FnMut(&[u8]) -> Result<(), End>,
    ) -> Result<(), End> {
        let mut read = 0;
        while read < header.len {
            if self.input.unread().is_empty() {
                if self.has(Fault::FrameInOneRead) {
                    return Err(PROTOCOL_ERROR);
                }
                self.input.fill(self.deadline)?;
            }
            let unread = self.input.unread();
            let count = unread.len().min(usize::try_from(header.len - read).unwrap_or(usize::MAX));
            let mut octets = unread[..count].to_vec();
            for (octet, at) in octets.iter_mut().zip(read..) {
                *octet ^= header.key[(at % 4) as usize];
            }
            self.input.consume(count);
            read += count as u64;
            take(&octets)?;
        }
        Ok(())
    }

    /// Sends a message back, or panics if that is what it says.
    fn answer(&mut self, mut message: Message) -> Result<(), End> {
        if self.has(Fault::PushOnlyAfterRead) {
            self.push();
        }
        if matches!(self.kind, Kind::Push { .. }) {
            return Ok(());
        }
        let crashes =
            self.kind == Kind::Crash && message.opcode == TEXT && message.payload == b"crash";
        if panic::catch_unwind(|| assert!(!crashes, "a callback of /ws/crash")).is_err() {
            return self.crashed();
        }
        if self.has(Fault::EchoTruncates) {
            message.payload.truncate(100);
        }
        if self.has(Fault::EchoChangesType) {
            message.opcode = TEXT + BINARY - message.opcode;
        }
        if self.has(Fault::EchoLosesFragment) && message.last_fragment > 0 {
            message.payload.truncate(message.last_fragment);
        }
        if self.has(Fault::EmptyMessageLost) && message.payload.is_empty() {
            return Ok(());
        }
        if self.has(Fault::SendsBadUtf8) && message.opcode == TEXT && message.payload.len() > 100 {
            message.payload.pop();
            message.payload.push(0xff);
        }
        let opcode = match &mut self.deflate {
            Some(deflate) => {
                message.payload = deflate.deflate(&message.payload);
                message.opcode | COMPRESSED
            }
            None => message.opcode,
        };
        if self.has(Fault::EchoTwice) {
            self.send(opcode, &message.payload)?;
        }
        self.send(opcode, &message.payload)
    }

    fn crashed(&mut self) -> Result<(), End> {
        self.shared.crashed(self.id);
        if self.has(Fault::CrashHangs) {
            while self.input.fill(Deadline::Never).is_ok() {
                self.input.clear();
            }
        }
        let silent = [Fault::No1011, Fault::CrashHangs, Fault::CrashClosesSilently];
        if silent.into_iter().any(|fault| self.has(fault)) {
            return Err(End::Gone);
        }
        if self.has(Fault::CrashHidden) {
            return Ok(());
        }
        Err(End::Violation(1011))
    }

    fn control(&mut self, header: Header) -> Result<(), End> {
        if header.len > MAX_MESSAGE {
            return Err(End::Violation(1009));
        }
        let mut payload = Vec::new();
        self.payload(header, |octets| {
            payload.extend_from_slice(octets);
            Ok(())
        })?;
        let in_message = self.message.is_some();
        if in_message && header.opcode != CLOSE {
            if self.has(Fault::ControlEndsMessage) {
                self.message = None;
            }
            if self.has(Fault::DropControlInFragments) {
                return Ok(());
            }
        }
        match header.opcode {
            PING => {
                self.pings += 1;
                let ignored = self.has(Fault::PingIgnored)
                    || self.has(Fault::PongsHalved) && self.pings.is_multiple_of(2);
                let mut payload =
                    if self.has(Fault::PongWrongPayload) { Vec::new() } else { payload };
                if ignored {
                    return Ok(());
                }
                if self.has(Fault::LongPong) {
                    payload.resize(126, b' ');
                }
                let opcode = if self.has(Fault::SendsReservedOpcode) { 11 } else { PONG };
                self.send(opcode, &payload)?;
                if self.has(Fault::SendsLonelyContinuation) {
                    self.send(CONTINUATION, b"")?;
                }
                Ok(())
            }
            PONG if !self.pulse.pong(&payload) && self.has(Fault::PongRefused) => {
                Err(PROTOCOL_ERROR)
            }
            PONG if self.has(Fault::PongsUnsolicited) => self.send(PONG, &payload),
            CLOSE if in_message && self.has(Fault::CloseInMessageRefused) => Err(PROTOCOL_ERROR),
            CLOSE => self.close(&payload),
            _ => Ok(()),
        }
    }

    /// Completes the closing handshake with the client's own code.
    fn close(&mut self, payload: &[u8]) -> Result<(), End> {
        let code = message::close_code(payload, &self.shared.config.faults)?;
        if self.has(Fault::NoCloseReply) {
            return Err(End::Gone);
        }
        match code {
            Some(code) => self.send_close(code).map_err(|_| End::Gone)?,
            None if self.has(Fault::SendsReservedCloseCode) => {
                self.send_close(1005).map_err(|_| End::Gone)?;
            }
            None => self.send(CLOSE, b"")?,
        }
        // To answer what comes after Close, a fault must wait for it.
        let late = [Fault::PongAfterClose, Fault::AnswerAfterClose, Fault::CloseTwice];
        self.deadline = Deadline::Quiet(Duration::from_millis(100));
        if late.into_iter().any(|fault| self.has(fault)) { Ok(()) } else { Err(End::Closed) }
    }

    fn send_close(&self, code: u16) -> io::Result<()> {
        let code = if self.has(Fault::WrongCloseCode) { 1001 } else { code };
        self.output.send(CLOSE, &code.to_be_bytes()).map(drop)
    }

    fn send(&self, opcode: u8, payload: &[u8]) -> Result<(), End> {
        self.output.send(opcode, payload).map(drop).map_err(|_| End::Gone)
    }
}

/// Without a message for so long a client is silent.
const LULL: Duration = Duration::from_millis(50);
/// Octets of one message.
pub(super) const MAX_MESSAGE: u64 = 16 * 1024 * 1024;
