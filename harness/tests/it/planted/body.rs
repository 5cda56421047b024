//! How long a request's content is, and reading it (RFC 9112 §6 and §7).

use std::time::Duration;

use super::fault::{Fault, Faults};
use super::head::{BAD_REQUEST, Head, Refusal, is_tchar};
use super::input::{Deadline, Input, Lack};
use super::line::{self, NoLine};

/// How the end of the content is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// There is none.
    Absent,
    /// So many octets follow.
    Length(u64),
    /// Chunks follow.
    Chunked,
}

impl Framing {
    /// Decides by the fields, and refuses whatever two readers could understand in two ways.
    pub(super) fn of(head: &Head, faults: &Faults) -> Result<Self, Refusal> {
        if faults.has(Fault::ContentIgnored)
            && matches!(&*head.method, "GET" | "HEAD" | "OPTIONS" | "DELETE")
        {
            return Ok(Self::Absent);
        }
        let counts = |name: &str| {
            !(faults.has(Fault::ConnectionStripsFields) && head.lists("Connection", name))
        };
        let mut codings: Vec<_> = head.values("Transfer-Encoding").collect();
        let mut lengths: Vec<_> = head.values("Content-Length").collect();
        if faults.has(Fault::TeIgnored) || !counts("Transfer-Encoding") {
            codings.clear();
        }
        if !counts("Content-Length") {
            lengths.clear();
        }
        if faults.has(Fault::ContentEncodingFrames) && head.lists("Content-Encoding", "chunked") {
            return Ok(Self::Chunked);
        }
        if faults.has(Fault::FramingExact) {
            let exactly = |name: &[u8]| head.fields.iter().any(|(other, _)| other == name);
            codings.retain(|coding| exactly(b"Transfer-Encoding") && *coding == b"chunked");
            lengths.retain(|_| exactly(b"Content-Length"));
        }
        if faults.has(Fault::FramingGuessed) && !codings.is_empty() {
            return Ok(Self::Chunked);
        }
        if codings.is_empty() {
            return length(&lengths, faults);
        }
        if !lengths.is_empty() {
            // "[…] ought to be handled as an error": request smuggling (RFC 9112 §6.3).
            if faults.has(Fault::ClBeatsTe) {
                return length(&lengths, faults);
            }
            if !faults.has(Fault::ClTeAccepted) {
                return Err(BAD_REQUEST);
            }
        }
        if head.minor == 0 && !faults.has(Fault::TeInHttp10Accepted) {
            return Err(BAD_REQUEST);
        }
        chunked(&codings, faults)
    }
}

/// Exactly one `chunked`; another coding before it is one that we do not have.
fn chunked(codings: &[&[u8]], faults: &Faults) -> Result<Framing, Refusal> {
    let is_chunked = |coding: &[u8]| match faults.has(Fault::TeCaseMatters) {
        true => coding == b"chunked",
        false => coding.eq_ignore_ascii_case(b"chunked"),
    };
    let substring =
        |coding: &&[u8]| coding.to_ascii_lowercase().windows(7).any(|part| part == b"chunked");
    match codings {
        [coding] if is_chunked(coding) => Ok(Framing::Chunked),
        _ if faults.has(Fault::TeSubstring) && codings.iter().any(substring) => {
            Ok(Framing::Chunked)
        }
        _ if faults.has(Fault::TeUnknownIgnored) => Ok(Framing::Absent),
        [coding]
            if coding
                .rsplit(|octet| *octet == b',')
                .next()
                .is_some_and(|last| is_chunked(last.trim_ascii())) =>
        {
            let others = coding.split(|octet| *octet == b',').map(<[u8]>::trim_ascii);
            let known = others.filter(|other| other.is_empty() || is_chunked(other)).count();
            Err(if known == 1 { Refusal::Status(501) } else { BAD_REQUEST })
        }
        _ => Err(BAD_REQUEST),
    }
}

/// Exactly one Content-Length of digits.
fn length(lengths: &[&[u8]], faults: &Faults) -> Result<Framing, Refusal> {
    let members: Vec<_> =
        lengths.iter().flat_map(|value| value.split(|octet| *octet == b',')).collect();
    let value = match (lengths, &members[..]) {
        ([], _) => return Ok(Framing::Absent),
        (_, [first, ..]) if faults.has(Fault::FirstLengthWins) => first.trim_ascii(),
        (_, [.., last]) if faults.has(Fault::LastLengthWins) => last.trim_ascii(),
        ([value], _) => value,
        _ => return Err(BAD_REQUEST),
    };
    digits(value, faults).map(Framing::Length).ok_or(BAD_REQUEST)
}

