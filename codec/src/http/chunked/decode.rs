//! Chunked content in: the data without its framing, in place.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::extension::Extension;
use crate::http::body::Content;
use crate::http::error::Violation;
use crate::http::fields::Fields;
use crate::http::limits::Limits;
use crate::http::scan::Words;
use crate::http::section::{Bounds, Section};

/// Takes the content out of a chunked message. Every line must end in CRLF; sizes
/// have 1 to 16 digits; extensions are checked and ignored.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Content, Limits, chunked::Decoder};
///
/// let mut decoder = Decoder::new(1 << 20, &Limits::default());
/// let mut input = &b"5;why=not\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET /next"[..];
/// assert_eq!(decoder.recv(&mut input)?, Some(Content::Data(b"hello")));
/// assert_eq!(decoder.recv(&mut input)?, Some(Content::End));
/// assert_eq!(input, b"GET /next");
/// assert_eq!(decoder.trailers().next().map(|field| field.name), Some("X-Sum"));
/// # Ok::<(), seawall_codec::http::Violation>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    at: At,
    /// The size of the chunk as far as it is read; then its data still to come.
    left: u64,
    /// Bytes of content that are still allowed.
    allowed: u64,
    max_ext: usize,
    bounds: Bounds,
    /// Nearly no message has any.
    trailers: Option<Box<Trailers>>,
}

/// The trailer section so far.
#[derive(Clone, Debug, Default)]
struct Trailers {
    section: Section,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    /// The chunk size, so many digits in.
    Size {
        digits: u8,
    },
    /// The chunk extensions, so many bytes in.
    Extension {
        state: Extension,
        len: usize,
    },
    /// The LF that ends the line of the chunk size.
    SizeLineFeed,
    Data,
    DataEnd,
    DataLineFeed,
    Trailers,
    End,
}

/// Enough for any 64-bit number, leading zeros included.
const MAX_SIZE_DIGITS: u8 = 16;

impl Decoder {
    /// A decoder for one message with at most `max` bytes of content.
    #[must_use]
    pub fn new(max: u64, limits: &Limits) -> Self {
        Self {
            at: At::Size { digits: 0 },
            left: 0,
            allowed: max,
            max_ext: limits.max_chunk_ext,
            bounds: Bounds {
                max_line: limits.max_field_line,
                max_end: limits.max_trailers,
                max_fields: limits.max_fields,
                over: Violation::TrailersTooLong,
            },
            trailers: None,
        }
    }

