//! What was asked on a connection, read from the octets that went out.
//!
//! Answers are judged by their requests: an answer to HEAD has no content, one to HTTP/1.0 no chunks. But
//! the harness sends much that is no request, and a server may make of it what it likes. So this reads
//! strictly, and from the first doubt on nothing is known: what is not known accuses nobody.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::http::is_token_octet;

/// Octets of a head. What is longer is not known.
const MAX_HEAD: usize = 64 << 10;
/// Requests that may wait for their answers. Beyond that nothing is known.
const MAX_WAITING: usize = 1024;

/// A request without any doubt.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) minor: u8,
    /// Names in small letters.
    pub(super) fields: Vec<(String, String)>,
}

impl Request {
    /// The field's first value.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| &value[..])
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.method == method
    }
}

/// The requests of a connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    buffer: Vec<u8>,
    waiting: VecDeque<Rc<Request>>,
    /// Something that is no request may have asked for an answer without content.
    may_be_bodiless: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Head,
    Content(u64),
    ChunkSize,
    /// With the CRLF behind it.
    Chunk(u64),
    Trailers,
    Unknown,
}

impl Requests {
    /// Octets that went out.
    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.state == State::Unknown {
            return self.suspect(octets);
        }
        self.buffer.extend_from_slice(octets);
        loop {
            let before = (self.state, self.buffer.len());
            if self.step().is_none() || self.waiting.len() > MAX_WAITING {
                self.state = State::Unknown;
                let doubtful = std::mem::take(&mut self.buffer);
                return self.suspect(&doubtful);
            }
            if (self.state, self.buffer.len()) == before {
                return;
            }
        }
    }

    /// The request that the next final answer belongs to, if that is certain.
    pub(super) fn answered(&mut self) -> Option<Rc<Request>> {
        self.waiting.pop_front()
    }

    pub(super) fn next(&self) -> Option<&Rc<Request>> {
        self.waiting.front()
    }

    /// Whether all that went out so far is understood.
    pub(super) fn are_known(&self) -> bool {
        self.state != State::Unknown
    }

    /// Whether an answer to what is not known may be one to HEAD or CONNECT.
    pub(super) fn may_be_bodiless(&self) -> bool {
        self.may_be_bodiless || contains_bodiless(&self.buffer)
    }

    fn suspect(&mut self, octets: &[u8]) {
        // A word may be cut in two: then a whole one may hide in what was seen before.
        let len = self.buffer.len();
        self.buffer.drain(..len.saturating_sub(8));
        self.buffer.extend_from_slice(octets);
        self.may_be_bodiless |= contains_bodiless(&self.buffer);
        let len = self.buffer.len();
        self.buffer.drain(..len.saturating_sub(8));
    }

    /// Takes one piece off the buffer, if it is whole. `None` from the first doubt on.
    fn step(&mut self) -> Option<()> {
        match self.state {
            State::Head => {
                let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
                    return (self.buffer.len() <= MAX_HEAD).then_some(());
                };
                let request = parse(str::from_utf8(&self.buffer[..end]).ok()?)?;
                self.state = framing(&request)?;
                self.buffer.drain(..end + 4);
                self.waiting.push_back(Rc::new(request));
            }
            State::Content(left) | State::Chunk(left) => {
                let taken = left.min(self.buffer.len() as u64);
                self.buffer.drain(..taken as usize);
                let ended = taken == left;
                self.state = match self.state {
                    State::Content(_) if ended => State::Head,
                    State::Content(_) => State::Content(left - taken),
                    _ if ended => State::ChunkSize,
                    _ => State::Chunk(left - taken),
                };
            }
            State::ChunkSize => {
                let Some(line) = self.line() else { return Some(()) };
                let line = str::from_utf8(&line).ok()?;
                // No extension, no sign, no white space: those are read in more than one way.
                let digits = !line.is_empty() && line.bytes().all(|b| b.is_ascii_hexdigit());
                let size = u64::from_str_radix(line, 16).ok().filter(|_| digits)?;
                self.state = match size {
                    0 => State::Trailers,
                    size => State::Chunk(size.checked_add(2)?),
                };
            }
            State::Trailers => {
                let Some(line) = self.line() else { return Some(()) };
                if line.is_empty() {
                    self.state = State::Head;
                }
            }
            State::Unknown => return None,
        }
        Some(())
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = find(&self.buffer, b"\r\n")?;
        let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        line.truncate(end);
        Some(line)
    }
}

/// A head without its empty line.
fn parse(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let minor = match version {
        "HTTP/1.0" => 0,
        "HTTP/1.1" => 1,
        _ => return None,
    };
    let visible = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
    if words.next().is_some() || !is_token(method) || !visible(target) {
        return None;
    }
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let sound = is_token(name) && value.bytes().all(|b| b == b'\t' || matches!(b, b' '..=b'~'));
        sound.then(|| (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
    };
    let fields = lines.map(field).collect::<Option<_>>()?;
    Some(Request { method: method.into(), target: target.into(), minor, fields })
}

/// How the content is framed; `None` where servers may differ about it.
fn framing(request: &Request) -> Option<State> {
    let all = |name: &str| -> Vec<&str> {
        request.fields.iter().filter(|(n, _)| n == name).map(|(_, value)| &value[..]).collect()
    };
    match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => Some(State::Head),
        ([length], []) if length.bytes().all(|b| b.is_ascii_digit()) => match length.parse() {
            Ok(0) => Some(State::Head),
            Ok(length) => Some(State::Content(length)),
            Err(_) => None,
        },
        ([], ["chunked"]) if request.minor > 0 => Some(State::ChunkSize),
        _ => None,
    }
}

fn contains_bodiless(octets: &[u8]) -> bool {
    let has = |word: &[u8]| octets.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    has(b"HEAD") || has(b"CONNECT")
}

fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|window| window == what)
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(is_token_octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(octets: &[u8]) -> (Vec<String>, bool) {
        let mut whole = Requests::default();
        whole.push(octets);
        let mut by_octets = Requests::default();
        octets.iter().for_each(|octet| by_octets.push(&[*octet]));
        let methods = |requests: &Requests| {
            requests.waiting.iter().map(|r| r.method.clone()).collect::<Vec<_>>()
        };
        assert_eq!(methods(&whole), methods(&by_octets), "however it is cut");
        assert_eq!(whole.may_be_bodiless(), by_octets.may_be_bodiless());
        (methods(&whole), whole.are_known())
    }

    #[test]
    fn requests_are_told_from_their_content() {
        let octets = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nHEADHEAD / HTTP/1.1\r\nHost: h\r\n\r\n\
            PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.0\r\n\r\n";
        assert_eq!(asked(octets), (["POST", "HEAD", "PUT", "GET"].map(String::from).into(), true));
    }

    #[test]
    fn from_the_first_doubt_on_nothing_is_known() {
        let first = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        for doubt in [
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.2\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\n folded\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 ;x\r\n",
        ] {
            let octets = format!("{first}{doubt}{first}");
            let (methods, known) = asked(octets.as_bytes());
            assert!(!known && methods.len() <= 2, "{doubt:?}: {methods:?}");
        }
    }

    #[test]
    fn what_is_not_known_may_be_a_head_request() {
        let mut requests = Requests::default();
        requests.push(b"HE");
        requests.push(b"AD  / HTTP/1.1\r\n\r\n");
        assert!(requests.may_be_bodiless());
        let mut requests = Requests::default();
        requests.push(b"GET  / HTTP/1.1\r\n\r\n");
        assert!(!requests.may_be_bodiless());
    }
}
