//! The request target (RFC 9112 §3.2) and the authority in it and in Host (RFC 3986 §3.2).

use std::net::Ipv6Addr;

use super::fault::{Fault, Faults};

/// What a request asks for.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Target {
    /// Percent-decoded; `*` for the server as a whole.
    pub(super) path: String,
    /// As sent, without the `?`.
    pub(super) query: String,
    /// What stands before the path in the absolute form.
    pub(super) authority: Option<Vec<u8>>,
}

impl Target {
    /// Reads a target; `None` if the form does not fit the method or the grammar.
    pub(super) fn parse(method: &str, raw: &[u8], faults: &Faults) -> Option<Self> {
        let parsed = Self::strict(method, raw, faults);
        if parsed.is_none() && faults.has(Fault::TargetUnchecked) {
            return Some(Self::at("/".into(), b""));
        }
        parsed
    }

    fn strict(method: &str, raw: &[u8], faults: &Faults) -> Option<Self> {
        if method == "CONNECT" && faults.has(Fault::ConnectAnywhere) {
            return Some(Self::at(String::new(), b""));
        }
        if method == "CONNECT" {
            let (_, port) = authority(raw, faults)?;
            return port.filter(|port| *port > 0).map(|_| Self::at(String::new(), b""));
        }
        if raw == b"*" {
            let fits = method == "OPTIONS" && !faults.has(Fault::OptionsStarRefused);
            return fits.then(|| Self::at("*".into(), b""));
        }
        let absolute = if raw.starts_with(b"/") { None } else { Some(absolute(raw, faults)?) };
        let local = absolute.map_or(raw, |(_, local)| local);
        let end = local.iter().position(|octet| *octet == b'?').unwrap_or(local.len());
        let (path, query) = local.split_at(end);
        let is_legal = |octet: &u8| is_pchar(*octet) || matches!(octet, b'/' | b'?' | b'%');
        if !path.iter().chain(query).all(is_legal) {
            return None;
        }
        let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"=&?".contains(octet);
        if faults.has(Fault::QueryTooStrict) && !query.iter().all(is_plain) {
            return None;
        }
        decode(query)?;
        let mut path = if path.is_empty() { "/".into() } else { decode(path)? };
        if let (true, Some(nul)) = (faults.has(Fault::TargetEndsAtNul), path.find('\0')) {
            path.truncate(nul);
        }
        let target = Self::at(path, query.strip_prefix(b"?").unwrap_or_default());
        Some(Self { authority: absolute.map(|(authority, _)| authority.to_vec()), ..target })
    }

    fn at(path: String, query: &[u8]) -> Self {
        Self { path, query: String::from_utf8_lossy(query).into_owned(), authority: None }
    }

    /// The number in `name=number` of the query.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.argument(name)?.parse().ok()
    }

    /// The value in `name=value` of the query.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// The two parts of what follows `http://`; a userinfo is refused (RFC 9110 §4.2.4), an empty host as well (§4.2.1).
fn absolute<'a>(raw: &'a [u8], faults: &Faults) -> Option<(&'a [u8], &'a [u8])> {
    if faults.has(Fault::AbsoluteFormRefused) {
        return None;
    }
    let scheme = raw.iter().position(|octet| *octet == b':')?;
    let (scheme, rest) = raw.split_at(scheme);
    if !scheme.eq_ignore_ascii_case(b"http") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(rest.len());
    let (host, local) = rest.split_at(end);
    authority(host, faults).map(|_| (host, local))
}

/// `uri-host [ ":" port ]`, with its port if there is one.
pub(super) fn authority<'a>(raw: &'a [u8], faults: &Faults) -> Option<(&'a [u8], Option<u16>)> {
    let strict = faults.has(Fault::HostTooStrict);
    let (host, rest) = if raw.starts_with(b"[") {
        let end = raw.iter().position(|octet| *octet == b']')?;
        let address = std::str::from_utf8(&raw[1..end]).ok()?;
        address.parse::<Ipv6Addr>().ok().filter(|_| !strict)?;
        raw.split_at(end + 1)
    } else {
        let end = raw.iter().position(|octet| *octet == b':').unwrap_or(raw.len());
        let (host, rest) = raw.split_at(end);
        let is_legal =
            |octet: &u8| matches!(octet, b'%') || is_unreserved(*octet) || is_sub_delim(*octet);
        if host.is_empty() || !host.iter().all(is_legal) {
            return None;
        }
        decode(host)?;
        (host, rest)
    };
    match rest {
        [] => Some((host, None)),
        [b':'] if strict => None,
        [b':'] => Some((host, None)),
        [b':', port @ ..] if port.iter().all(u8::is_ascii_digit) => {
            Some((host, Some(std::str::from_utf8(port).ok()?.parse().ok()?)))
        }
        _ => None,
    }
}

/// Resolves percent-encoding; `None` if a `%` is not followed by two hex digits.
fn decode(raw: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&octet) = rest.next() {
        if octet == b'%' {
            let mut digit = || char::from(*rest.next()?).to_digit(16);
            let octet = digit()? * 16 + digit()?;
            decoded.push(u8::try_from(octet).ok()?);
        } else {
            decoded.push(octet);
        }
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn is_pchar(octet: u8) -> bool {
    is_unreserved(octet) || is_sub_delim(octet) || matches!(octet, b':' | b'@')
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

fn is_sub_delim(octet: u8) -> bool {
    b"!$&'()*+,;=".contains(&octet)
}
