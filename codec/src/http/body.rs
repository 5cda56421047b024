//! The content of a message, taken out of the bytes that follow its head.
//!
//! Source: RFC 9112 §6.

use super::chunked;
use super::error::Violation;
use super::fields::Fields;
use super::limits::Limits;

/// How the content of a message is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyFraming {
    /// There is none: neither field, or `Content-Length: 0`.
    None,
    /// So many bytes follow, at least one.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
}

/// Takes the content of one message out of what the connection reads.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Body, BodyFraming, Content, Limits};
///
/// let mut body = Body::new(BodyFraming::Length(5), 1 << 20, &Limits::default())?;
/// let mut input = &b"helloGET /next"[..];
/// assert_eq!(body.recv(&mut input)?, Some(Content::Data(b"hello")));
/// assert_eq!(body.recv(&mut input)?, Some(Content::End));
/// assert_eq!(input, b"GET /next");
/// # Ok::<(), seawall_codec::http::Violation>(())
/// ```
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Bytes still to come.
    Length(u64),
    Chunked(chunked::Decoder),
}

/// What [`Body::recv`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content<'b> {
    /// The next bytes of the content, not empty.
    Data(&'b [u8]),
    /// The content is complete; what is left of the input is not part of it.
    End,
}

impl Body {
    /// The content of a message with this framing, at most `max` bytes of it.
    ///
    /// # Errors
    ///
    /// [`Violation::ContentTooLarge`] if a declared length is beyond `max`.
    pub fn new(framing: BodyFraming, max: u64, limits: &Limits) -> Result<Self, Violation> {
        let state = match framing {
            BodyFraming::None => State::Length(0),
            BodyFraming::Length(len) if len > max => return Err(Violation::ContentTooLarge),
            BodyFraming::Length(len) => State::Length(len),
            BodyFraming::Chunked => State::Chunked(chunked::Decoder::new(max, limits)),
        };
        Ok(Self { state })
    }

    /// Takes the next piece of content off `input`. `None` means that all of
    /// `input` is consumed and more is needed. After [`Content::End`] it gives
    /// nothing but that.
    ///
    /// # Errors
    ///
    /// A [`Violation`] of the chunked coding, or of its limits.
    #[inline]
    pub fn recv<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Content<'b>>, Violation> {
        match &mut self.state {
            State::Length(0) => Ok(Some(Content::End)),
            State::Length(_) if input.is_empty() => Ok(None),
            State::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(len);
                *input = rest;
                *left -= len as u64;
                Ok(Some(Content::Data(data)))
            }
            State::Chunked(decoder) => decoder.recv(input),
        }
    }

    /// Whether [`Content::End`] was reached, or is all that is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.state {
            State::Length(left) => *left == 0,
            State::Chunked(decoder) => decoder.is_complete(),
        }
    }

    /// The trailer fields of a chunked message, once it is complete. They are never
    /// merged into the head (RFC 9110 §6.5.1).
    #[must_use]
    pub fn trailers(&self) -> Fields<'_> {
        match &self.state {
            State::Length(_) => Fields::new(&[], &[]),
            State::Chunked(decoder) => decoder.trailers(),
        }
    }

    /// How many bytes are still to come, if that is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.state {
            State::Length(left) => Some(*left),
            State::Chunked(decoder) => decoder.is_complete().then_some(0),
        }
    }
}
