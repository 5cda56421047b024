//! The Sec-WebSocket-Extensions field. Source: RFC 6455 §9.1.
//!
//! ```text
//! extension-list  = 1#extension
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" ( token | quoted-string ) ]
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::http::{is_token, trim};

/// One extension with its parameters, as offered or accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Extension<'a> {
    pub(crate) name: &'a str,
    /// Names and values, in the order received; a name may repeat.
    pub(crate) params: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

/// Reads one field value; `None` if it does not fit the grammar. "The value of a
/// quoted-string … MUST conform to the token ABNF".
pub(crate) fn parse(value: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    for member in split(value, b',') {
        if trim(member).is_empty() {
            continue; // an empty list member is ignored (RFC 9110 §5.6.1.2)
        }
        let mut parts = split(member, b';');
        let name = token(parts.next()?)?;
        let params = parts.map(param).collect::<Option<Vec<_>>>()?;
        extensions.push(Extension { name, params });
    }
    Some(extensions)
}

fn param(part: &[u8]) -> Option<(&str, Option<Cow<'_, str>>)> {
    let Some(at) = part.iter().position(|byte| *byte == b'=') else {
        return Some((token(part)?, None));
    };
    let (name, value) = (token(&part[..at])?, trim(&part[at + 1..]));
    let value = match value {
        [b'"', quoted @ .., b'"'] => Cow::Owned(unquote(quoted)?),
        value => Cow::Borrowed(token(value)?),
    };
    Some((name, Some(value)))
}

fn token(bytes: &[u8]) -> Option<&str> {
    let bytes = trim(bytes);
    if is_token(bytes) { core::str::from_utf8(bytes).ok() } else { None }
}

/// The text of a quoted string, which must be a token.
fn unquote(quoted: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next()? } else { byte };
        text.push(char::from(*byte));
    }
    is_token(text.as_bytes()).then_some(text)
}

/// Splits at `separator` outside of quoted strings.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value.split(move |byte| {
        if escaped {
            escaped = false;
        } else {
            match *byte {
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
        *byte == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString as _;

    /// The list in one canonical form.
    fn show(value: &str) -> Option<String> {
        let extensions = parse(value.as_bytes())?;
        let shown = extensions.iter().map(|extension| {
            let params = extension.params.iter().map(|(name, value)| match value {
                Some(value) => format!(";{name}={value}"),
                None => format!(";{name}"),
            });
            extension.name.to_string() + &params.collect::<String>()
        });
        Some(shown.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn grammar() {
        for (value, shown) in [
            ("a", "a"),
            ("a, b", "a,b"),
            ("a;x", "a;x"),
            ("a ; x = 1 ;y,b", "a;x=1;y,b"),
            ("a;x=\"1\"", "a;x=1"),
            ("a;x=\"\\1\\0\"", "a;x=10"),
            (",a,,b,", "a,b"),
            ("", ""),
        ] {
            assert_eq!(show(value).as_deref(), Some(shown), "{value:?}");
        }
        for bad in [
            "a;",
            "a;;x",
            ";x",
            "a b",
            "a;x=",
            "a;x=\"\"",
            "a;x=\"1",
            "a;x=\"1,2\"",
            "a;x=\"1;2\"",
            "a;x=1=2",
            "a;x=\"1\"2",
            "a;=1",
            "a;x=\"\\\"",
            "\"a\"",
        ] {
            assert_eq!(show(bad), None, "{bad:?}");
        }
    }
}
