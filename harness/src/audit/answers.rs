//! The responses on a connection, octet by octet: held is one head, or one line of chunked content.

use std::rc::Rc;

use super::Audit;
use super::frames::Frames;
use super::head::{Breach, Head};
use super::request::{Request, Requests};
use super::rule::Rule;
use crate::verdict::Outcome;
use crate::wire::text::quoted;

/// Octets of a head, or of a line of chunked content. More than this is no longer looked at.
const MAX_HELD: usize = 256 << 10;
/// Octets of an error page that are searched for what the client sent.
const MAX_PAGE: usize = 16 << 10;

/// What the audit asks for to see whether it comes back as HTML, and what it would come back as.
pub(crate) const PROBE: (&str, &[u8]) =
    ("%3Cscript%3Eharness%3C/script%3E", b"<script>harness</script>");

/// What comes on one connection.
#[derive(Debug)]
pub(super) struct Answers {
    state: State,
    buffer: Vec<u8>,
    /// The response whose content comes.
    current: Option<Current>,
    /// Whole final responses.
    count: usize,
}

#[derive(Debug)]
enum State {
    Head,
    Content(u64),
    UntilClose,
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Frames(Frames),
    /// What comes now is of no protocol that is known here, or how it is framed is not certain.
    Blind,
}

#[derive(Debug)]
struct Current {
    head: Head,
    request: Option<Rc<Request>>,
    /// Some of its content has come.
    begun: bool,
    /// The content of an error page.
    page: Vec<u8>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { state: State::Head, buffer: Vec::new(), current: None, count: 0 }
    }
}

/// What the reading of answers needs besides their octets.
pub(super) struct Surroundings<'a> {
    pub(super) audit: &'a Audit,
    pub(super) case: &'a Rc<str>,
    pub(super) secure: bool,
    pub(super) requests: &'a mut Requests,
}

impl Surroundings<'_> {
    fn tell(&self, breach: Breach) {
        self.audit.tell(self.case, breach);
    }

    fn fail(&self, rule: Rule, what: impl Into<String>, octets: &[u8]) {
        self.tell((rule, Outcome::Fail, what.into(), octets.to_vec()));
    }
}

impl Answers {
    pub(super) fn are_frames(&self) -> bool {
        matches!(self.state, State::Frames(_))
    }

    /// Octets that came.
    pub(super) fn push(&mut self, octets: &[u8], around: &mut Surroundings<'_>) {
        if matches!(self.state, State::Blind) {
            return;
        }
        if let State::Frames(frames) = &mut self.state {
            return push_frames(frames, octets, around);
        }
        self.buffer.extend_from_slice(octets);
        while !self.buffer.is_empty() && self.step(around).is_some() {}
        if self.buffer.len() > MAX_HELD {
            self.state = State::Blind;
        }
        if matches!(self.state, State::Blind) {
            self.buffer = Vec::new();
        }
    }