fn digits(mut value: &[u8], faults: &Faults) -> Option<u64> {
    if faults.has(Fault::LengthNegativeAccepted) && value.starts_with(b"-") {
        return Some(0);
    }
    if faults.has(Fault::ZeroLengthRefused) && value == b"0" {
        return None;
    }
    if faults.has(Fault::LengthCut) {
        value = &value[..value.len().min(10)];
    }
    if faults.has(Fault::LengthPlusAccepted) {
        value = value.strip_prefix(b"+").unwrap_or(value);
    }
    if faults.has(Fault::LengthJunkAccepted) && !value.starts_with(b"-") && !value.starts_with(b"+")
    {
        let end = value.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(value.len());
        value = if end == 0 && !value.is_empty() { b"0" } else { &value[..end] };
    }
    if value.is_empty() && faults.has(Fault::LengthEmptyAccepted) {
        return Some(0);
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = value.len() > 1 && value[0] == b'0';
    if zeros && faults.has(Fault::LengthZerosRefused) {
        return None;
    }
    let radix = if zeros && faults.has(Fault::LengthOctal) { 8 } else { 10 };
    let mut number = 0_u64;
    for octet in value {
        let digit = u64::from(octet - b'0');
        let next = number.checked_mul(radix).and_then(|number| number.checked_add(digit));
        let wrapped = number.wrapping_mul(radix).wrapping_add(digit);
        number = if faults.has(Fault::LengthWraps) { wrapped } else { next? };
    }
    Some(number)
}

/// Reads the content of one request.
pub(super) struct Body<'a> {
    input: &'a mut Input,
    faults: &'a Faults,
    /// How long content may take for each KiB.
    pace: Option<Duration>,
    /// When the current KiB must be there.
    deadline: Deadline,
    /// How much of it is there.
    progress: usize,
}

impl<'a> Body<'a> {
    /// `pace` is how long each KiB may take: content that drips is as good as none.
    pub(super) fn new(input: &'a mut Input, pace: Option<Duration>, faults: &'a Faults) -> Self {
        Self { input, faults, pace, deadline: Deadline::after(pace), progress: 0 }
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.progress += count;
        if self.progress >= 1024 {
            self.progress = 0;
            self.deadline = Deadline::after(self.pace);
        }
    }

    /// Reads it whole; trailers end up nowhere.
    pub(super) fn read(&mut self, framing: Framing, head: &mut Head) -> Result<Vec<u8>, Refusal> {
        let mut content = Vec::new();
        let read = match framing {
            Framing::Absent => Ok(()),
            Framing::Length(length) => self.data(length, &mut content),
            Framing::Chunked => self.chunks(head, &mut content),
        };
        match read {
            Err(BAD_REQUEST) if self.faults.has(Fault::CutContentHandled) && self.is_cut() => {
                Ok(content)
            }
            read => read.map(|()| content),
        }
    }

    /// Whether the client has sent all that it will, and that was read.
    fn is_cut(&mut self) -> bool {
        self.input.unread().is_empty() && self.input.fill(self.deadline) == Err(Lack::Fin)
    }

    fn data(&mut self, length: u64, content: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut left = length;
        if length > MAX_CONTENT - content.len() as u64 && !self.faults.has(Fault::HugeLengthAwaited)
        {
            return Err(Refusal::Status(413));
        }
        while left > 0 {
            let unread = self.input.unread();
            let count = unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            content.extend_from_slice(&unread[..count]);
            self.consume(count);
            left -= count as u64;
            if left > 0 {
                if self.faults.has(Fault::BodyInOneRead) {
                    return Ok(());
                }
                self.input.fill(self.deadline)?;
            }
        }
        Ok(())
    }

    fn chunks(&mut self, head: &mut Head, content: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut extensions_left = MAX_EXTENSIONS;
        for count in 0_u32.. {
            if count == 1000 && self.faults.has(Fault::ManyChunksHang) {
                while self.input.fill(Deadline::Never).is_ok() {
                    self.input.clear();
                }
                return Err(Refusal::Gone);
            }
            let line = self.line()?;
            if line.is_empty() && self.faults.has(Fault::ChunkSizeJunkAccepted) {
                continue;
            }
            let (size, extension) = chunk_size(&line, self.faults).ok_or(BAD_REQUEST)?;
            extensions_left = extensions_left.checked_sub(extension).ok_or(BAD_REQUEST)?;
            if size == 0 {
                if count == 0 && self.faults.has(Fault::LoneLastChunkRefused) {
                    return Err(BAD_REQUEST);
                }
                break;
            }
            self.data(size, content)?;
            self.chunk_end()?;
        }
        if self.faults.has(Fault::TrailersUnread) {
            return Ok(());
        }
        head.read_trailers(self.input, self.deadline, self.faults)
    }

