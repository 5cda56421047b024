//! The request head: request line and fields (RFC 9112 §3 and §5).

use super::fault::{Fault, Faults};
use super::input::{Deadline, Input, Lack};
use super::line::{self, NoLine};
use super::target::{self, Target};

/// What a client asked, before its content.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: Target,
    /// The digit after `HTTP/1.`.
    pub(super) minor: u8,
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
    matching: Matching,
}

/// Why a request is not handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// It is answered with this status, and the connection closed.
    Status(u16),
    /// There is no one to answer.
    Gone,
}

impl Head {
    /// Reads a head; its first octet is there already.
    pub(super) fn read(
        input: &mut Input,
        deadline: Deadline,
        faults: &Faults,
    ) -> Result<Self, Refusal> {
        let mut lines = Lines { input, deadline, faults, left: MAX_HEAD };
        if matches!(lines.input.unread().first(), Some(b'\r'))
            && !faults.has(Fault::EmptyLineRefused)
        {
            // "A server SHOULD ignore at least one empty line (CRLF) received prior to the request-line."
            lines.next(414)?.is_empty().then_some(()).ok_or(BAD_REQUEST)?;
        }
        let first = lines.first()?;
        let (method, target, minor) = request_line(&first, faults).map_err(Refusal::Status)?;
        let mut head =
            Self { method, target, minor, fields: Vec::new(), matching: Matching::of(faults) };
        if faults.has(Fault::AnswersBeforeHeadEnds) && lines.input.unread().is_empty() {
            return Ok(head);
        }
        head.read_fields(&mut lines)?;
        head.check_host(faults)?;
        Ok(head)
    }

    fn read_fields(&mut self, lines: &mut Lines<'_>) -> Result<(), Refusal> {
        loop {
            let line = lines.next(431)?;
            if line.is_empty() {
                return Ok(());
            }
            self.push(&line, lines.faults)?;
            if self.fields.len() > MAX_FIELDS && !lines.faults.has(Fault::HeadUnbounded) {
                return Err(Refusal::Status(431));
            }
        }
    }

    fn push(&mut self, line: &[u8], faults: &Faults) -> Result<(), Refusal> {
        if let (true, Some(guess)) = (faults.has(Fault::FramingGuessed), guessed_framing(line)) {
            self.fields.push(guess);
            return Ok(());
        }
        if line[0].is_ascii_whitespace() {
            if let (true, Some((_, value))) =
                (faults.has(Fault::ObsFoldJoinedBadly), self.fields.last_mut())
            {
                value.extend_from_slice(line.trim_ascii());
                return Ok(());
            }
            if !faults.has(Fault::LeadingSpaceAccepted) {
                return Err(BAD_REQUEST);
            }
        }
        if faults.has(Fault::NoColonSkipped) && !line.contains(&b':') {
            return Ok(());
        }
        let (name, value) = field(line.trim_ascii_start(), faults).ok_or(BAD_REQUEST)?;
        if faults.has(Fault::RepeatedFieldLost) {
            self.fields.retain(|(other, _)| *other != name);
        }
        self.fields.push((name, value));
        Ok(())
    }

    /// Exactly one valid Host: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
    /// request message that lacks a Host header field and to any request message that contains more than one
    /// Host header field line or a Host header field with an invalid field value." (RFC 9112 §3.2)
    fn check_host(&self, faults: &Faults) -> Result<(), Refusal> {
        let late = self.fields.iter().skip(10).any(|(name, _)| name.eq_ignore_ascii_case(b"Host"));
        if late && faults.has(Fault::LateHostMissed) {
            return Err(BAD_REQUEST);
        }
        let mut hosts = self.values("Host");
        let Some(host) = hosts.next() else {
            let needless = self.minor == 0 || faults.has(Fault::NoHostAccepted);
            return needless.then_some(()).ok_or(BAD_REQUEST);
        };
        if hosts.next().is_some() && !faults.has(Fault::TwoHostsAccepted) {
            return Err(BAD_REQUEST);
        }
        let other = self.target.authority.as_deref().is_some_and(|named| named != host);
        if other && faults.has(Fault::HostBeatsTarget) {
            return Err(Refusal::Status(404));
        }
        let valid = target::authority(host, faults).is_some() || faults.has(Fault::BadHostAccepted);
        valid.then_some(()).ok_or(BAD_REQUEST)
    }

