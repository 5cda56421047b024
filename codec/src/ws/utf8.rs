//! UTF-8 checked while it arrives.
//!
//! Source: RFC 3629, by way of RFC 6455 §8.1. A code point may be split over
//! reads and over fragments; the first byte that no valid text can continue
//! with is refused at once.

use core::str;

use super::error::Violation;

/// Below this many bytes the standard library's check is the faster one.
const SIMD_FROM: usize = 64;

/// Checks `bytes` as one whole text.
///
/// # Errors
///
/// [`Violation::InvalidUtf8`] if they are not UTF-8.
#[inline]
pub fn whole(bytes: &[u8]) -> Result<&str, Violation> {
    let text = if bytes.len() < SIMD_FROM {
        str::from_utf8(bytes).ok()
    } else {
        simdutf8::basic::from_utf8(bytes).ok()
    };
    text.ok_or(Violation::InvalidUtf8)
}

/// Checks text that arrives in pieces.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::{Violation, utf8::Validator};
///
/// let mut validator = Validator::default();
/// let piece = validator.push(b"caf\xC3")?;
/// assert_eq!((piece.carried, piece.text), (None, "caf"));
/// let piece = validator.push(b"\xA9s")?;
/// assert_eq!((piece.carried, piece.text), (Some('é'), "s"));
/// validator.finish()?;
///
/// validator.push(b"\xF4")?; // may yet become U+10FFFF
/// assert_eq!(validator.push(b"\x90"), Err(Violation::InvalidUtf8));
/// # Ok::<(), Violation>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Validator {
    /// The first bytes of a code point whose rest is still to come.
    tail: [u8; 3],
    /// How many of `tail` are in use.
    tail_len: u8,
}

/// What a push completed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Piece<'a> {
    /// The code point that began in an earlier push and ended in this one.
    pub carried: Option<char>,
    /// The text after it; an unfinished code point at the end is held back.
    pub text: &'a str,
}

impl Validator {
    /// Checks the next bytes of the text.
    ///
    /// # Errors
    ///
    /// [`Violation::InvalidUtf8`] at the first byte that cannot belong to any
    /// valid text.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Result<Piece<'a>, Violation> {
        let (carried, bytes) = self.complete(bytes)?;
        if let Ok(text) = whole(bytes) {
            return Ok(Piece { carried, text });
        }
        // Only now is it worth knowing where: a bad byte, or an end cut short?
        match simdutf8::compat::from_utf8(bytes) {
            Ok(text) => Ok(Piece { carried, text }),
            Err(error) if error.error_len().is_some() => Err(Violation::InvalidUtf8),
            Err(error) => {
                let (text, tail) = bytes.split_at(error.valid_up_to());
                // A valid beginning that is cut short has one to three bytes.
                for (held, byte) in self.tail.iter_mut().zip(tail) {
                    *held = *byte;
                }
                self.tail_len = tail.len() as u8;
                Ok(Piece { carried, text: whole(text)? })
            }
        }
    }

    /// How many bytes of an unfinished code point are held back: 0 to 3.
    #[must_use]
    pub fn held(&self) -> usize {
        usize::from(self.tail_len)
    }

    /// Says that the text ends here.
    ///
    /// # Errors
    ///
    /// [`Violation::InvalidUtf8`] if it ends within a code point.
    pub fn finish(self) -> Result<(), Violation> {
        if self.tail_len == 0 { Ok(()) } else { Err(Violation::InvalidUtf8) }
    }

    /// Completes the held code point with as many of `bytes` as it needs.
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> Result<(Option<char>, &'a [u8]), Violation> {
        if self.tail_len == 0 {
            return Ok((None, bytes));
        }
        let mut point = [self.tail[0], self.tail[1], self.tail[2], 0];
        let mut len = self.held();
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            // No valid beginning is four bytes long, so `len` is at most 3 here.
            point[len] = byte;
            len += 1;
            rest = after;
            match str::from_utf8(&point[..len]) {
                Ok(text) => {
                    self.tail_len = 0;
                    return Ok((text.chars().next(), rest));
                }
                Err(error) if error.error_len().is_some() => return Err(Violation::InvalidUtf8),
                Err(_) => {
                    self.tail = [point[0], point[1], point[2]];
                    self.tail_len = len as u8;
                }
            }
        }
        Ok((None, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// Pushes `bytes` one by one; the index of the byte that was refused, if any.
    fn refused_at(bytes: &[u8]) -> Option<usize> {
        let mut validator = Validator::default();
        bytes.iter().position(|byte| validator.push(&[*byte]).is_err())
    }

    #[test]
    fn refuses_the_first_byte_that_cannot_continue() {
        assert_eq!(refused_at(b"\xCE\xBA\xE1\xBD\xB9\xED\xA0\x80ed"), Some(6)); // a surrogate
        assert_eq!(refused_at(b"\xF4\x90\x80\x80"), Some(1)); // above U+10FFFF
        assert_eq!(refused_at(b"ok\xC0\xAF"), Some(2)); // overlong
        assert_eq!(refused_at(b"\xE0\x80\xAF"), Some(1)); // overlong
        assert_eq!(refused_at("π€𤭢".as_bytes()), None);
    }

    #[test]
    fn agrees_with_the_standard_library_on_every_short_sequence() {
        // All sequences of up to three bytes whose first is not ASCII, and those
        // of four that begin like a code point of four.
        for first in 0x80..=0xFFu8 {
            for second in 0..=0xFFu8 {
                for third in [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF] {
                    for fourth in [0x41, 0x80, 0xBF, 0xC2] {
                        let bytes = [first, second, third, fourth];
                        let mut validator = Validator::default();
                        let ours =
                            bytes.iter().try_for_each(|byte| validator.push(&[*byte]).map(|_| ()));
                        let ours = ours.and_then(|()| validator.finish());
                        assert_eq!(ours.is_ok(), str::from_utf8(&bytes).is_ok(), "{bytes:02x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_two_splits_give_the_text_back() {
        let text = "aπb€c𤭢d—é";
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut validator = Validator::default();
                let mut seen = String::new();
                for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    let piece = validator.push(piece).expect("valid");
                    seen.extend(piece.carried);
                    seen.push_str(piece.text);
                }
                assert_eq!(validator.finish(), Ok(()));
                assert_eq!(seen, text);
            }
        }
    }

    #[test]
    fn a_long_text_goes_through_the_wide_path() {
        let mut bytes: Vec<u8> = "é".repeat(4096).into_bytes();
        assert!(whole(&bytes).is_ok());
        bytes[5000] = 0xFF;
        assert_eq!(Validator::default().push(&bytes), Err(Violation::InvalidUtf8));
    }
}
