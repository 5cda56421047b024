//! A connection: one request after the other, until one side has had enough.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::body::{Body, Framing};
use super::deflate::Agreed;
use super::fault::Fault;
use super::handshake;
use super::head::{Head, Refusal};
use super::input::{Deadline, Input, Lack};
use super::response::{Content, Response};
use super::routes;
use super::server::Shared;
use super::session::{Kind, Session};
use super::spoil::spoil;

/// Serves one client to the end.
pub(super) fn serve(id: u64, stream: Arc<TcpStream>, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let input = Input::new(Arc::clone(&stream), shared.has(Fault::LosesBytesOnSplit));
    let mut connection =
        Connection { id, input, output: stream, held: Vec::new(), served: 0, shared };
    loop {
        match connection.exchange() {
            Ok(Next::Request) => {}
            Ok(Next::Close) => return connection.linger(),
            Ok(Next::WebSocket(kind, agreed)) => {
                let Connection { input, output, .. } = connection;
                return Session::new(kind, input, output, shared, id).compressing(agreed).run();
            }
            Err(refusal) => {
                if !connection.refuse(refusal)? {
                    return connection.linger();
                }
            }
        }
    }
}

struct Connection<'a> {
    id: u64,
    input: Input,
    output: Arc<TcpStream>,
    /// An answer that another one overtakes: `pipelining-out-of-order`.
    held: Vec<u8>,
    served: u32,
    shared: &'a Arc<Shared>,
}

/// What follows an answer.
enum Next {
    Request,
    Close,
    WebSocket(Kind, Option<Agreed>),
}