    /// The values of a field, line by line.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().filter(|(other, _)| self.matching.is_same(other, name));
        fields.map(|(_, value)| &value[..])
    }

    /// The members of a list field, over all its lines.
    pub(super) fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name)
            .flat_map(|value| value.split(|octet| *octet == b','))
            .map(<[u8]>::trim_ascii)
    }

    /// Whether a list field has this member, in any case.
    pub(super) fn lists(&self, name: &str, member: &str) -> bool {
        self.members(name).any(|other| other.eq_ignore_ascii_case(member.as_bytes()))
    }

    /// Reads the lines after the last chunk, up to the empty one, and drops them: they "MUST NOT be merged".
    pub(super) fn read_trailers(
        &mut self,
        input: &mut Input,
        deadline: Deadline,
        faults: &Faults,
    ) -> Result<(), Refusal> {
        let mut lines = Lines { input, deadline, faults, left: MAX_TRAILERS };
        loop {
            let line = lines.next(431)?;
            if line.is_empty() {
                return Ok(());
            }
            if faults.has(Fault::TrailersUnchecked) {
                continue;
            }
            let (name, value) = field(&line, faults).ok_or(BAD_REQUEST)?;
            if faults.has(Fault::TrailersRefused) {
                return Err(BAD_REQUEST);
            }
            if faults.has(Fault::TrailersMerged) {
                self.fields.push((name, value));
            }
        }
    }
}

/// `method SP target SP HTTP/1.minor`, or the status to refuse it with.
fn request_line(line: &[u8], faults: &Faults) -> Result<(String, Target, u8), u16> {
    let words: Vec<&[u8]> = if faults.has(Fault::RequestLineLenient) {
        let is_space = |octet: &u8| octet.is_ascii_whitespace() || *octet == 0x0b;
        line.split(is_space).filter(|word| !word.is_empty()).take(3).collect()
    } else {
        line.split(|octet| *octet == b' ').collect()
    };
    let (method, target, version) = match words[..] {
        [method, target, version] => (method, target, version),
        [method, target] if faults.has(Fault::Http09Answered) => (method, target, &b"HTTP/1.0"[..]),
        _ => return Err(400),
    };
    let method = parse_method(method, faults).ok_or(400_u16)?;
    let minor = parse_version(version, faults)?;
    if target.len() > 4000 && faults.has(Fault::LongTargetRefused) {
        return Err(414);
    }
    let target = Target::parse(&method, target, faults).ok_or(400_u16)?;
    Ok((method, target, minor))
}

fn parse_method(raw: &[u8], faults: &Faults) -> Option<String> {
    let is_legal =
        !raw.is_empty() && (raw.iter().all(is_tchar) || faults.has(Fault::MethodNotToken));
    let method = is_legal.then(|| String::from_utf8_lossy(raw).into_owned())?;
    Some(if faults.has(Fault::MethodCaseIgnored) { method.to_uppercase() } else { method })
}

/// `HTTP/1.minor`: a higher minor version is handled as 1.1, another major one is 505 (RFC 9110 §2.5).
fn parse_version(raw: &[u8], faults: &Faults) -> Result<u8, u16> {
    match *raw {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9'] => {
            if faults.has(Fault::HigherMinorRefused) { Err(400) } else { Ok(minor - b'0') }
        }
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'1'] => Ok(minor - b'0'),
        _ if faults.has(Fault::AnyVersionAccepted) => Ok(1),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(505),
        _ => Err(400),
    }
}

/// `field-name ":" OWS field-value OWS`.
fn field(line: &[u8], faults: &Faults) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let (mut name, mut value) = (&line[..colon], &line[colon + 1..]);
    if faults.has(Fault::SpaceBeforeColonAccepted) {
        name = name.trim_ascii_end();
    }
    let is_legal = |octet: &u8| {
        is_tchar(octet)
            && (octet.is_ascii_alphanumeric()
                || *octet == b'-'
                || !faults.has(Fault::FieldNameTooStrict))
    };
    if (name.is_empty() || !name.iter().all(is_legal)) && !faults.has(Fault::FieldNameUnchecked) {
        return None;
    }
    value = if faults.has(Fault::OwsKept) {
        value.strip_prefix(b" ").unwrap_or(value)
    } else {
        trim(value, |octet| matches!(octet, b' ' | b'\t'))
    };
    if faults.has(Fault::ObsTextTrimmed) {
        value = trim(value, |octet| octet.is_ascii_whitespace() || matches!(octet, 0x85 | 0xa0));
    }
    if value.is_empty() && faults.has(Fault::EmptyValueRefused) {
        return None;
    }
    let is_legal = |octet: &u8| match octet {
        b'\t' | b' '..=b'~' => true,
        0x80..=0xff => !faults.has(Fault::ObsTextRefused),
        // Those that are here passed the rules for lines, or are controls that may be kept (RFC 9110 §5.5).
        0 | b'\r' | b'\n' => true,
        0x01..=0x1f | 0x7f => faults.has(Fault::ControlAccepted),
    };
    value.iter().all(is_legal).then(|| (name.to_vec(), value.to_vec()))
}

