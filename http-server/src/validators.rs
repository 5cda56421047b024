//! Validators and the conditions that requests put on them (RFC 9110 §8.8, §13).

use std::time::{Duration, SystemTime};

use seawall_codec::http::RequestHead;

/// What tells one state of a representation from another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validators {
    /// As it stands in the field: quoted, with `W/` before it if it is weak.
    pub(crate) etag: Option<String>,
    /// Whole seconds, and not in the future.
    pub(crate) last_modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// They hold, or there are none.
    Proceed,
    /// 304: the client has it already.
    NotModified,
    /// 412.
    Failed,
}

impl Validators {
    /// Checks the conditions in the order that RFC 9110 §13.2.2 demands.
    pub(crate) fn check(&self, head: &RequestHead<'_>, now: SystemTime) -> Outcome {
        let reads = matches!(head.method(), "GET" | "HEAD");
        let has = |name| head.field(name).is_some();
        if has("if-match") {
            if !self.is_among(head, "if-match", strongly) {
                return Outcome::Failed;
            }
        } else if let Some(since) = date(head, "if-unmodified-since")
            && let Some(modified) = self.last_modified
            && modified > since
        {
            return Outcome::Failed;
        }
        if has("if-none-match") {
            match (self.is_among(head, "if-none-match", weakly), reads) {
                (false, _) => Outcome::Proceed,
                (true, true) => Outcome::NotModified,
                (true, false) => Outcome::Failed,
            }
        } else if reads
            && let Some(since) = date(head, "if-modified-since")
            && let Some(modified) = self.last_modified
            // A date to come says nothing about what the client has.
            && since <= now
            && modified <= since
        {
            Outcome::NotModified
        } else {
            Outcome::Proceed
        }
    }

    /// Whether a Range may be honoured as far as If-Range goes: there is none, or it is exactly
    /// ours, and strong (§13.1.5).
    pub(crate) fn allow_range(&self, head: &RequestHead<'_>, now: SystemTime) -> bool {
        let mut fields = head.values("if-range");
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return head.field("if-range").is_none();
        };
        if field.starts_with(b"\"") || field.starts_with(b"W/") {
            return self.etag.as_ref().is_some_and(|etag| strongly(field, etag.as_bytes()));
        }
        // A date is strong only if nothing can have changed within its second (§8.8.2.2).
        let settled = |modified| now.duration_since(modified).is_ok_and(|age| age >= SETTLED);
        let ours = self.last_modified.filter(|modified| settled(*modified));
        ours.is_some() && ours == date(head, "if-range")
    }

    /// Whether our entity tag is in the list of a field, which `*` always is.
    fn is_among(&self, head: &RequestHead<'_>, name: &str, same: fn(&[u8], &[u8]) -> bool) -> bool {
        head.values(name).any(|field| {
            field == b"*"
                || self.etag.as_ref().is_some_and(|own| {
                    entity_tags(field).any(|theirs| same(theirs, own.as_bytes()))
                })
        })
    }
}

/// How old a change must be before no further one can hide behind the same date.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// Equal, and neither is weak (RFC 9110 §8.8.3.2).
fn strongly(a: &[u8], b: &[u8]) -> bool {
    a == b && !a.starts_with(b"W/")
}

/// Equal, weak or not.
fn weakly(a: &[u8], b: &[u8]) -> bool {
    let opaque = |tag: &'_ [u8]| tag.strip_prefix(b"W/").map_or(tag.len(), <[u8]>::len);
    a[a.len() - opaque(a)..] == b[b.len() - opaque(b)..]
}

/// The date of a field, in any of the three forms; none if it is malformed or there are several
/// (§13.1.3).
fn date(head: &RequestHead<'_>, name: &str) -> Option<SystemTime> {
    let mut fields = head.values(name);
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    httpdate::parse_http_date(std::str::from_utf8(field).ok()?).ok()
}

/// The entity tags of a list; what is none ends it.
///
/// `entity-tag = [ "W/" ] DQUOTE *( %x21 / %x23-7E / obs-text ) DQUOTE` (§8.8.3): it may hold
/// commas.
fn entity_tags(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let start = rest.iter().position(|octet| !b" \t,".contains(octet))?;
        rest = &rest[start..];
        let prefix = if rest.starts_with(b"W/") { 2 } else { 0 };
        let quoted = rest[prefix..].strip_prefix(b"\"")?;
        let len = memchr::memchr(b'"', quoted)?;
        let valid = quoted[..len].iter().all(|octet| *octet > b' ' && *octet != 0x7f);
        let (tag, after) = rest.split_at(prefix + len + 2);
        rest = after;
        (valid && matches!(after.first(), None | Some(b',' | b' ' | b'\t'))).then_some(tag)
    })
}

