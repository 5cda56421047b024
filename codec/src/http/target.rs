//! The four forms of a request target. Source: RFC 9112 §3.2.

use super::authority;
use super::chars::{PATH, TARGET};
use super::error::Violation;
use super::scan::{Scan, Words};

/// Which form a request target has (RFC 9112 §3.2.1–3.2.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TargetForm {
    /// `/path?query`: nearly every request.
    Origin,
    /// `http://host/path?query`: for proxies, and to be accepted by servers.
    Absolute,
    /// `host:port`: CONNECT only.
    Authority,
    /// `*`: OPTIONS only.
    Asterisk,
}

/// A target taken apart; offsets count from its first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    pub(crate) form: TargetForm,
    /// Where the authority lies: empty in origin and asterisk form.
    pub(crate) authority: (usize, usize),
    /// Where the path begins: the end of the target if it has none.
    pub(crate) path: usize,
    /// Where the query begins, with its `?`: the end if it has none.
    pub(crate) query: usize,
}

/// The target in origin form whose `/` stands at `at`, and how long it is.
#[inline(always)]
pub(crate) fn origin(scan: impl Scan, bytes: &[u8], at: usize) -> (Target, usize) {
    let query = scan.skip::<PATH>(bytes, at);
    // Only a query may hold what RFC 3986 does not know but browsers send.
    let end = match bytes.get(query) {
        Some(b'?') => scan.skip::<TARGET>(bytes, query),
        _ => query,
    };
    let parsed = Target { form: TargetForm::Origin, authority: (0, 0), path: 0, query: query - at };
    (parsed, end - at)
}

/// Takes `target` apart; all its bytes are of the class `TARGET`.
pub(crate) fn parse(method: &[u8], target: &[u8]) -> Result<Target, Violation> {
    let end = target.len();
    if method == b"CONNECT" {
        if !authority::is_host_with_port(target) {
            return Err(Violation::Target);
        }
        let form = TargetForm::Authority;
        return Ok(Target { form, authority: (0, end), path: end, query: end });
    }
    match target {
        [b'/', ..] => with_path(target, TargetForm::Origin, (0, 0), 0),
        b"*" if method == b"OPTIONS" => {
            Ok(Target { form: TargetForm::Asterisk, authority: (0, 0), path: end, query: end })
        }
        _ => {
            // A server is the origin of `http` and `https` only; userinfo, which
            // `is_host` refuses, is to be treated as an error (RFC 9110 §4.2.4).
            let start = scheme_len(target).ok_or(Violation::Target)?;
            let rest = &target[start..];
            let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
            let path = start + len.unwrap_or(rest.len());
            if !authority::is_host(&target[start..path]) {
                return Err(Violation::Target);
            }
            with_path(target, TargetForm::Absolute, (start, path), path)
        }
    }
}

fn with_path(
    target: &[u8],
    form: TargetForm,
    authority: (usize, usize),
    path: usize,
) -> Result<Target, Violation> {
    let query = Words.skip::<PATH>(target, path);
    // Only a query may hold what RFC 3986 does not know but browsers send.
    if !matches!(target.get(query), None | Some(b'?')) {
        return Err(Violation::Target);
    }
    Ok(Target { form, authority, path, query })
}

/// The length of `http://` or `https://` at the beginning, in any case.
fn scheme_len(target: &[u8]) -> Option<usize> {
    let begins = |scheme: &&[u8]| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    [&b"http://"[..], b"https://"].into_iter().find(begins).map(<[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::TargetForm::{Absolute, Asterisk, Authority, Origin};
    use super::*;

    /// Form, authority, path and query.
    fn parts<'t>(method: &str, target: &'t str) -> Option<(TargetForm, [&'t str; 3])> {
        let parsed = parse(method.as_bytes(), target.as_bytes()).ok()?;
        let (start, end) = parsed.authority;
        let Target { path, query, .. } = parsed;
        Some((parsed.form, [&target[start..end], &target[path..query], &target[query..]]))
    }

    #[test]
    fn accepted() {
        for (method, target, form, authority, path, query) in [
            ("GET", "/", Origin, "", "/", ""),
            ("GET", "/a/b?c=d?e", Origin, "", "/a/b", "?c=d?e"),
            ("GET", "//evil", Origin, "", "//evil", ""),
            ("GET", "/?a={b}|[c]", Origin, "", "/", "?a={b}|[c]"),
            ("GET", "http://h/", Absolute, "h", "/", ""),
            ("GET", "HTTPS://h:8080/x?y", Absolute, "h:8080", "/x", "?y"),
            ("GET", "http://h", Absolute, "h", "", ""),
            ("GET", "http://h?q=1", Absolute, "h", "", "?q=1"),
            ("GET", "http://[::1]/", Absolute, "[::1]", "/", ""),
            ("OPTIONS", "*", Asterisk, "", "", ""),
            ("CONNECT", "h:80", Authority, "h:80", "", ""),
        ] {
            assert_eq!(parts(method, target), Some((form, [authority, path, query])), "{target}");
        }
    }

    #[test]
    fn refused() {
        for (method, target) in [
            ("GET", "*"),
            ("POST", "*"),
            ("GET", "h:80"),
            ("GET", "foo"),
            ("GET", "../../"),
            ("GET", "?"),
            ("GET", "%2F"),
            ("GET", "http://"),
            ("GET", "http:///p"),
            ("GET", "http://:80/"),
            ("GET", "http://user@h/"),
            ("GET", "http://u:p@h/"),
            ("GET", "ftp://h/"),
            ("GET", "ws://h/"),
            ("GET", "other:x"),
            ("GET", "http://h:99999/"),
            ("GET", "http://[::1"),
            ("GET", "/a|b"),
            ("GET", "/\\evil"),
            ("GET", "/[x]"),
            ("CONNECT", "/"),
            ("CONNECT", "h"),
            ("CONNECT", "h:0"),
            ("CONNECT", "h:99999"),
            ("CONNECT", "http://h:80"),
        ] {
            assert_eq!(
                parse(method.as_bytes(), target.as_bytes()),
                Err(Violation::Target),
                "{target}"
            );
        }
    }
}
