//! Chunk extensions: checked, then ignored.
//!
//! Source: RFC 9112 §7.1.1.
//!
//! ```text
//! chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//! chunk-ext-name = token
//! chunk-ext-val  = token / quoted-string
//! ```

use crate::http::chars;
use crate::http::error::Violation;

/// What the last byte was part of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Extension {
    /// The chunk size, or an extension that is complete.
    #[default]
    Complete,
    /// Whitespace behind something complete: a `;` must follow.
    SpaceAfter,
    /// `;` and perhaps whitespace.
    Semicolon,
    Name,
    /// Whitespace behind a name: `=` or `;` must follow.
    SpaceAfterName,
    /// `=` and perhaps whitespace.
    Equals,
    Value,
    Quoted,
    /// A backslash within a quoted string.
    Escape,
}

impl Extension {
    /// Takes the next byte before the line end.
    pub(super) fn push(self, byte: u8) -> Result<Self, Violation> {
        let space = matches!(byte, b' ' | b'\t');
        let tchar = chars::is_token(&[byte]);
        let text = matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        Ok(match (self, byte) {
            (Self::Complete | Self::SpaceAfter, b';') => Self::Semicolon,
            (Self::Name | Self::SpaceAfterName | Self::Value, b';') => Self::Semicolon,
            (Self::Name | Self::SpaceAfterName, b'=') => Self::Equals,
            (Self::Equals, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Complete,
            (Self::Quoted, b'\\') => Self::Escape,
            (Self::Quoted | Self::Escape, _) if text => Self::Quoted,
            (Self::Complete | Self::SpaceAfter | Self::Value, _) if space => Self::SpaceAfter,
            (Self::Semicolon | Self::Equals, _) if space => self,
            (Self::Name | Self::SpaceAfterName, _) if space => Self::SpaceAfterName,
            (Self::Semicolon | Self::Name, _) if tchar => Self::Name,
            (Self::Equals | Self::Value, _) if tchar => Self::Value,
            _ => return Err(Violation::ChunkExtension),
        })
    }

    /// Whether the line may end here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Complete | Self::Name | Self::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_extension(bytes: &[u8]) -> bool {
        let mut state = Extension::default();
        for byte in bytes {
            match state.push(*byte) {
                Ok(next) => state = next,
                Err(_) => return false,
            }
        }
        state.may_end()
    }

    #[test]
    fn grammar() {
        for good in [
            "",
            ";a",
            ";a=b",
            " ; a",
            "\t;\ta\t=\tb",
            ";a;b=c;d",
            ";a=\"\"",
            ";a=\"q\\\"x\"",
            ";a=\"b\";c",
            ";a=\"b\" ;c",
            ";a=\"\u{e9} ;=\"",
        ] {
            assert!(is_extension(good.as_bytes()), "{good}");
        }
        for bad in [
            ";",
            " ",
            "x",
            "; ",
            ";a ",
            ";a= ",
            ";a=",
            ";=x",
            ";bad[=x",
            ";a=\"unterminated",
            ";a=\"\\",
            ";a\0b",
            ";a\u{1}",
            ";;",
            ";a=b=c",
            ";a b",
            ";a=\"b\"c",
            ";a=\"\u{7f}\"",
        ] {
            assert!(!is_extension(bad.as_bytes()), "{bad}");
        }
    }
}