    fn line(&mut self) -> Result<Vec<u8>, Refusal> {
        let rules = line::Rules::of_chunks(self.faults);
        line::read(self.input, rules, MAX_EXTENSIONS, self.deadline).map_err(
            |no_line| match no_line {
                NoLine::Malformed | NoLine::TooLong => BAD_REQUEST,
                NoLine::Lack(lack) => lack.into(),
            },
        )
    }

    /// The CRLF after the data of a chunk, refused at its first wrong octet.
    fn chunk_end(&mut self) -> Result<(), Refusal> {
        if self.faults.has(Fault::ChunkSpillSkipped) {
            return self.line().map(drop);
        }
        if self.faults.has(Fault::ChunkLineEndLenient) && self.next()? == b'\n' {
            self.input.consume(1);
            return Ok(());
        }
        for wanted in *b"\r\n" {
            if self.next()? == wanted {
                self.input.consume(1);
            } else if !self.faults.has(Fault::ChunkEndOptional) {
                return Err(BAD_REQUEST);
            }
        }
        Ok(())
    }

    /// The next octet, not consumed.
    fn next(&mut self) -> Result<u8, Refusal> {
        loop {
            if let Some(octet) = self.input.unread().first() {
                return Ok(*octet);
            }
            self.input.fill(self.deadline)?;
        }
    }
}

/// `1*HEXDIG [ chunk-ext ]`: the size, and how long the extension is.
fn chunk_size(line: &[u8], faults: &Faults) -> Option<(u64, usize)> {
    let mut line = line.to_vec();
    if faults.has(Fault::ChunkSizeSignAccepted) && matches!(line.first(), Some(b'+' | b'-')) {
        line.remove(0);
    }
    if faults.has(Fault::ChunkSizePrefixAccepted) {
        if line.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"0x")) {
            line.drain(..2);
        }
        line.retain(|octet| *octet != b'_');
    }
    let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at(end);
    let lenient = faults.has(Fault::ChunkSizeJunkAccepted);
    if digits.is_empty() {
        return lenient.then_some((0, 0));
    }
    let refused = (faults.has(Fault::ChunkZerosRefused) && digits.len() > 1 && digits[0] == b'0')
        || (faults.has(Fault::ChunkUppercaseRefused) && digits.iter().any(u8::is_ascii_uppercase))
        || (faults.has(Fault::ChunkExtensionRefused) && !rest.is_empty());
    let unchecked = lenient || faults.has(Fault::ChunkExtensionUnchecked) && rest.starts_with(b";");
    if refused || !(rest.is_empty() || is_extension(rest) || unchecked) {
        return None;
    }
    let mut size = 0_u64;
    for digit in digits {
        let digit = u64::from(char::from(*digit).to_digit(16)?);
        size = if faults.has(Fault::ChunkSizeWraps) {
            (size << 4 | digit) & u64::from(u32::MAX)
        } else {
            size.checked_mul(16)? + digit
        };
    }
    Some((size, rest.len()))
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`
fn is_extension(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(name) =
            skip_bws(rest).strip_prefix(b";").and_then(|rest| skip_token(skip_bws(rest)))
        else {
            return false;
        };
        rest = name;
        if let Some(value) = skip_bws(name).strip_prefix(b"=") {
            let value = skip_bws(value);
            let Some(after) = skip_token(value).or_else(|| skip_quoted(value)) else {
                return false;
            };
            rest = after;
        }
    }
    true
}

fn skip_bws(octets: &[u8]) -> &[u8] {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t');
    let end = octets.iter().position(|octet| !is_space(octet)).unwrap_or(octets.len());
    &octets[end..]
}

fn skip_token(octets: &[u8]) -> Option<&[u8]> {
    let end = octets.iter().position(|octet| !is_tchar(octet)).unwrap_or(octets.len());
    (end > 0).then(|| &octets[end..])
}

fn skip_quoted(octets: &[u8]) -> Option<&[u8]> {
    let mut rest = octets.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., after @ ..] => after,
            [b'\t' | b' '..=b'[' | b']'..=b'~' | 0x80.., after @ ..] => after,
            _ => return None,
        };
    }
}

/// Octets of content in one request.
const MAX_CONTENT: u64 = 16 * 1024 * 1024;
/// Octets of chunk extensions in one request, and of one line between chunks.
const MAX_EXTENSIONS: usize = 16 * 1024;
