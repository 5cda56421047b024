//! What a head may say, given what was asked.

use std::time::{SystemTime, UNIX_EPOCH};

use super::grammar;
use super::request::{Request, is_token};
use super::rule::Rule;
use crate::verdict::Outcome;
use crate::wire::text::quoted;

/// Octets shown of a line.
const SHOWN: usize = 96;

/// Fields of which a message has one at most: none is a list.
const SINGLETONS: &[&str] = &[
    "age",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "sec-websocket-accept",
    "server",
];

/// Seconds that a Date may be off. No RFC says how many; a cached one is off by a few.
const MAX_SKEW: i64 = 60;

/// A head as it came.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Names in small letters, values without the white space around them.
    pub(super) fields: Vec<(String, Vec<u8>)>,
    /// As it came, its beginning.
    pub(super) octets: Vec<u8>,
}

/// A breach: the rule, how bad it is, what was seen, and the line or the head that offends.
pub(super) type Breach = (Rule, Outcome, String, Vec<u8>);

impl Head {
    /// Reads a head, up to its empty line, and lists what is wrong with its form. `None` if its first line
    /// says no status.
    pub(super) fn parse(octets: &[u8], breaches: &mut Vec<Breach>) -> Option<Self> {
        let mut fail = |rule, what: &str, line: &[u8]| {
            breaches.push((
                rule,
                Outcome::Fail,
                format!("{what}: {}", quoted(line, SHOWN)),
                line.to_vec(),
            ));
        };
        let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
        let first = lines.next()?;
        let status = status_line(first, &mut fail)?;
        let mut fields = Vec::new();
        for whole in lines {
            let line = ended(whole, &mut fail);
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|octet| *octet == b':') else {
                fail(Rule::Control, "no field line", whole);
                continue;
            };
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            if !is_token(&name) {
                fail(Rule::Control, "no field name", whole);
            }
            let value = line[colon + 1..].trim_ascii();
            if value.iter().any(|octet| matches!(octet, 0..=8 | 10..=31 | 127)) {
                fail(Rule::Control, "a control octet in a value", whole);
            } else if let Some(form) = grammar::fault(&name, value) {
                fail(Rule::Grammar, &format!("not {form}"), line);
            }
            fields.push((name, value.to_vec()));
        }
        let shown = octets[..octets.len().min(256)].to_vec();
        Some(Self { status, fields, octets: shown })
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| &value[..])
    }

    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| &value[..])
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// Whether the field, a list, holds the token.
    pub(super) fn lists(&self, name: &str, token: &str) -> bool {
        let mut members = self.all(name).flat_map(|value| value.split(|octet| *octet == b','));
        members.any(|member| member.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The length of its content, if it says one, as one number.
    pub(super) fn length(&self) -> Option<u64> {
        str::from_utf8(self.field("content-length")?).ok()?.parse().ok()
    }

    /// Checks it against the rules that need no other message than the request.
    pub(super) fn check(
        &self,
        request: Option<&Request>,
        secure: bool,
        breaches: &mut Vec<Breach>,
    ) {
        let mut tell = |rule, outcome, what: String| {
            breaches.push((rule, outcome, format!("{}: {what}", self.status), self.octets.clone()));
        };
        let fail = Outcome::Fail;
        let (lengths, codings) =
            (self.all("content-length").count(), self.has("transfer-encoding"));
        if lengths > 1 {
            tell(Rule::Lengths, fail, format!("{lengths} times Content-Length"));
        } else if lengths > 0 && codings {
            tell(Rule::Lengths, fail, "Content-Length beside Transfer-Encoding".into());
        }
        for name in SINGLETONS.iter().filter(|name| **name != "content-length") {
            match self.all(name).count() {
                0 | 1 => {}
                times => tell(Rule::Singletons, fail, format!("{times} times {name}")),
            }
        }
        let tunnel = request.is_some_and(|r| r.is("CONNECT")) && self.status / 100 == 2;
        if (self.status < 200 || self.status == 204 || tunnel) && (lengths > 0 || codings) {
            tell(Rule::Bodiless, fail, "with framing fields".into());
        }
        if codings && request.is_some_and(|request| request.minor == 0) {
            tell(Rule::OldClient, fail, "with Transfer-Encoding, to HTTP/1.0".into());
        }
        if let (true, Some(what)) = (self.status >= 200, self.is_undated()) {
            tell(Rule::Date, what.0, what.1);
        }
        if let Some(what) = self.misses_field(request) {
            tell(what.0, fail, what.1);
        }
        if let Some(what) = self.breaks_hsts(secure) {
            tell(Rule::Hsts, fail, what.into());
        }
    }

    fn is_undated(&self) -> Option<(Outcome, String)> {
        let Some(date) = self.field("date") else {
            return (self.status < 500).then(|| (Outcome::Fail, NO_DATE.into()));
        };
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        let skew = (grammar::seconds(str::from_utf8(date).ok()?)? - now).abs();
        (skew > MAX_SKEW).then(|| (Outcome::Warn, format!("the Date is {skew} s from our clock")))
    }

    /// A field that this status asks for and that is not there, or one that it must not come with.
    fn misses_field(&self, request: Option<&Request>) -> Option<(Rule, String)> {
        let reads = request.is_none_or(|request| request.is("GET") || request.is("HEAD"));
        let misses = |name: &str| (!self.has(name)).then(|| format!("without {name}"));
        match self.status {
            206 | 304 | 416 if !reads => {
                let method = request.map_or("", |request| &request.method);
                Some((Rule::NotAsked, format!("in answer to {method}")))
            }
            206 => {
                let parts = self.field("content-type").unwrap_or_default().to_ascii_lowercase();
                let several = parts.starts_with(b"multipart/byteranges");
                let what = match (several, self.has("content-range")) {
                    (true, true) => "multipart/byteranges with a Content-Range of its own",
                    (false, false) => "neither Content-Range nor multipart/byteranges",
                    _ => return None,
                };
                Some((Rule::Partial, what.into()))
            }
            401 => Some((Rule::Challenge, misses("www-authenticate")?)),
            407 => Some((Rule::Challenge, misses("proxy-authenticate")?)),
            416 if request?.field("range")?.starts_with("bytes=") => {
                Some((Rule::Unsatisfied, misses("content-range")?))
            }
            301 | 302 | 307 | 308 => Some((Rule::Location, misses("location")?)),
            _ => None,
        }
    }

    fn breaks_hsts(&self, secure: bool) -> Option<&'static str> {
        let policy = self.field("strict-transport-security")?.to_ascii_lowercase();
        if !secure {
            return Some("Strict-Transport-Security without TLS");
        }
        if self.all("strict-transport-security").count() > 1 {
            return Some("several times Strict-Transport-Security");
        }
        let policy = String::from_utf8_lossy(&policy).into_owned();
        let ages = policy.split(';').filter_map(|directive| {
            let (name, value) = directive.trim().split_once('=')?;
            (name.trim() == "max-age").then(|| value.trim().trim_matches('"').to_owned())
        });
        let ages: Vec<String> = ages.collect();
        let sound = matches!(&ages[..], [age] if !age.is_empty() && age.bytes().all(|b| b.is_ascii_digit()));
        (!sound).then_some("Strict-Transport-Security without one max-age")
    }
}

