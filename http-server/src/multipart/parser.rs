//! Finding the parts: octets in, events out; nothing is read here.
//!
//! ```text
//!             delimiter            CRLF             CRLF CRLF
//!   Preamble ───────────▶ Boundary ────▶ Head ─────────────────▶ Data
//!                            │ ▲                                  │
//!                       "--" │ └──────────── delimiter ───────────┘
//!                            ▼
//!                           End
//! ```

use memchr::memmem;

use super::Fault;
use super::head::PartHead;

/// Finds the parts of one form in the octets that are pushed.
#[derive(Debug)]
pub(crate) struct Parser {
    /// CRLF, two dashes, boundary.
    delimiter: Vec<u8>,
    /// Octets not yet used: one push and what could not be decided before it, which is shorter
    /// than a delimiter or a head at its limit.
    buffer: Vec<u8>,
    /// Used up to here.
    start: usize,
    state: State,
    max_head: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Preamble,
    /// Behind a delimiter.
    Boundary,
    Head,
    Data,
    End,
}

/// What comes next.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found {
    Part(PartHead),
    /// Not empty.
    Data(Vec<u8>),
    PartEnd,
    /// Nothing more, whatever follows (an epilogue means nothing, RFC 2046 §5.1.1).
    End,
}

/// `boundary := 0*69<bchars> bcharsnospace` (RFC 2046 §5.1.1)
const MAX_BOUNDARY: usize = 70;

impl Parser {
    pub(crate) fn new(boundary: &str, max_head: usize) -> Result<Self, Fault> {
        let bchar = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
        let fits = (1..=MAX_BOUNDARY).contains(&boundary.len()) && !boundary.ends_with(' ');
        if !fits || !boundary.chars().all(bchar) {
            return Err(Fault::Boundary);
        }
        // The first delimiter may stand at the very beginning: as if a line had ended before.
        let buffer = b"\r\n".to_vec();
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Ok(Self { delimiter, buffer, start: 0, state: State::Preamble, max_head })
    }

    /// Takes octets that follow those before.
    pub(crate) fn push(&mut self, octets: Vec<u8>) {
        if self.start == self.buffer.len() {
            self.buffer = octets;
        } else {
            self.buffer.drain(..self.start);
            self.buffer.extend_from_slice(&octets);
        }
        self.start = 0;
    }