/// Whether `text` is one entity tag.
pub(crate) fn is_entity_tag(text: &str) -> bool {
    entity_tags(text.as_bytes()).next() == Some(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use seawall_codec::http::{Limits, RequestParser};

    use super::*;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn with_head<T>(fields: &str, f: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let method = if fields.starts_with("PUT") { "" } else { "GET / HTTP/1.1\r\n" };
        let head = format!("{method}{fields}Host: h\r\n\r\n");
        let mut parser = RequestParser::new(Limits::default());
        f(&parser.parse(head.as_bytes()).unwrap().unwrap())
    }

    fn validators(etag: &str) -> (Validators, SystemTime) {
        let modified = httpdate::parse_http_date(MODIFIED).unwrap();
        let validators = Validators { etag: Some(etag.to_owned()), last_modified: Some(modified) };
        (validators, modified + Duration::from_secs(1000))
    }

    #[test]
    fn conditions_are_checked_in_order() {
        use Outcome::{Failed, NotModified, Proceed};
        let before = "Sun, 06 Nov 1994 08:49:36 GMT";
        let table = [
            (String::new(), Proceed),
            ("If-None-Match: \"a\"\r\n".into(), NotModified),
            ("If-None-Match: W/\"a\"\r\n".into(), NotModified),
            ("If-None-Match: \"x,y\" , ,\t\"a\"\r\n".into(), NotModified),
            ("If-None-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n".into(), NotModified),
            ("If-None-Match: *\r\n".into(), NotModified),
            ("If-None-Match: a\r\n".into(), Proceed),
            ("If-None-Match: \"x\", a, \"a\"\r\n".into(), Proceed),
            (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {MODIFIED}\r\n"), Proceed),
            (format!("If-None-Match: \"a\"\r\nIf-Modified-Since: {before}\r\n"), NotModified),
            (format!("If-Modified-Since: {MODIFIED}\r\n"), NotModified),
            ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n".into(), NotModified),
            ("If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n".into(), NotModified),
            (format!("If-Modified-Since: {before}\r\n"), Proceed),
            ("If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n".into(), Proceed),
            ("If-Modified-Since: yesterday\r\n".into(), Proceed),
            (format!("If-Modified-Since: {MODIFIED}\r\n").repeat(2), Proceed),
            ("If-Match: \"a\"\r\n".into(), Proceed),
            ("If-Match: *\r\n".into(), Proceed),
            ("If-Match: W/\"a\"\r\n".into(), Failed),
            ("If-Match: \"x\"\r\n".into(), Failed),
            ("If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n".into(), NotModified),
            (format!("If-Unmodified-Since: {MODIFIED}\r\n"), Proceed),
            (format!("If-Unmodified-Since: {before}\r\n"), Failed),
            (format!("If-Match: \"a\"\r\nIf-Unmodified-Since: {before}\r\n"), Proceed),
            ("PUT / HTTP/1.1\r\nIf-None-Match: *\r\n".into(), Failed),
            (format!("PUT / HTTP/1.1\r\nIf-Modified-Since: {MODIFIED}\r\n"), Proceed),
        ];
        let (validators, now) = validators("\"a\"");
        for (fields, outcome) in table {
            assert_eq!(with_head(&fields, |head| validators.check(head, now)), outcome, "{fields}");
        }
    }

    #[test]
    fn if_range_takes_only_what_is_exact() {
        let (strong, now) = validators("\"a\"");
        let (weak, _) = validators("W/\"a\"");
        let modified = strong.last_modified.unwrap();
        for (validators, now, fields, allowed) in [
            (&strong, now, "", true),
            (&strong, now, "If-Range: \"a\"\r\n", true),
            (&strong, now, "If-Range: \"b\"\r\n", false),
            (&strong, now, "If-Range: W/\"a\"\r\n", false),
            (&weak, now, "If-Range: W/\"a\"\r\n", false),
            (&strong, now, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true),
            (&strong, modified, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", false),
            (&strong, now, "If-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", false),
            (&strong, now, "If-Range: \"a\"\r\nIf-Range: \"a\"\r\n", false),
            (&strong, now, "If-Range: garbage\r\n", false),
        ] {
            let got = with_head(fields, |head| validators.allow_range(head, now));
            assert_eq!(got, allowed, "{fields}");
        }
    }
}
