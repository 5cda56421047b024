//! A message that arrives in pieces: fragments, or one frame over several reads.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::Violation;
use super::event::{Event, Kind};
use super::utf8::Validator;

/// The part of a message that has arrived. It grows with the bytes that come,
/// never with a length that a header declares.
#[derive(Debug)]
pub(crate) struct Message {
    content: Content,
    /// How many frames belong to it so far.
    fragments: u32,
    /// Its payload is compressed (RFC 7692 §6).
    compressed: bool,
}

#[derive(Debug)]
enum Content {
    /// Every byte in `text` was checked once; the end that is not a whole code
    /// point yet waits in `check`.
    Text {
        text: String,
        check: Validator,
    },
    Binary(Vec<u8>),
}

impl Message {
    pub(crate) fn new(kind: Kind, compressed: bool) -> Self {
        let content = match kind {
            Kind::Text => Content::Text { text: String::new(), check: Validator::default() },
            Kind::Binary => Content::Binary(Vec::new()),
        };
        Self { content, fragments: 1, compressed }
    }

    /// Counts one more frame.
    pub(crate) fn count_fragment(&mut self, max: u32) -> Result<(), Violation> {
        if self.fragments >= max {
            return Err(Violation::TooManyFragments);
        }
        self.fragments += 1;
        Ok(())
    }

    /// Whether its payload must be decompressed before it is pushed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Appends decompressed payload, unless the message would become longer than `max`.
    pub(crate) fn push_within(&mut self, payload: &[u8], max: usize) -> Result<(), Violation> {
        if payload.len() > max.saturating_sub(self.len()) {
            return Err(Violation::MessageTooBig);
        }
        self.push(payload)
    }

    /// Appends unmasked payload.
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Violation> {
        match &mut self.content {
            Content::Text { text, check } => {
                let piece = check.push(payload)?;
                text.extend(piece.carried);
                text.push_str(piece.text);
            }
            Content::Binary(bytes) => bytes.extend_from_slice(payload),
        }
        Ok(())
    }

    /// Bytes of the message so far.
    pub(crate) fn len(&self) -> usize {
        match &self.content {
            Content::Text { text, check } => text.len() + check.held(),
            Content::Binary(bytes) => bytes.len(),
        }
    }

    /// The whole message, after its last frame.
    pub(crate) fn finish<'b>(self) -> Result<Event<'b>, Violation> {
        match self.content {
            Content::Text { text, check } => {
                check.finish()?;
                Ok(Event::Text(Cow::Owned(text)))
            }
            Content::Binary(bytes) => Ok(Event::Binary(Cow::Owned(bytes))),
        }
    }
}
