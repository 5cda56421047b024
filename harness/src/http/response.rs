//! Responses as the subject wrote them.
//!
//! Source: RFC 9112 §4 (status line), §5 (fields), §6 (framing), §7.1 (chunked). What keeps a
//! response from being read at all is [`Parsed::Malformed`]; what merely breaks a rule is
//! listed in [`Response::faults`].

use crate::wire::text;

/// Octets of a head: more is malformed rather than partial. Servers stay far below.
const MAX_HEAD: usize = 256 << 10;

/// A final response, with the interim ones before it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Response {
    /// The statuses of interim (1xx) responses that came before it.
    pub(crate) interim: Vec<u16>,
    pub(crate) status: u16,
    /// Minor version: 0 or 1.
    pub(crate) minor: u8,
    /// Names and values as received, without the white space around the value.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) content: Vec<u8>,
    /// Rules that the head or the framing breaks.
    pub(crate) faults: Vec<String>,
    /// The content ends where the connection does.
    pub(crate) until_close: bool,
}

/// What [`Response::parse`] found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Parsed {
    /// A whole response, and how many octets it took.
    Whole(Response, usize),
    /// The octets so far begin a response.
    Partial,
    /// No response can begin like this; why.
    Malformed(String),
}

/// Either more octets are needed, or none will help.
enum Stop {
    Partial,
    Malformed(String),
}

impl Response {
    /// Reads the response at the beginning of `bytes`, to a request with this method.
    ///
    /// `ended` says that no more octets will come.
    pub(crate) fn parse(bytes: &[u8], method: &str, ended: bool) -> Parsed {
        match Self::parse_inner(bytes, method, ended) {
            Ok((response, len)) => Parsed::Whole(response, len),
            Err(Stop::Partial) if ended && !bytes.is_empty() => {
                Parsed::Malformed("the connection ended inside a response".into())
            }
            Err(Stop::Partial) => Parsed::Partial,
            Err(Stop::Malformed(why)) => Parsed::Malformed(why),
        }
    }

    fn parse_inner(bytes: &[u8], method: &str, ended: bool) -> Result<(Self, usize), Stop> {
        let mut interim = Vec::new();
        let mut at = 0;
        loop {
            let (mut response, len) = Self::parse_head(&bytes[at..])?;
            at += len;
            // 101 is the last response there is; the other 1xx announce one.
            if (100..200).contains(&response.status) && response.status != 101 {
                interim.push(response.status);
                continue;
            }
            response.interim = interim;
            let len = response.parse_content(&bytes[at..], method, ended)?;
            return Ok((response, at + len));
        }
    }