    /// Takes one piece off the buffer; `None` if it is not whole yet, or of no more interest.
    fn step(&mut self, around: &mut Surroundings<'_>) -> Option<()> {
        match &mut self.state {
            State::Head => return self.head(around),
            State::Content(left) | State::Chunk(left) => {
                let taken = usize::try_from(*left)
                    .map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
                *left -= taken as u64;
                let ended = *left == 0;
                self.content(taken, around);
                if ended {
                    let in_chunk = matches!(self.state, State::Chunk(_));
                    self.state = if in_chunk { State::ChunkEnd } else { self.next(around) };
                }
            }
            State::UntilClose => self.content(self.buffer.len(), around),
            State::ChunkSize => {
                let line = self.line()?;
                let text = str::from_utf8(&line).unwrap_or_default();
                let digits = text.split([';', ' ', '\t', '\r']).next().unwrap_or_default();
                let size =
                    u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
                let sound = line.ends_with(b"\r\n")
                    && (text.contains(';') || digits.len() + 2 == line.len());
                match size {
                    Some(size) if sound => {
                        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                    }
                    _ => self.broken(around, "no chunk size", &line),
                }
            }
            State::ChunkEnd => {
                let line = self.line()?;
                self.state = State::ChunkSize;
                if line != b"\r\n" {
                    self.broken(around, "no CRLF behind a chunk", &line);
                }
            }
            State::Trailers => {
                let line = self.line()?;
                if line == b"\r\n" {
                    self.state = self.next(around);
                } else if !line.ends_with(b"\r\n") || !line.contains(&b':') {
                    self.broken(around, "no trailer", &line);
                }
            }
            State::Frames(frames) => {
                let octets = std::mem::take(&mut self.buffer);
                push_frames(frames, &octets, around);
            }
            State::Blind => return None,
        }
        Some(())
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|octet| *octet == b'\n')?;
        Some(self.buffer.drain(..=end).collect())
    }

    fn broken(&mut self, around: &Surroundings<'_>, what: &str, line: &[u8]) {
        around.fail(Rule::Framing, format!("{what}: {}", quoted(line, 64)), line);
        self.state = State::Blind;
    }

    /// Content that came, so many octets.
    fn content(&mut self, len: usize, around: &Surroundings<'_>) {
        let octets: Vec<u8> = self.buffer.drain(..len).collect();
        let Some(current) = &mut self.current else { return };
        let Current { head, request, begun, page } = current;
        if !octets.is_empty() && !std::mem::replace(begun, true) {
            let tell = |rule, outcome, what: &str| {
                around.tell((
                    rule,
                    outcome,
                    format!("{}: {what}", head.status),
                    head.octets.clone(),
                ));
            };
            if head.status == 205 {
                tell(Rule::Reset, Outcome::Fail, "with content");
            }
            if !head.has("content-type") {
                // What a client sent, or a program made, may be of a type that the server does not know; its
                // own page is not.
                let outcome = if head.status >= 400 { Outcome::Fail } else { Outcome::Warn };
                tell(Rule::ContentType, outcome, "content without Content-Type");
            }
        }
        let asked = request.as_ref().is_some_and(|request| request.target.contains(PROBE.0));
        let kind = head.field("content-type").unwrap_or(b"text/html").to_ascii_lowercase();
        if asked && kind.starts_with(b"text/html") && page.len() < MAX_PAGE {
            page.extend_from_slice(&octets[..octets.len().min(MAX_PAGE - page.len())]);
        }
    }

    /// What follows a response.
    fn next(&mut self, around: &Surroundings<'_>) -> State {
        self.count += 1;
        if let Some(Current { page, .. }) = self.current.take() {
            reflected(&page, around);
        }
        State::Head
    }

    fn head(&mut self, around: &mut Surroundings<'_>) -> Option<()> {
        let begin = self.buffer.len().min(5);
        if self.buffer[..begin] != b"HTTP/"[..begin] {
            self.no_head(around);
            return None;
        }
        let end = end_of_head(&self.buffer)?;
        let octets: Vec<u8> = self.buffer.drain(..end).collect();
        let mut breaches = Vec::new();
        let parsed = Head::parse(&octets, &mut breaches);
        let Some(head) = parsed else {
            let line = octets.split_inclusive(|octet| *octet == b'\n').next().unwrap_or_default();
            around.fail(Rule::StatusLine, format!("no status line: {}", quoted(line, 64)), line);
            self.state = State::Blind;
            return None;
        };
        let interim = head.status < 200 && head.status != 101;
        let request =
            if interim { around.requests.next().cloned() } else { around.requests.answered() };
        head.check(request.as_deref(), around.secure, &mut breaches);
        breaches.into_iter().for_each(|breach| around.tell(breach));
        around.audit.saw_head(&head, request.as_deref(), around);
        if !interim {
            self.answer(head, request, around);
        }
        Some(())
    }

    /// What stands where a response must begin, and is none.
    fn no_head(&mut self, around: &Surroundings<'_>) {
        self.state = State::Blind;
        // What is no request of HTTP/1 may have been answered in whatever protocol it is one of.
        if !around.requests.are_known() || self.count == 0 && around.requests.next().is_none() {
            return;
        }
        let shown = &self.buffer[..self.buffer.len().min(64)];
        let (rule, what) = match self.count {
            0 => (Rule::StatusLine, "no status line"),
            _ => (Rule::Framing, "behind a response, what is none"),
        };
        around.fail(rule, format!("{what}: {}", quoted(shown, 64)), shown);
    }

    /// A final response begins.
    fn answer(&mut self, head: Head, request: Option<Rc<Request>>, around: &Surroundings<'_>) {
        let status = head.status;
        if status == 101 {
            let extended = head.has("sec-websocket-extensions");
            let websocket = head.lists("upgrade", "websocket");
            self.state =
                if websocket { State::Frames(Frames::new(extended)) } else { State::Blind };
            return;
        }
        let asks = |method| request.as_ref().is_some_and(|request| request.is(method));
        let codings = head.field("transfer-encoding").map(<[u8]>::to_ascii_lowercase);
        self.state = if asks("CONNECT") && status / 100 == 2
            || request.is_none() && around.requests.may_be_bodiless()
        {
            State::Blind
        } else if asks("HEAD") || matches!(status, 204 | 304) {
            self.next(around)
        } else if let Some(codings) = codings {
            if codings.ends_with(b"chunked") { State::ChunkSize } else { State::UntilClose }
        } else if let Some(length) = head.length() {
            State::Content(length)
        } else if head.has("content-length") {
            State::Blind
        } else {
            State::UntilClose
        };
        if matches!(self.state, State::Content(0)) {
            self.state = self.next(around);
        }
        if !matches!(self.state, State::Head | State::Blind) {
            self.current = Some(Current { head, request, begun: false, page: Vec::new() });
        }
    }

    /// The connection is over.
    pub(super) fn end(&mut self, around: &Surroundings<'_>) {
        if let Some(Current { page, .. }) = self.current.take() {
            reflected(&page, around);
        }
    }
}

fn reflected(page: &[u8], around: &Surroundings<'_>) {
    if let Some(at) = page.windows(PROBE.1.len()).position(|window| window == PROBE.1) {
        let from = at.saturating_sub(32);
        let shown = &page[from..(at + PROBE.1.len() + 16).min(page.len())];
        around.fail(
            Rule::Reflection,
            format!("the target stands in HTML: {}", quoted(shown, 96)),
            shown,
        );
    }
}

fn push_frames(frames: &mut Frames, octets: &[u8], around: &Surroundings<'_>) {
    let before = frames.count;
    frames.push(octets, &mut |rule, outcome, what, octets| {
        around.tell((rule, outcome, what, octets.to_vec()));
    });
    around.audit.saw_frames(frames.count - before);
}

/// Where the head ends: behind the first empty line, whether its lines end with CRLF or with LF alone.
fn end_of_head(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        at += line.len();
        if at > line.len() && matches!(line, b"\r\n" | b"\n") {
            return Some(at);
        }
    }
    None
}
