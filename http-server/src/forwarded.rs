//! What proxies write about a client, read from its end (RFC 7239 §4).
//!
//! ```text
//! Forwarded         = 1#forwarded-element
//! forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
//! forwarded-pair    = token "=" ( token / quoted-string )
//! ```
//!
//! The last element is the nearest proxy's; what stands before it may be a stranger's. Read from
//! its beginning, a quote that the stranger leaves open would swallow what the proxy wrote; read
//! from its end, nothing that stands before an element changes what it says.

use std::iter;
use std::net::IpAddr;

use crate::media_type::unquote;

/// What stands between separators outside of quoted strings, from the last to the first; `None`
/// where the quotes do not match, and nothing before that.
pub(crate) fn rsplit(text: &str, separator: u8) -> impl Iterator<Item = Option<&str>> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest.take()?;
        Some(match rfind(text, separator) {
            Ok(Some(at)) => {
                rest = Some(&text[..at]);
                Some(&text[at + 1..])
            }
            Ok(None) => Some(text),
            Err(Unmatched) => None,
        })
    })
}

/// A quoted string has no end, or no beginning.
struct Unmatched;

/// Where the last separator is that no quoted string holds.
fn rfind(text: &str, separator: u8) -> Result<Option<usize>, Unmatched> {
    let octets = text.as_bytes();
    let mut quoted = false;
    for at in (0..octets.len()).rev() {
        if octets[at] == b'"' {
            let before = octets[..at].iter().rev();
            match (quoted, before.take_while(|octet| **octet == b'\\').count()) {
                (false, escapes) if escapes % 2 == 0 => quoted = true,
                // A string begins behind an equals sign.
                (true, 0) => quoted = false,
                (true, escapes) if escapes % 2 == 1 => {} // a quoted pair
                _ => return Err(Unmatched),
            }
        } else if octets[at] == separator && !quoted {
            return Ok(Some(at));
        }
    }
    if quoted { Err(Unmatched) } else { Ok(None) }
}

/// The address in `for=` of one element of `Forwarded`. `None` if it names none, or more than one:
/// "each parameter MUST NOT occur more than once per field-value".
pub(crate) fn address(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in rsplit(element, b';') {
        if let Some((name, value)) = pair?.split_once('=')
            && name.trim().eq_ignore_ascii_case("for")
            && found.replace(value.trim()).is_some()
        {
            return None;
        }
    }
    let value = found?;
    match value.strip_prefix('"') {
        Some(quoted) => match unquote(quoted)? {
            (text, "") => node(&text),
            _ => None,
        },
        None => node(value),
    }
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
pub(crate) fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // One colon parts a port; several are an address of IPv6.
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_however_proxies_write_them() {
        for (text, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            (" 192.0.2.1:4711 ", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(node(text), address.map(|address| address.parse().unwrap()), "{text:?}");
        }
    }

    /// A `Host` that a proxy records, quoted as it must be, once was read as what the proxy says
    /// of its client: `x,for=8.8.8.8;y` is a valid host (RFC 3986 §3.2.2).
    #[test]
    fn only_what_stands_outside_of_quotes_is_an_element_or_a_pair() {
        for (field, client) in [
            (r#"proto=https; FOR="[2001:db8::1]:4711" ;by=10.0.0.1"#, Some("2001:db8::1")),
            (r#"for="192.0.2\.1""#, Some("192.0.2.1")),
            ("for=192.0.2.1:80", Some("192.0.2.1")), // not quoted, as it should be
            ("for=192.0.2.1;;", Some("192.0.2.1")),
            ("for=_hidden", None),
            ("proto=https", None),
            ("", None),
            // What a stranger put into a host.
            (r#"for=192.0.2.1;host="x,for=8.8.8.8;y""#, Some("192.0.2.1")),
            (r#"host="x;for=8.8.8.8;y";for=192.0.2.1"#, Some("192.0.2.1")),
            (r#"for=192.0.2.1;host="x\",for=8.8.8.8;y""#, Some("192.0.2.1")),
            (r#"for=192.0.2.1;host="x\\""#, Some("192.0.2.1")),
            (r#"host="x;for=8.8.8.8;y""#, None),
            // What a stranger put before it.
            ("for=\"8.8.8.8, for=192.0.2.1", Some("192.0.2.1")),
            (r#"for="8.8.8.8, for=192.0.2.1;host="h""#, Some("192.0.2.1")),
            (r#"for=8.8.8.8;host=", for=192.0.2.1;host=";y""#, Some("192.0.2.1")),
            // What no proxy should write.
            (r#"for=192.0.2.1;host="x"#, None),
            (r#"for=192.0.2.1;host="x\""#, None),
            (r#"for=192.0.2.1;host="a\\"b""#, None),
            (r#"for="192.0.2.1"x"#, None),
            (r#"for="192.0.2.1"#, None),
            (r#"for=192.0.2.1""#, None),
            ("for=8.8.8.8;for=192.0.2.1", None),
        ] {
            let element = rsplit(field, b',').next().unwrap();
            let expected = client.map(|client| client.parse().unwrap());
            assert_eq!(element.and_then(address), expected, "{field}");
        }
    }

    #[test]
    fn elements_come_from_the_last_to_the_first() {
        let all: Vec<_> = rsplit(r#"open="a, b, c="d, e", f"#, b',').collect();
        assert_eq!(all, [Some(" f"), Some(r#" c="d, e""#), Some(" b"), None]);
    }
}
