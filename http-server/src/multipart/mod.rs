//! `multipart/form-data` as a stream of parts (RFC 7578, RFC 2046 §5.1).
//!
//! `parser.rs` finds the parts without reading anything; this file feeds it from a request.

mod head;
mod parser;

use std::fmt;

use seawall_codec::http::Status;

use crate::content;
use crate::{Error, Request};
use head::PartHead;
use parser::{Found, Parser};

/// How much of a multipart form is taken; the limit on the whole content holds beside these.
///
/// # Examples
///
/// ```
/// use seawall_http_server::MultipartLimits;
///
/// let limits = MultipartLimits { parts: 3, ..MultipartLimits::default() };
/// assert_eq!(limits.head, 4 * 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MultipartLimits {
    /// Parts in a form. Beyond: 413. Default 100.
    ///
    /// Each costs its handler something, be it only a file to open.
    pub parts: usize,
    /// Octets of one part's fields. Beyond: 400. Default 4 KiB.
    pub head: usize,
    /// Octets of one part's content. Beyond: 413. Default: no limit but that of the whole content.
    pub part: u64,
}

impl Default for MultipartLimits {
    fn default() -> Self {
        Self { parts: 100, head: 4 * 1024, part: u64::MAX }
    }
}

/// What is wrong with a multipart form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the boundary is missing or malformed (RFC 2046 §5.1.1)")]
    Boundary,
    #[error("the multipart form ends before its last boundary (RFC 2046 §5.1.1)")]
    Cut,
    #[error("a boundary is followed by something else than a line end (RFC 2046 §5.1.1)")]
    BoundaryLine,
    #[error("the fields of a part are malformed (RFC 7578 §4)")]
    Head,
    #[error("the fields of a part, or what stands before the first, are over the size limit")]
    HeadTooLong,
    #[error("the multipart form has too many parts")]
    TooManyParts,
    #[error("a part of the multipart form is over the size limit")]
    PartTooLong,
    #[error("a part of the multipart form is not UTF-8")]
    Utf8,
}

impl Fault {
    pub(crate) fn status(self) -> Status {
        match self {
            Self::TooManyParts | Self::PartTooLong => Status::CONTENT_TOO_LARGE,
            Self::Boundary
            | Self::Cut
            | Self::BoundaryLine
            | Self::Head
            | Self::HeadTooLong
            | Self::Utf8 => Status::BAD_REQUEST,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        content::Fault::Multipart(fault).into()
    }
}

/// A multipart form, read as it comes: see [`Request::multipart`].
///
/// It holds a piece as one read brings it and the fields of one part, never a whole part.
pub struct Multipart<'r> {
    request: &'r mut Request,
    parser: Parser,
    limits: MultipartLimits,
    parts: usize,
    /// Octets of the current part so far.
    octets: u64,
    /// The current part has more to come.
    within: bool,
}

impl<'r> Multipart<'r> {
    pub(crate) fn new(
        request: &'r mut Request,
        boundary: &str,
        limits: MultipartLimits,
    ) -> Result<Self, Error> {
        let parser = Parser::new(boundary, limits.head)?;
        Ok(Self { request, parser, limits, parts: 0, octets: 0, within: false })
    }

    /// The next part, or `None` behind the last. What was not read of the one before is skipped.
    ///
    /// # Errors
    ///
    /// As [`Request::content`], and if the form is malformed (400) or over its limits (413).
    pub async fn next_part(&mut self) -> Result<Option<Part<'_, 'r>>, Error> {
        while self.within {
            self.next_piece().await?;
        }
        loop {
            match self.advance().await? {
                Found::Part(head) => {
                    self.parts += 1;
                    if self.parts > self.limits.parts {
                        return Err(Fault::TooManyParts.into());
                    }
                    self.octets = 0;
                    self.within = true;
                    return Ok(Some(Part { head, form: self }));
                }
                Found::Data(_) | Found::PartEnd => {}
                Found::End => return Ok(None),
            }
        }
    }

    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if !self.within {
            return Ok(None);
        }
        match self.advance().await? {
            Found::Data(piece) => {
                self.octets += piece.len() as u64;
                if self.octets > self.limits.part {
                    return Err(Fault::PartTooLong.into());
                }
                Ok(Some(piece))
            }
            Found::PartEnd | Found::Part(_) | Found::End => {
                self.within = false;
                Ok(None)
            }
        }
    }

    /// What comes next, reading as much as it takes.
    async fn advance(&mut self) -> Result<Found, Error> {
        loop {
            if let Some(found) = self.parser.next()? {
                return Ok(found);
            }
            match self.request.next_piece().await? {
                Some(piece) => self.parser.push(piece),
                None => return Err(Fault::Cut.into()),
            }
        }
    }
}

impl fmt::Debug for Multipart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// One part of a multipart form: what it is, and its content as far as it was not read yet.
pub struct Part<'p, 'r> {
    head: PartHead,
    form: &'p mut Multipart<'r>,
}

impl Part<'_, '_> {
    /// The name of the form's field.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// The file's name as the client gives it, if the part is a file. Never a path to write to:
    /// it may hold slashes, dots, or nothing.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// The media type, if the client names one.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.head.content_type.as_deref()
    }

    /// Reads on, and gives the next piece of the part's content, or `None` at its end.
    ///
    /// # Errors
    ///
    /// As [`Multipart::next_part`].
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.form.next_piece().await
    }

    /// Reads the rest of the part's content: for short fields, and within
    /// [`MultipartLimits::part`].
    ///
    /// # Errors
    ///
    /// As [`Multipart::next_part`].
    pub async fn content(mut self) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            content.extend_from_slice(&piece);
        }
        Ok(content)
    }

    /// Reads the rest of the part's content as text.
    ///
    /// # Errors
    ///
    /// As [`content`](Self::content), and if it is not UTF-8 (400).
    pub async fn text(self) -> Result<String, Error> {
        String::from_utf8(self.content().await?).map_err(|_| Fault::Utf8.into())
    }
}

impl fmt::Debug for Part<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("head", &self.head).finish_non_exhaustive()
    }
}
