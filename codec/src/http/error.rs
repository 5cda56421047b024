//! What can go wrong, split by who is to blame.

use super::status::Status;

/// The peer broke the rules, or went over a limit of ours.
///
/// Where a message ends is not certain any more: a server answers with
/// [`status`](Self::status) and closes the connection; a client just closes it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The data of a chunk is not followed by CRLF.
    #[error("chunk data without its CRLF (RFC 9112 §7.1)")]
    ChunkEnd,
    /// A chunk extension that does not fit the grammar.
    #[error("malformed chunk extension (RFC 9112 §7.1.1)")]
    ChunkExtension,
    /// Chunk extensions longer than [`Limits::max_chunk_ext`](super::Limits::max_chunk_ext).
    #[error("chunk extension over the size limit (RFC 9112 §7.1.1)")]
    ChunkExtensionTooLong,
    /// A chunk size that is not 1 to 16 hexadecimal digits.
    #[error("malformed chunk size (RFC 9112 §7.1)")]
    ChunkSize,
    /// A Content-Length that is not a number.
    #[error("malformed Content-Length (RFC 9112 §6.3)")]
    ContentLength,
    /// More than one Content-Length, equal or not.
    #[error("repeated Content-Length (RFC 9112 §6.3)")]
    ContentLengthRepeated,
    /// Content longer than allowed, or than a number can say.
    #[error("content over the size limit (RFC 9110 §15.5.14)")]
    ContentTooLarge,
    /// An expectation other than `100-continue`.
    #[error("unknown expectation (RFC 9110 §10.1.1)")]
    Expectation,
    /// A field line longer than [`Limits::max_field_line`](super::Limits::max_field_line).
    #[error("field line over the size limit (RFC 9110 §5.4)")]
    FieldLineTooLong,
    /// A field name that is no token, or a field line without a colon.
    #[error("malformed field name (RFC 9112 §5)")]
    FieldName,
    /// A control byte in a field value.
    #[error("control byte in a field value (RFC 9110 §5.5)")]
    FieldValue,
    /// A head longer than [`Limits::max_head`](super::Limits::max_head).
    #[error("head over the size limit (RFC 9110 §5.4)")]
    HeadTooLong,
    /// A Host that is not `uri-host [ ":" port ]`, or empty.
    #[error("invalid Host (RFC 9112 §3.2)")]
    HostInvalid,
    /// HTTP/1.1 without Host.
    #[error("missing Host (RFC 9112 §3.2)")]
    HostMissing,
    /// More than one Host.
    #[error("repeated Host (RFC 9112 §3.2)")]
    HostRepeated,
    /// CR without LF, or LF without CR.
    #[error("line end is not CRLF (RFC 9112 §2.2)")]
    LineEnd,
    /// A line that begins with whitespace.
    #[error("folded line, or whitespace before a field (RFC 9112 §5.2)")]
    LineFolded,
    /// A method that is no token.
    #[error("malformed method (RFC 9112 §3.1)")]
    Method,
    /// A request line that is not method, target, version with one space between.
    #[error("malformed request line (RFC 9112 §3)")]
    RequestLine,
    /// A request line longer than [`Limits::max_request_line`](super::Limits::max_request_line).
    #[error("request line over the size limit (RFC 9112 §3)")]
    RequestLineTooLong,
    /// Whitespace inside a field name, or between it and the colon.
    #[error("whitespace before the colon (RFC 9112 §5.1)")]
    SpaceBeforeColon,
    /// A status line that is not version, status code, reason.
    #[error("malformed status line (RFC 9112 §4)")]
    StatusLine,
    /// A target that fits no form, or not the method.
    #[error("invalid request target (RFC 9112 §3.2)")]
    Target,
    /// More fields than [`Limits::max_fields`](super::Limits::max_fields).
    #[error("too many fields (RFC 9110 §5.4)")]
    TooManyFields,
    /// Trailers longer than [`Limits::max_trailers`](super::Limits::max_trailers).
    #[error("trailer section over the size limit (RFC 9112 §7.1.2)")]
    TrailersTooLong,
    /// A Transfer-Encoding other than exactly one `chunked`.
    #[error("transfer coding is not exactly one chunked (RFC 9112 §6.1)")]
    TransferEncoding,
    /// Transfer-Encoding in HTTP/1.0.
    #[error("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)")]
    TransferEncodingVersion,
    /// Transfer-Encoding together with Content-Length.
    #[error("Transfer-Encoding with Content-Length (RFC 9112 §6.1)")]
    TransferEncodingWithLength,
    /// A version that is not `HTTP/` digit `.` digit.
    #[error("malformed version (RFC 9112 §2.3)")]
    Version,
    /// A major version other than 1.
    #[error("major version not supported (RFC 9110 §15.6.6)")]
    VersionUnsupported,
}

impl Violation {
    /// The status to answer with.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::http::{Status, Violation};
    ///
    /// assert_eq!(Violation::HostMissing.status(), Status::BAD_REQUEST);
    /// assert_eq!(Violation::TooManyFields.status().code(), 431);
    /// ```
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::ContentTooLarge => Status::CONTENT_TOO_LARGE,
            Self::Expectation => Status::EXPECTATION_FAILED,
            Self::RequestLineTooLong => Status::URI_TOO_LONG,
            Self::FieldLineTooLong
            | Self::HeadTooLong
            | Self::TooManyFields
            | Self::TrailersTooLong => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::VersionUnsupported => Status::HTTP_VERSION_NOT_SUPPORTED,
            Self::ChunkEnd
            | Self::ChunkExtension
            | Self::ChunkExtensionTooLong
            | Self::ChunkSize
            | Self::ContentLength
            | Self::ContentLengthRepeated
            | Self::FieldName
            | Self::FieldValue
            | Self::HostInvalid
            | Self::HostMissing
            | Self::HostRepeated
            | Self::LineEnd
            | Self::LineFolded
            | Self::Method
            | Self::RequestLine
            | Self::SpaceBeforeColon
            | Self::StatusLine
            | Self::Target
            | Self::TransferEncoding
            | Self::TransferEncodingVersion
            | Self::TransferEncodingWithLength
            | Self::Version => Status::BAD_REQUEST,
        }
    }
}

/// The caller asked for a message that RFC 9112 forbids.
///
/// Nothing was written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A field name that is no token.
    #[error("field name is not a token (RFC 9110 §5.1)")]
    FieldName,
    /// CR, LF, NUL or another control byte in a field value.
    #[error("control byte in a field value (RFC 9110 §5.5)")]
    FieldValue,
    /// Content-Length or Transfer-Encoding written as a plain field.
    #[error("framing is set by its own call (RFC 9112 §6)")]
    FramingField,
    /// A second framing, or a framing on a status that has no content.
    #[error("framing given twice, or for a status without content (RFC 9112 §6.1)")]
    Framing,
    /// A status 1xx where the response must be a final one.
    #[error("interim status in place of a final one (RFC 9110 §15.2)")]
    Interim,
    /// A method that is no token, or a target that none may be.
    #[error("malformed method or target (RFC 9112 §3)")]
    RequestLine,
    /// A trailer field that would come too late.
    #[error("field that must not be a trailer (RFC 9110 §6.5.1)")]
    Trailer,
    /// 101 to a client that asks for no other protocol.
    #[error("switching to a protocol that was not asked for (RFC 9110 §7.8)")]
    Upgrade,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small() {
        assert!(size_of::<Violation>() <= 16);
        assert!(size_of::<Misuse>() <= 16);
    }
}