impl Connection<'_> {
    fn has(&self, fault: Fault) -> bool {
        self.shared.has(fault)
    }

    /// Reads one request and answers it.
    fn exchange(&mut self) -> Result<Next, Refusal> {
        if self.input.unread().is_empty() {
            // No request was begun: there is nothing to answer.
            if self.shared.waits(self.id, true) {
                return Err(Refusal::Gone);
            }
            let filled = self.input.fill(self.idle_deadline());
            self.shared.waits(self.id, false);
            filled.map_err(|_| Refusal::Gone)?;
        }
        self.served += 1;
        if self.served == 100 && self.has(Fault::HundredthIsLast) {
            self.wait_for_fin();
            return Err(Refusal::Gone);
        }
        let faults = &self.shared.config.faults;
        let deadline = self.head_deadline();
        let mut head = Head::read(&mut self.input, deadline, faults)?;
        if head.minor == 0 && self.has(Fault::Http10Fails) {
            return Err(Refusal::Status(500));
        }
        let refused = head.method == "POST" && !matches!(&*head.target.path, "/echo" | "/fields");
        let unread = refused && self.has(Fault::RefusedContentUnread);
        let framing = if unread { Framing::Absent } else { Framing::of(&head, faults)? };
        let has_content = !matches!(framing, Framing::Absent | Framing::Length(0));
        self.expect(&head, has_content)?;
        let kind = routes::web_socket(&head);
        let unasked =
            self.has(Fault::NoContinueBeforeSwitch) && head.lists("Expect", "100-continue");
        let body_is_frames = kind.is_some() && (unasked || self.has(Fault::HandshakeBodyIsFrames));
        let patient = self.has(Fault::NoBodyTimeout)
            || self.has(Fault::ContinueNever) && head.lists("Expect", "100-continue");
        let pace = (!patient).then_some(self.shared.config.body);
        let mut body = Body::new(&mut self.input, pace, faults);
        let content = if body_is_frames { Vec::new() } else { body.read(framing, &mut head)? };
        if self.has(Fault::PipeliningLoses) {
            self.input.clear();
        }
        match kind {
            Some(kind) => self.switch(kind, &head, has_content && !body_is_frames),
            None => self.answer(&head, content),
        }
    }

    fn idle_deadline(&self) -> Deadline {
        let (wait, fault) = match self.served {
            0 => (self.shared.config.first, Fault::NoFirstByteTimeout),
            _ => (self.shared.config.idle, Fault::NoIdleTimeout),
        };
        let patient = self.has(fault) || self.has(Fault::TermWaitsForClients);
        Deadline::after((!patient).then_some(wait))
    }

    fn head_deadline(&self) -> Deadline {
        let head = self.shared.config.head;
        if self.has(Fault::NoHeadTimeout) {
            Deadline::Never
        } else if self.has(Fault::HeadTimeoutRestarts) {
            Deadline::Quiet(head)
        } else {
            Deadline::after(Some(head))
        }
    }

    /// Sends 100 to a client that waits for it (RFC 9110 §10.1.1), and before 101 in any case (§7.8).
    fn expect(&mut self, head: &Head, has_content: bool) -> Result<(), Refusal> {
        let exactly = self.has(Fault::ExpectCaseMatters);
        let is_continue = |member: &[u8]| match exactly {
            true => member == b"100-continue",
            false => member.eq_ignore_ascii_case(b"100-continue"),
        };
        let mut members = head.members("Expect").peekable();
        if members.peek().is_none() || head.minor == 0 && !self.has(Fault::ContinueToHttp10) {
            return Ok(());
        }
        if !members.all(is_continue) {
            if self.has(Fault::UnknownExpectHangs) {
                self.wait_for_fin();
            }
            return Err(Refusal::Status(417));
        }
        let socket = routes::web_socket(head).is_some();
        if socket && self.has(Fault::NoContinueBeforeSwitch) {
            return Ok(());
        }
        let (waits, switches) = (has_content && self.input.unread().is_empty(), socket);
        if (waits || switches) && !self.has(Fault::ContinueNever) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        Ok(())
    }

    fn answer(&mut self, head: &Head, content: Vec<u8>) -> Result<Next, Refusal> {
        let faults = &self.shared.config.faults;
        if let (true, Some(protocol)) =
            (self.has(Fault::UpgradeToAnything), head.members("Upgrade").next())
        {
            let protocol = String::from_utf8_lossy(protocol);
            self.write(&Response::of(101).with("Upgrade", protocol).head(faults))?;
            return Ok(Next::Close);
        }
        let limit = self.handler_limit();
        let _place = self.shared.places.take(head, faults);
        let handler = || routes::respond(head, content, &self.output, faults, limit);
        let response = match panic::catch_unwind(AssertUnwindSafe(handler)) {
            Ok(Some(response)) => response,
            Ok(None) => self.hang(limit)?,
            Err(_) => self.after_panic()?,
        };
        let poisoned = self.has(Fault::CrashPoisons) && self.shared.poisoned.load(Ordering::SeqCst);
        let failing = poisoned || self.served > 1 && self.has(Fault::SecondFails);
        let response = if failing { Response::of(500) } else { response };
        if response.status == 504 && self.has(Fault::LateAnswerSent) {
            self.send(response, head, false)?;
            let all = Duration::from_millis(head.target.number("ms").unwrap_or(0));
            thread::sleep(all.saturating_sub(limit.unwrap_or_default()));
            return self.send(Response::ok("text/plain", "late\n"), head, false);
        }
        let close = self.closes(head) || matches!(response.status, 408 | 504);
        if self.has(Fault::ExpectAnsweredTwice) && head.values("Expect").next().is_some() {
            self.send(Response::of(200), head, false)?;
        }
        self.send(response, head, close)
    }

    /// How long a handler may take.
    fn handler_limit(&self) -> Option<Duration> {
        let patient = self.has(Fault::NoHandlerTimeout) || self.has(Fault::TermWaitsForClients);
        let early = if self.has(Fault::HandlerTimeoutEarly) { 5 } else { 1 };
        (!patient).then_some(self.shared.config.handler / early)
    }

    /// Never answers, until the handler's time is over or the client has left.
    fn hang(&mut self, limit: Option<Duration>) -> Result<Response, Refusal> {
        let deadline = Deadline::after(limit);
        loop {
            match self.input.fill(deadline) {
                Ok(()) => self.input.clear(),
                Err(Lack::Late) => return Ok(Response::of(504)),
                Err(Lack::Fin | Lack::Gone) => break,
            }
        }
        if self.has(Fault::HungDescriptorsKept) {
            std::mem::forget(self.output.try_clone());
        }
        Err(Refusal::Gone)
    }

    fn after_panic(&mut self) -> Result<Response, Refusal> {
        self.shared.crashed(self.id);
        if self.has(Fault::CrashHangs) {
            self.wait_for_fin();
        }
        if self.has(Fault::CrashHangs) || self.has(Fault::CrashClosesSilently) {
            return Err(Refusal::Gone);
        }
        Ok(Response::of(if self.has(Fault::CrashHidden) { 200 } else { 500 }))
    }

    /// Whether the connection ends with this answer (RFC 9112 §9.3).
    fn closes(&self, head: &Head) -> bool {
        let asked = match self.has(Fault::ConnectionCloseExact) {
            true => head.values("Connection").eq([&b"close"[..]]),
            false => head.lists("Connection", "close") && !self.has(Fault::ConnectionCloseIgnored),
        };
        let old = head.minor == 0 && !head.lists("Connection", "keep-alive");
        let kept = self.has(Fault::Http10KeptOpen)
            || self.has(Fault::TeInHttp10Accepted) && head.lists("Transfer-Encoding", "chunked");
        asked || old && !kept || self.has(Fault::ClosesAlways) || self.shared.is_stopping()
    }

    /// Answers a handshake.
    fn switch(&mut self, kind: Kind, head: &Head, has_content: bool) -> Result<Next, Refusal> {
        let faults = &self.shared.config.faults;
        match handshake::answer(head, has_content, faults) {
            Ok(_) if kind == Kind::Reject && !faults.has(Fault::RejectAccepts) => {
                self.send(Response::of(403), head, false)
            }
            Ok((response, agreed)) => {
                self.write(&response.head(faults))?;
                if self.has(Fault::HandshakeLosesFrames) {
                    self.input.clear();
                }
                Ok(Next::WebSocket(kind, agreed))
            }
            Err(response) => self.send(response, head, self.closes(head)),
        }
    }

    /// Writes a response with the framing that the client understands.
    fn send(
        &mut self,
        mut response: Response,
        head: &Head,
        mut close: bool,
    ) -> Result<Next, Refusal> {
        response = spoil(response, head, &self.shared.config.faults);
        let chunked = head.minor > 0 || self.has(Fault::Http10Chunked);
        match &response.content {
            Content::Whole(_) if matches!(response.status, 204 | 304) => {}
            Content::Whole(_) if response.status >= 400 && self.has(Fault::ErrorWithoutLength) => {}
            Content::Whole(content) => {
                let wrong = head.method == "HEAD" && self.has(Fault::HeadLengthDiffers);
                let length = content.len() + usize::from(wrong);
                response = response.with("Content-Length", length.to_string());
            }
            Content::Pieces(_) if chunked => {
                response = response.with("Transfer-Encoding", "chunked");
            }
            Content::Pieces(_) => close = true,
        }
        if close && !self.has(Fault::NoCloseField) {
            response = response.with("Connection", "close");
        } else if head.minor == 0 && !self.has(Fault::Http10KeepAliveWithoutField) {
            response = response.with("Connection", "keep-alive");
        }
        let mut octets = response.head(&self.shared.config.faults);
        let silent = response.status == 204
            || response.status == 304 && !self.has(Fault::NotModifiedWithContent)
            || head.method == "HEAD" && !self.has(Fault::HeadWithBody);
        match response.content {
            _ if silent => self.deliver(octets)?,
            Content::Whole(content) => {
                octets.extend_from_slice(&content);
                self.deliver(octets)?;
            }
            Content::Pieces(pieces) => {
                self.deliver(octets)?;
                self.send_pieces(pieces, chunked)?;
            }
        }
        Ok(if close { Next::Close } else { Next::Request })
    }

    /// A panic on the way cuts the content off: without the last chunk no client takes it for whole.
    fn send_pieces(
        &mut self,
        mut pieces: Box<dyn Iterator<Item = Vec<u8>>>,
        chunked: bool,
    ) -> Result<(), Refusal> {
        loop {
            match panic::catch_unwind(AssertUnwindSafe(|| pieces.next())) {
                Ok(Some(piece)) if chunked => {
                    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                    chunk.extend_from_slice(&piece);
                    chunk.extend_from_slice(b"\r\n");
                    self.write(&chunk)?;
                }
                Ok(Some(piece)) => self.write(&piece)?,
                Ok(None) if chunked => return self.write(b"0\r\n\r\n"),
                Ok(None) => return Ok(()),
                Err(_) => {
                    drop(self.after_panic());
                    return Err(Refusal::Gone);
                }
            }
        }
    }

    /// Writes an answer, unless a fault keeps it from its place in the order.
    fn deliver(&mut self, answer: Vec<u8>) -> Result<(), Refusal> {
        if self.has(Fault::HalfCloseDrops) && self.input.unread().is_empty() {
            let moment = Deadline::Quiet(Duration::from_millis(20));
            if self.input.fill(moment) == Err(Lack::Fin) {
                return Err(Refusal::Gone);
            }
        }
        if self.has(Fault::PipeliningOutOfOrder)
            && self.held.is_empty()
            && !self.input.unread().is_empty()
        {
            self.held = answer;
            return Ok(());
        }
        self.write(&answer)?;
        let held = std::mem::take(&mut self.held);
        self.write(&held)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Refusal> {
        (&*self.output).write_all(octets).map_err(|_| Refusal::Gone)
    }

    /// Answers what was not understood. Where the next request would begin is then unknown, so the connection
    /// ends; returns whether it goes on all the same.
    fn refuse(&mut self, refusal: Refusal) -> io::Result<bool> {
        let held = std::mem::take(&mut self.held);
        (&*self.output).write_all(&held)?;
        let Refusal::Status(status) = refusal else { return Ok(false) };
        if self.has(Fault::DiesOnRefusal) {
            std::process::abort();
        }
        if self.has(Fault::LeaksDescriptors) {
            std::mem::forget(self.output.try_clone());
        }
        if self.has(Fault::LeaksThreads) {
            thread::spawn(|| {
                loop {
                    thread::park();
                }
            });
        }
        if self.has(Fault::LeaksMemory) {
            // Unless somebody might look at it, an optimiser never makes it.
            std::mem::forget(std::hint::black_box(vec![1_u8; 4 << 20]));
        }
        if self.has(Fault::SilentOnRefusal) {
            self.wait_for_fin();
            return Ok(false);
        }
        let goes_on = self.has(Fault::NoCloseAfter400) && status != 408
            || self.has(Fault::FailedExpectDesyncs) && status == 417;
        if goes_on {
            // What was refused may still stand there: skip to the next line.
            let unread = self.input.unread();
            let end =
                unread.iter().position(|octet| *octet == b'\n').map_or(unread.len(), |end| end + 1);
            self.input.consume(if status == 417 { 0 } else { end });
        }
        // No content: whether this was a HEAD is not always known.
        let mut response =
            Response { status, fields: Vec::new(), content: Content::Whole(Vec::new()) };
        response = response.with("Content-Length", "0");
        if !goes_on {
            response = response.with("Connection", "close");
        }
        (&*self.output).write_all(&response.head(&self.shared.config.faults))?;
        Ok(goes_on)
    }

    /// Reads what still comes until the client leaves.
    fn wait_for_fin(&mut self) {
        while self.input.fill(Deadline::Never).is_ok() {
            self.input.clear();
        }
    }

    /// Closes so that the last answer is not lost to a reset (RFC 9112 §9.6).
    fn linger(mut self) -> io::Result<()> {
        if self.has(Fault::CloseResets) {
            return Ok(());
        }
        linger(&mut self.input, &self.output)
    }
}

/// Sends a FIN and drains what the client had on its way.
pub(super) fn linger(input: &mut Input, output: &TcpStream) -> io::Result<()> {
    output.shutdown(Shutdown::Write)?;
    let end = Deadline::after(Some(LINGER));
    input.clear();
    while input.fill(end).is_ok() {
        input.clear();
    }
    Ok(())
}

/// A client that reads nothing for so long is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a closed connection is drained.
const LINGER: Duration = Duration::from_secs(2);