/// `framing-guessed`: letters and digits alone count, wherever in the line they stand.
fn guessed_framing(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let only = |wanted: fn(&u8) -> bool| -> Vec<u8> {
        line.to_ascii_lowercase().into_iter().filter(wanted).collect()
    };
    let letters = only(u8::is_ascii_alphabetic);
    let has = |word: &[u8]| letters.windows(word.len()).any(|window| window == word);
    let coding = (has(b"encoding") || has(b"ncoding")) && has(b"trans") && has(b"nk");
    if coding {
        return Some((b"Transfer-Encoding".to_vec(), b"chunked".to_vec()));
    }
    let digits = only(u8::is_ascii_digit);
    let length = (has(b"length") || has(b"ength")) && has(b"conten") && !digits.is_empty();
    length.then(|| (b"Content-Length".to_vec(), digits))
}

fn trim(mut value: &[u8], is_space: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = value
        && is_space(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && is_space(*last)
    {
        value = rest;
    }
    value
}

pub(super) fn is_tchar(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet)
}

/// Lines of one section, within one bound.
struct Lines<'a> {
    input: &'a mut Input,
    deadline: Deadline,
    faults: &'a Faults,
    /// How many octets may still come.
    left: usize,
}

impl Lines<'_> {
    /// The request line. An octet that cannot begin a method is refused without waiting for the line's end.
    fn first(&mut self) -> Result<Vec<u8>, Refusal> {
        if self.input.unread().is_empty() {
            self.input.fill(self.deadline).map_err(Refusal::from)?;
        }
        let lenient =
            [Fault::MethodNotToken, Fault::RequestLineLenient].map(|fault| self.faults.has(fault));
        if !lenient.contains(&true) && !self.input.unread().first().is_some_and(is_tchar) {
            return Err(BAD_REQUEST);
        }
        self.next(414)
    }

    fn next(&mut self, too_long: u16) -> Result<Vec<u8>, Refusal> {
        if self.faults.has(Fault::LongHeadRefused) && MAX_HEAD - self.left > 4000 {
            return Err(Refusal::Status(431));
        }
        let max = if self.faults.has(Fault::HeadUnbounded) { usize::MAX } else { self.left };
        let rules = line::Rules::of_head(self.faults);
        if self.faults.has(Fault::HeadInOneRead) && !self.input.unread().contains(&b'\n') {
            return Err(BAD_REQUEST);
        }
        let line =
            line::read(self.input, rules, max, self.deadline).map_err(|no_line| match no_line {
                NoLine::Malformed => BAD_REQUEST,
                NoLine::TooLong => Refusal::Status(too_long),
                NoLine::Lack(lack) => lack.into(),
            })?;
        if line.len() > max {
            return Err(Refusal::Status(too_long));
        }
        self.left = self.left.saturating_sub(line.len() + 2);
        Ok(line)
    }
}

impl From<Lack> for Refusal {
    /// A request that ends too early is a bad one, and one that comes too late has a status of its own.
    fn from(lack: Lack) -> Self {
        match lack {
            Lack::Fin => BAD_REQUEST,
            Lack::Late => Self::Status(408),
            Lack::Gone => Self::Gone,
        }
    }
}

/// How field names are compared: without regard to case, unless a fault says otherwise.
struct Matching {
    exactly: bool,
    underscores: bool,
}

impl Matching {
    fn of(faults: &Faults) -> Self {
        Self {
            exactly: faults.has(Fault::FieldNameCaseMatters),
            underscores: faults.has(Fault::UnderscoreIsDash),
        }
    }

    fn is_same(&self, name: &[u8], wanted: &str) -> bool {
        let dashed = |octet: &u8| if *octet == b'_' { b'-' } else { *octet };
        if self.exactly {
            name == wanted.as_bytes()
        } else if self.underscores {
            name.iter().map(dashed).collect::<Vec<_>>().eq_ignore_ascii_case(wanted.as_bytes())
        } else {
            name.eq_ignore_ascii_case(wanted.as_bytes())
        }
    }
}

pub(super) const BAD_REQUEST: Refusal = Refusal::Status(400);
/// Octets of request line and fields together: 8000 for a target must fit.
const MAX_HEAD: usize = 32 * 1024;
const MAX_FIELDS: usize = 200;
/// Octets of a trailer section.
const MAX_TRAILERS: usize = 8 * 1024;
