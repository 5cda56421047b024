//! Media types and their parameters (RFC 9110 §8.3.1, §5.6.6).

use std::borrow::Cow;

/// A value like `text/plain; charset=utf-8`, taken apart: also the form of Content-Disposition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameterised<'a> {
    /// What stands before the first semicolon. Its case does not matter.
    pub(crate) value: &'a str,
    /// From the first semicolon on.
    params: &'a str,
}

impl<'a> Parameterised<'a> {
    /// `None` if a parameter is malformed or occurs twice: two readers could take different ones.
    pub(crate) fn parse(field: &'a [u8]) -> Option<Self> {
        let field = std::str::from_utf8(field).ok()?;
        let at = field.find(';').unwrap_or(field.len());
        let (value, params) = field.split_at(at);
        let parsed = Self { value: value.trim_matches([' ', '\t']), params };
        let mut names: Vec<&str> = Vec::new();
        for param in parsed.params() {
            let (name, _) = param?;
            if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            names.push(name);
        }
        Some(parsed)
    }

    /// Whether the value is `wanted`, in any case.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.value.eq_ignore_ascii_case(wanted)
    }

    /// Whether the media type is JSON: `application/json`, or what ends in `+json` (RFC 6839 §3.1).
    #[cfg(feature = "serde")]
    pub(crate) fn is_json(&self) -> bool {
        let value = self.value.to_ascii_lowercase();
        value == "application/json" || (value.contains('/') && value.ends_with("+json"))
    }

    /// The value of a parameter, its name in any case.
    pub(crate) fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    fn params(&self) -> Params<'a> {
        Params { rest: self.params }
    }
}

/// Name and value of each parameter; `None` for one that is malformed, and nothing after it.
struct Params<'a> {
    /// Empty, or what begins with the semicolon before the next parameter.
    rest: &'a str,
}

impl<'a> Params<'a> {
    /// `parameters = *( OWS ";" OWS [ parameter ] )`
    fn parse(&mut self) -> Option<Option<(&'a str, Cow<'a, str>)>> {
        loop {
            let rest = self.rest.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                return Some(None);
            }
            let rest = rest.strip_prefix(';')?.trim_start_matches([' ', '\t']);
            if rest.is_empty() || rest.starts_with(';') {
                self.rest = rest;
                continue;
            }
            let (name, rest) = rest.split_at(rest.find('=')?);
            if !is_token(name) {
                return None;
            }
            let rest = &rest[1..];
            let (value, rest) = match rest.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let (value, rest) =
                        rest.split_at(rest.find([';', ' ', '\t']).unwrap_or(rest.len()));
                    (is_token(value).then_some(Cow::Borrowed(value))?, rest)
                }
            };
            self.rest = rest;
            return Some(Some((name, value)));
        }
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Option<(&'a str, Cow<'a, str>)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.parse() {
            Some(Some(param)) => Some(Some(param)),
            Some(None) => None,
            None => {
                self.rest = "";
                Some(None)
            }
        }
    }
}

/// What stands up to the closing quote, and what follows it.
pub(crate) fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

/// `token = 1*tchar` (RFC 9110 §5.6.2)
pub(crate) fn is_token(text: &str) -> bool {
    let special = "!#$%&'*+-.^_`|~";
    let tchar = |char: char| char.is_ascii_alphanumeric() || special.contains(char);
    !text.is_empty() && text.chars().all(tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_every_form_and_doubtful_ones_refused() {
        let charset = |field: &str| {
            let parsed = Parameterised::parse(field.as_bytes())?;
            Some(parsed.param("charset").map(Cow::into_owned).unwrap_or_default())
        };
        for (field, expected) in [
            ("text/plain", Some("")),
            ("text/plain;charset=utf-8", Some("utf-8")),
            ("text/plain ; Charset=UTF-8 ; x=y", Some("UTF-8")),
            ("text/plain; a=\"; charset=no\"; charset=\"yes\"", Some("yes")),
            (r#"text/plain; charset="a\"b\\c""#, Some(r#"a"b\c"#)),
            ("text/plain;;charset=x;", Some("x")),
            ("text/plain; charset", None),
            ("text/plain; charset=", None),
            ("text/plain; charset=\"open", None),
            ("text/plain; charset=\"a\"b", None),
            ("text/plain; charset =x", None),
            ("text/plain; charset=a; CHARSET=b", None),
            ("text/plain; charset=a b", None),
        ] {
            assert_eq!(charset(field).as_deref(), expected, "{field}");
        }
    }
}