/// What a head without a Date is told by, where a subject that has no clock is told from others.
pub(super) const NO_DATE: &str = "without a Date";

fn status_line(whole: &[u8], fail: &mut impl FnMut(Rule, &str, &[u8])) -> Option<u16> {
    let line = ended(whole, fail);
    let rest = line.strip_prefix(b"HTTP/")?;
    let (version, rest) = rest.split_at_checked(3)?;
    let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let status =
        str::from_utf8(code).ok()?.parse().ok().filter(|code| (100..600).contains(code))?;
    if !matches!(version, b"1.1" | b"1.0") {
        fail(Rule::Version, "the version is neither 1.1 nor 1.0", whole);
    }
    if reason.first() != Some(&b' ') {
        fail(Rule::StatusLine, "no space behind the code", whole);
    } else if reason.iter().any(|octet| matches!(octet, 0..=8 | 10..=31 | 127)) {
        fail(Rule::StatusLine, "a control octet in the reason", whole);
    }
    Some(status)
}

/// The line without its end, which is to be CRLF.
fn ended<'a>(line: &'a [u8], fail: &mut impl FnMut(Rule, &str, &[u8])) -> &'a [u8] {
    let without = line.strip_suffix(b"\n").unwrap_or(line);
    without.strip_suffix(b"\r").unwrap_or_else(|| {
        fail(Rule::Control, "a line that ends with LF alone", line);
        without
    })
}