    fn parse_head(bytes: &[u8]) -> Result<(Self, usize), Stop> {
        let mut response = Self::default();
        let mut rest = bytes;
        let status_line = response.line(&mut rest)?;
        response.parse_status_line(status_line)?;
        loop {
            let line = response.line(&mut rest)?;
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|&b| b == b':') else {
                return Err(Stop::Malformed(format!(
                    "a field line without a colon: {}",
                    text::quoted(line, 64)
                )));
            };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.is_empty() || !name.iter().all(|&b| is_token_octet(b)) {
                response
                    .faults
                    .push(format!("{} is no field name (RFC 9110 §5.1)", text::quoted(name, 64)));
            }
            if value.iter().any(|b| matches!(b, 0 | b'\r')) {
                response.faults.push("a field value holds CR or NUL (RFC 9110 §5.5)".into());
            }
            response.fields.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
        }
        Ok((response, bytes.len() - rest.len()))
    }

    /// Takes a line off `rest`, without its end.
    fn line<'a>(&mut self, rest: &mut &'a [u8]) -> Result<&'a [u8], Stop> {
        let Some(lf) = rest.iter().position(|&b| b == b'\n') else {
            return Err(if rest.len() > MAX_HEAD {
                Stop::Malformed(format!("a head of more than {MAX_HEAD} octets"))
            } else if !could_begin_response(rest) && self.status == 0 {
                Stop::Malformed(format!("no status line: {}", text::quoted(rest, 64)))
            } else {
                Stop::Partial
            });
        };
        let line = &rest[..lf];
        *rest = &rest[lf + 1..];
        Ok(line.strip_suffix(b"\r").unwrap_or_else(|| {
            self.faults.push("a line of the head ends with a bare LF (RFC 9112 §2.2)".into());
            line
        }))
    }

    fn parse_status_line(&mut self, line: &[u8]) -> Result<(), Stop> {
        let malformed = || Stop::Malformed(format!("no status line: {}", text::quoted(line, 64)));
        let rest = line.strip_prefix(b"HTTP/1.").ok_or_else(malformed)?;
        let [minor @ (b'0' | b'1'), b' ', code @ ..] = rest else { return Err(malformed()) };
        let (code, reason) = code.split_at_checked(3).ok_or_else(malformed)?;
        let status = str::from_utf8(code).ok().and_then(|code| code.parse().ok());
        self.status = status.filter(|code| (100..600).contains(code)).ok_or_else(malformed)?;
        self.minor = minor - b'0';
        if reason.first() != Some(&b' ') {
            self.faults.push("no space behind the status code (RFC 9112 §4)".into());
        }
        Ok(())
    }

    /// Reads the content; gives back how many octets it took.
    fn parse_content(&mut self, bytes: &[u8], method: &str, ended: bool) -> Result<usize, Stop> {
        let chunked = self.has_token("transfer-encoding", "chunked");
        let lengths: Vec<&[u8]> = self.all("content-length").collect();
        let length =
            lengths.first().map(|value| str::from_utf8(value).unwrap_or("").parse::<usize>());
        if lengths.len() > 1 {
            self.faults.push("more than one Content-Length (RFC 9110 §8.6)".into());
        } else if chunked && length.is_some() {
            self.faults.push("Content-Length beside Transfer-Encoding (RFC 9112 §6.2)".into());
        }
        if matches!(self.status, 101 | 204) && (chunked || length.is_some()) {
            self.faults.push(format!(
                "a {} response with framing fields (RFC 9110 §8.6, 9112 §6.1)",
                self.status
            ));
        }
        if method == "HEAD" || matches!(self.status, 101 | 204 | 304) {
            return Ok(0);
        }
        if chunked {
            return self.parse_chunks(bytes);
        }
        match length {
            Some(Ok(length)) => {
                self.content = bytes.get(..length).ok_or(Stop::Partial)?.to_vec();
                Ok(length)
            }
            Some(Err(_)) => Err(Stop::Malformed("a Content-Length that is no number".into())),
            None if ended => {
                self.until_close = true;
                self.content = bytes.to_vec();
                Ok(bytes.len())
            }
            None => Err(Stop::Partial),
        }
    }

    fn parse_chunks(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let mut rest = bytes;
        loop {
            let line = self.line(&mut rest)?;
            let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
            let size = str::from_utf8(digits)
                .ok()
                .and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let size = size.ok_or_else(|| {
                Stop::Malformed(format!("no chunk size: {}", text::quoted(line, 64)))
            })?;
            if size == 0 {
                break;
            }
            let chunk = rest.get(..size).ok_or(Stop::Partial)?;
            self.content.extend_from_slice(chunk);
            rest = &rest[size..];
            if !self.line(&mut rest)?.is_empty() {
                return Err(Stop::Malformed("a chunk is longer than its size".into()));
            }
        }
        // Trailers carry nothing that we judge.
        while !self.line(&mut rest)?.is_empty() {}
        Ok(bytes.len() - rest.len())
    }

    /// Every value of the field, in order.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| &value[..])
    }

    /// The field's first value as text.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).next().and_then(|value| str::from_utf8(value).ok())
    }

    /// Whether the field, read as a list, holds the token.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|&b| b == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether the subject says that it will close (RFC 9112 §9.3).
    pub(crate) fn announces_close(&self) -> bool {
        self.until_close
            || self.has_token("connection", "close")
            || self.minor == 0 && !self.has_token("connection", "keep-alive")
    }
}

#[cfg(test)]
impl Response {
    /// The response that `bytes` are, to a GET.
    pub(crate) fn whole(bytes: &[u8]) -> Self {
        match Self::parse(bytes, "GET", false) {
            Parsed::Whole(response, len) if len == bytes.len() => response,
            other => panic!("not one whole response: {other:?}"),
        }
    }
}

/// Whether more octets could make a status line of these.
fn could_begin_response(bytes: &[u8]) -> bool {
    let start = b"HTTP/1.";
    let n = bytes.len().min(start.len());
    bytes[..n] == start[..n]
}

/// RFC 9110 §5.6.2, `tchar`.
pub(crate) fn is_token_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_framing() {
        let by_length = Response::whole(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!((by_length.status, &by_length.content[..]), (200, &b"hello"[..]));
        assert!(by_length.faults.is_empty() && !by_length.announces_close());
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n";
        assert_eq!(Response::whole(chunked).content, b"hello");
        let until_close = b"HTTP/1.1 200 OK\r\n\r\nhel";
        assert_eq!(Response::parse(until_close, "GET", false), Parsed::Partial);
        let Parsed::Whole(response, _) = Response::parse(until_close, "GET", true) else {
            panic!()
        };
        assert!(response.until_close && response.announces_close());
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert!(
            matches!(Response::parse(head, "HEAD", false), Parsed::Whole(_, len) if len == head.len())
        );
    }

    #[test]
    fn every_beginning_is_partial() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for end in 0..bytes.len() {
            assert_eq!(
                Response::parse(&bytes[..end], "GET", false),
                Parsed::Partial,
                "cut at {end}"
            );
        }
        assert_eq!(Response::whole(bytes).interim, [100]);
        assert!(matches!(Response::parse(&bytes[..30], "GET", true), Parsed::Malformed(_)));
    }

    #[test]
    fn what_is_no_response_is_malformed_at_once() {
        for bytes in [
            &b"hello"[..],
            b"HTTP/2.0 200 OK\r\n",
            b"HTTP/1.1 20 OK\r\n",
            b"HTTP/1.1 200 OK\r\nx\r\n",
        ] {
            assert!(
                matches!(Response::parse(bytes, "GET", false), Parsed::Malformed(_)),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn broken_rules_are_listed() {
        let response = Response::whole(
            b"HTTP/1.1 200 OK\nA b: x\0\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        );
        let faults = response.faults.join("; ");
        for expected in ["bare LF", "field name", "NUL", "more than one"] {
            assert!(faults.contains(expected), "{faults}");
        }
    }
}