    /// Takes the next piece of content off `input`. `None` means that all of
    /// `input` is consumed and more is needed. After [`Content::End`] it gives
    /// nothing but that.
    ///
    /// # Errors
    ///
    /// A [`Violation`] at the first byte that is wrong, or at the size of a chunk
    /// that would go over the allowed content.
    #[inline]
    pub fn recv<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Content<'b>>, Violation> {
        match self.recv_chunk(input) {
            Some(content) => Ok(Some(content)),
            None => self.recv_piece(input),
        }
    }

    /// Takes a chunk that is there from its size to its data, without extensions and not
    /// too large, or the last chunk without trailers: nearly all are like this. Any other
    /// is for `recv_piece`.
    #[inline]
    fn recv_chunk<'b>(&mut self, input: &mut &'b [u8]) -> Option<Content<'b>> {
        let (size, rest) = self.size_line(input)?;
        if size == 0 {
            *input = rest.strip_prefix(b"\r\n")?;
            self.at = At::End;
            return Some(Content::End);
        }
        if size > self.allowed {
            return None;
        }
        let (data, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        self.allowed -= size;
        self.at = At::DataEnd;
        *input = rest;
        Some(Content::Data(data))
    }

    /// Takes whatever comes next, as far as it is there.
    fn recv_piece<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Content<'b>>, Violation> {
        loop {
            match self.at {
                At::Data => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
                    let (data, rest) = input.split_at(len);
                    *input = rest;
                    self.left -= len as u64;
                    if self.left == 0 {
                        self.at = At::DataEnd;
                    }
                    return Ok(Some(Content::Data(data)));
                }
                At::Trailers => {
                    if !self.recv_trailers(input)? {
                        return Ok(None);
                    }
                    self.at = At::End;
                }
                At::End => return Ok(Some(Content::End)),
                _ => {
                    if let Some((size, rest)) = self.size_line(input) {
                        self.left = size;
                        self.check_size()?;
                        self.at = if size == 0 { At::Trailers } else { At::Data };
                        *input = rest;
                    } else {
                        let Some((&byte, rest)) = input.split_first() else { return Ok(None) };
                        self.at = self.recv_framing(byte)?;
                        *input = rest;
                    }
                }
            }
        }
    }

    /// Whether the message is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// The trailer fields, once the message is complete.
    #[must_use]
    pub fn trailers(&self) -> Fields<'_> {
        match &self.trailers {
            Some(trailers) => Fields::new(&trailers.section.spans, &trailers.bytes),
            None => Fields::new(&[], &[]),
        }
    }

    /// The size of the next chunk and what follows its line, if all that stands before its
    /// data is there, without extensions.
    #[inline]
    fn size_line<'b>(&self, input: &'b [u8]) -> Option<(u64, &'b [u8])> {
        match self.at {
            At::Size { digits: 0 } => size_line(input),
            At::DataEnd => size_line(input.strip_prefix(b"\r\n")?),
            _ => None,
        }
    }

    /// Takes one byte between data: where the next one belongs.
    fn recv_framing(&mut self, byte: u8) -> Result<At, Violation> {
        Ok(match self.at {
            At::Size { digits } => match (byte as char).to_digit(16) {
                Some(_) if digits == MAX_SIZE_DIGITS => return Err(Violation::ChunkSize),
                Some(digit) => {
                    // Sixteen digits of four bits each fit.
                    self.left = self.left << 4 | u64::from(digit);
                    At::Size { digits: digits + 1 }
                }
                None if digits == 0 => return Err(Violation::ChunkSize),
                None => match byte {
                    b'\r' | b';' | b' ' | b'\t' => {
                        self.check_size()?;
                        self.recv_extension(Extension::default(), 0, byte)?
                    }
                    b'\n' => return Err(Violation::LineEnd),
                    _ => return Err(Violation::ChunkSize),
                },
            },
            At::Extension { state, len } => self.recv_extension(state, len, byte)?,
            At::SizeLineFeed | At::DataLineFeed if byte != b'\n' => {
                return Err(Violation::LineEnd);
            }
            At::SizeLineFeed if self.left == 0 => At::Trailers,
            At::SizeLineFeed => At::Data,
            At::DataEnd if byte == b'\r' => At::DataLineFeed,
            At::DataEnd => return Err(Violation::ChunkEnd),
            At::DataLineFeed => At::Size { digits: 0 },
            // Not reached: `recv` takes these as slices.
            At::Data | At::Trailers | At::End => self.at,
        })
    }

    /// Refuses a chunk by its size, before any of its data.
    fn check_size(&mut self) -> Result<(), Violation> {
        self.allowed = self.allowed.checked_sub(self.left).ok_or(Violation::ContentTooLarge)?;
        Ok(())
    }

    fn recv_extension(&self, state: Extension, len: usize, byte: u8) -> Result<At, Violation> {
        match byte {
            b'\r' if state.may_end() => Ok(At::SizeLineFeed),
            b'\r' => Err(Violation::ChunkExtension),
            b'\n' => Err(Violation::LineEnd),
            _ if len == self.max_ext => Err(Violation::ChunkExtensionTooLong),
            _ => Ok(At::Extension { state: state.push(byte)?, len: len + 1 }),
        }
    }

    /// Reads on in the trailer section: whether it is complete.
    fn recv_trailers(&mut self, input: &mut &[u8]) -> Result<bool, Violation> {
        if input.is_empty() {
            return Ok(false);
        }
        if self.trailers.is_none()
            && let Some(rest) = input.strip_prefix(b"\r\n")
        {
            *input = rest;
            return Ok(true);
        }
        let Trailers { section, bytes } = &mut **self.trailers.get_or_insert_default();
        let before = bytes.len();
        // One byte more than allowed is enough to see that it is too long.
        let room = self.bounds.max_end.saturating_add(1).saturating_sub(before);
        let taken = input.len().min(room);
        bytes.extend_from_slice(&input[..taken]);
        match section.parse(Words, bytes, &self.bounds, |_, _| Ok(()))? {
            Some(end) => {
                bytes.truncate(end);
                *input = &input[end - before..];
                Ok(true)
            }
            None => {
                *input = &input[taken..];
                Ok(false)
            }
        }
    }
}

/// The chunk size that `bytes` begin with, and what follows its line.
#[inline]
fn size_line(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut size = 0;
    for (i, byte) in bytes.iter().take(usize::from(MAX_SIZE_DIGITS)).enumerate() {
        match (*byte as char).to_digit(16) {
            Some(digit) => size = size << 4 | u64::from(digit),
            None if i == 0 => return None,
            None => return bytes[i..].strip_prefix(b"\r\n").map(|rest| (size, rest)),
        }
    }
    None
}
