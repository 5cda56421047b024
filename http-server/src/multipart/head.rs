//! The fields of one part.

use super::Fault;
use crate::media_type::{Parameterised, is_token};

/// What a part says about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PartHead {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
}

impl PartHead {
    /// Reads field lines, each with its CRLF. Content-Disposition must be there once, with a name
    /// (RFC 7578 §4.2); of the others only Content-Type counts.
    pub(crate) fn parse(mut lines: &str) -> Result<Self, Fault> {
        let mut disposition = None;
        let mut content_type = None;
        while let Some((line, rest)) = lines.split_once("\r\n") {
            lines = rest;
            let (name, value) = line.split_once(':').ok_or(Fault::Head)?;
            let value = value.trim_matches([' ', '\t']);
            // A folded line begins with a space, which is no token.
            if !is_token(name) || value.chars().any(|char| char.is_control() && char != '\t') {
                return Err(Fault::Head);
            }
            let slot = if name.eq_ignore_ascii_case("content-disposition") {
                &mut disposition
            } else if name.eq_ignore_ascii_case("content-type") {
                &mut content_type
            } else {
                continue;
            };
            if slot.replace(value).is_some() {
                return Err(Fault::Head);
            }
        }
        let disposition = disposition.and_then(|value| Parameterised::parse(value.as_bytes()));
        let disposition = disposition.filter(|value| value.is("form-data")).ok_or(Fault::Head)?;
        let param = |name| disposition.param(name).map(std::borrow::Cow::into_owned);
        Ok(Self {
            name: param("name").ok_or(Fault::Head)?,
            file_name: param("filename"),
            content_type: content_type.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_name_and_says_everything_once() {
        let name = |lines: &str| PartHead::parse(lines).map(|head| head.name);
        let disposition = "Content-Disposition: form-data; name=\"a\"\r\n";
        assert_eq!(name(disposition).as_deref(), Ok("a"));
        assert_eq!(name(&format!("X-Y: z\r\n{disposition}")).as_deref(), Ok("a"));
        let full = "content-disposition:form-data;name=\"\u{e9}\"; filename=\"a b\"\r\nContent-Type: image/png\r\n";
        let head = PartHead::parse(full).unwrap();
        assert_eq!((&*head.name, head.file_name.as_deref()), ("\u{e9}", Some("a b")));
        assert_eq!(head.content_type.as_deref(), Some("image/png"));
        for broken in [
            "",
            "Content-Disposition: form-data\r\n",
            "Content-Disposition: attachment; name=\"a\"\r\n",
            "Content-Disposition: form-data; name=\"a\"; name=\"b\"\r\n",
            "Content-Disposition : form-data; name=\"a\"\r\n",
            "Content-Disposition: form-data; name=\"a\0\"\r\n",
            "no colon\r\n",
        ] {
            assert_eq!(name(broken), Err(Fault::Head), "{broken:?}");
        }
        assert_eq!(name(&disposition.repeat(2)), Err(Fault::Head));
    }
}