    /// What comes next; `None` if more must be pushed.
    ///
    /// # Errors
    ///
    /// What is wrong with the form; nothing is to be asked after that.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, Fault> {
        loop {
            let rest = &self.buffer[self.start..];
            match self.state {
                State::Preamble => match memmem::find(rest, &self.delimiter) {
                    Some(at) if at <= self.max_head => {
                        self.start += at + self.delimiter.len();
                        self.state = State::Boundary;
                    }
                    None if rest.len() <= self.max_head + self.delimiter.len() => return Ok(None),
                    _ => return Err(Fault::HeadTooLong),
                },
                State::Boundary => {
                    if rest.starts_with(b"--") {
                        self.state = State::End;
                        continue;
                    }
                    // `transport-padding := *LWSP-char`, which nobody sends.
                    let padding = rest.iter().take_while(|octet| matches!(octet, b' ' | b'\t'));
                    let padding = padding.count();
                    match &rest[padding..] {
                        _ if padding > self.max_head => return Err(Fault::HeadTooLong),
                        [b'\r', b'\n', ..] => {
                            // The CRLF stays: a part without fields then has its CRLF CRLF, too.
                            self.start += padding;
                            self.state = State::Head;
                        }
                        [] | [b'\r'] => return Ok(None),
                        [b'-'] if padding == 0 => return Ok(None),
                        _ => return Err(Fault::BoundaryLine),
                    }
                }
                State::Head => {
                    let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
                        if rest.len() > self.max_head + 4 {
                            return Err(Fault::HeadTooLong);
                        }
                        return Ok(None);
                    };
                    if end > self.max_head {
                        return Err(Fault::HeadTooLong);
                    }
                    let lines = rest.get(2..end + 2).unwrap_or_default();
                    let lines = std::str::from_utf8(lines).map_err(|_| Fault::Head)?;
                    let head = PartHead::parse(lines)?;
                    self.start += end + 4;
                    self.state = State::Data;
                    return Ok(Some(Found::Part(head)));
                }
                State::Data => return Ok(self.data()),
                State::End => return Ok(Some(Found::End)),
            }
        }
    }

    fn data(&mut self) -> Option<Found> {
        let rest = &self.buffer[self.start..];
        let (len, found) = match memmem::find(rest, &self.delimiter) {
            Some(at) => (at, true),
            // What could be the beginning of a delimiter waits.
            None => (rest.len() - self.overlap(rest), false),
        };
        if len > 0 {
            let data = rest[..len].to_vec();
            self.start += len;
            return Some(Found::Data(data));
        }
        if !found {
            return None;
        }
        self.start += self.delimiter.len();
        self.state = State::Boundary;
        Some(Found::PartEnd)
    }

    /// The length of the longest end of `octets` that a delimiter could begin with.
    fn overlap(&self, octets: &[u8]) -> usize {
        let tail = &octets[octets.len().saturating_sub(self.delimiter.len() - 1)..];
        memchr::memchr_iter(b'\r', tail)
            .map(|at| &tail[at..])
            .find(|tail| self.delimiter.starts_with(tail))
            .map_or(0, <[u8]>::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and contents of all parts, pushed in pieces of `len` octets.
    fn parts(form: &[u8], len: usize) -> Result<Vec<(String, String)>, Fault> {
        let mut parser = Parser::new("B", 100)?;
        let mut parts: Vec<(String, String)> = Vec::new();
        let mut pieces = form.chunks(len);
        loop {
            match parser.next()? {
                None => parser.push(pieces.next().ok_or(Fault::Cut)?.to_vec()),
                Some(Found::Part(head)) => parts.push((head.name, String::new())),
                Some(Found::Data(data)) => {
                    assert!(!data.is_empty());
                    parts.last_mut().unwrap().1.push_str(std::str::from_utf8(&data).unwrap());
                }
                Some(Found::PartEnd) => {}
                Some(Found::End) => return Ok(parts),
            }
        }
    }

    /// The same result however the form is cut.
    fn parse(form: &str) -> Result<Vec<(String, String)>, Fault> {
        let whole = parts(form.as_bytes(), form.len().max(1));
        for len in 1..form.len() {
            assert_eq!(parts(form.as_bytes(), len), whole, "pieces of {len}: {form:?}");
        }
        whole
    }

    fn part(name: &str, content: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    #[test]
    fn parts_are_what_stands_between_boundaries() {
        let pair = |name: &str, content: &str| (name.to_owned(), content.to_owned());
        let form =
            part("a", "hello") + &part("b", "") + &part("c", "\r\n-\r\n--\r\n--A\r--B") + "--B--";
        let expected = [pair("a", "hello"), pair("b", ""), pair("c", "\r\n-\r\n--\r\n--A\r--B")];
        assert_eq!(parse(&form).as_deref(), Ok(&expected[..]));
        // Preamble, padding and epilogue mean nothing.
        let form =
            format!("hello\r\n{}--B--\r\nbye", part("a", "x")).replacen("--B\r", "--B \t\r", 1);
        assert_eq!(parse(&form).as_deref(), Ok(&[pair("a", "x")][..]));
        assert_eq!(parse("--B--").as_deref(), Ok(&[][..]));
    }

    #[test]
    fn whatever_else_is_refused() {
        let head = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n";
        for (form, fault) in [
            (String::new(), Fault::Cut),
            (part("a", "x"), Fault::Cut),
            ("--B\r\n\r\nx\r\n--B--".to_owned(), Fault::Head),
            (format!("{head}\r\nx\r\n--Bx\r\n"), Fault::BoundaryLine),
            (format!("{head}\r\nx\r\n--B\n"), Fault::BoundaryLine),
            (format!("{head}\r\nx\r\n--B-x"), Fault::BoundaryLine),
            (format!("{head}X: {}\r\n\r\nx\r\n--B--", "x".repeat(100)), Fault::HeadTooLong),
            (format!("{}\r\n--B--", "x".repeat(200)), Fault::HeadTooLong),
        ] {
            assert_eq!(parse(&form), Err(fault), "{form:?}");
        }
        for boundary in ["", "a ", "a\"b", "\u{e9}", &"x".repeat(71)] {
            assert_eq!(Parser::new(boundary, 100).err(), Some(Fault::Boundary), "{boundary:?}");
        }
    }
}
