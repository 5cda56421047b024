//! `uri-host [ ":" port ]`. Source: RFC 9110 §7.2, RFC 3986 §3.2.

use core::net::Ipv6Addr;

use super::chars::REG_NAME;
use super::scan;

/// Whether `bytes` is a host that is not empty, with or without a port.
///
/// An empty host is legal grammar, but no `http` URI has one (RFC 9110 §4.2.1).
pub(crate) fn is_host(bytes: &[u8]) -> bool {
    split(bytes).is_some()
}

/// Whether `bytes` is a host and a port from 1 to 65535, as CONNECT needs (RFC 9110 §9.3.6).
pub(crate) fn is_host_with_port(bytes: &[u8]) -> bool {
    matches!(split(bytes), Some((_, Some(1..))))
}

/// Host and port; an empty port (`host:`) is legal and none.
fn split(bytes: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, port) = if bytes.first() == Some(&b'[') {
        let end = bytes.iter().position(|byte| *byte == b']')?;
        let address = core::str::from_utf8(&bytes[1..end]).ok()?;
        if address.parse::<Ipv6Addr>().is_err() && !is_ip_future(address.as_bytes()) {
            return None;
        }
        (&bytes[..=end], &bytes[end + 1..])
    } else {
        let end = bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len());
        let (host, port) = bytes.split_at(end);
        if !is_reg_name(host) {
            return None;
        }
        (host, port)
    };
    match port {
        [] | [b':'] => Some((host, None)),
        [b':', digits @ ..] => Some((host, Some(port_number(digits)?))),
        _ => None,
    }
}

/// `reg-name = *( unreserved / pct-encoded / sub-delims )`, here not empty.
fn is_reg_name(name: &[u8]) -> bool {
    let plain = |part: &[u8]| scan::len::<REG_NAME>(part) == part.len();
    let mut parts = name.split(|byte| *byte == b'%');
    let first = parts.next().is_some_and(plain);
    let encoded =
        |rest: &[u8]| rest.get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    !name.is_empty() && first && parts.all(|rest| encoded(rest) && plain(rest))
}

/// `port = *DIGIT`, here at most 65535, with any number of leading zeros.
fn port_number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0u16, |port, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        port.checked_mul(10)?.checked_add(u16::from(digit))
    })
}

/// `IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`.
fn is_ip_future(bytes: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = bytes else { return false };
    let Some(dot) = rest.iter().position(|byte| *byte == b'.') else { return false };
    let (version, address) = (&rest[..dot], &rest[dot + 1..]);
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && !address.is_empty()
        && address.iter().all(|byte| *byte == b':' || scan::len::<REG_NAME>(&[*byte]) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "h",
            "h:80",
            "h:",
            "h:0",
            "h:65535",
            "127.0.0.1",
            "[::1]",
            "[::1]:80",
            "[::1]:",
            "a,b",
            "[v1.fe:d]",
            "xn--nxasmq6b",
            "a%20b",
            "a_b",
            "h:00080",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":",
            ":80",
            "a b",
            "a, b",
            "###",
            "h/path",
            "http://h/",
            "h?x",
            "user@h",
            "h:65536",
            "h:99999",
            "h:abc",
            "h:-1",
            "h:+1",
            "h:8 0",
            "[::1",
            "[::1]x",
            "[]",
            "[1.2.3.4]",
            "::1",
            "h:80:80",
            "[v1.]",
            "[v.x]",
            "[vg.x]",
            "h\0",
            "h\u{fc}",
            "a%b",
            "%",
            "a%2",
            "a%2g",
            "%%20",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn connect_needs_a_port() {
        assert!(is_host_with_port(b"h:80") && is_host_with_port(b"[::1]:443"));
        for bad in ["h", "h:", "h:0", "h:99999", "/", ":80"] {
            assert!(!is_host_with_port(bad.as_bytes()), "{bad}");
        }
    }
}
