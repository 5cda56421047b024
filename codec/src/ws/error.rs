//! What can go wrong, split by who is to blame.

use super::code::CloseCode;

/// The peer broke RFC 6455 or RFC 7692, or went over a limit of ours.
///
/// The connection must be failed (§7.1.7): send Close with
/// [`close_code`](Self::close_code), then close the stream without waiting.
/// [`Connection::fail`](super::Connection::fail) writes that frame.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A frame arrived after the Close frame.
    #[error("frame after Close (RFC 6455 §5.5.1)")]
    AfterClose,
    /// The peer's Close frame carries a code that may not be sent.
    #[error("close code {0} may not be sent (RFC 6455 §7.4)")]
    CloseCode(u16),
    /// The payload of a Close frame is one byte long: half a close code.
    #[error("Close payload of one byte (RFC 6455 §5.5.1)")]
    CloseLength,
    /// A control frame with FIN clear.
    #[error("fragmented control frame (RFC 6455 §5.5)")]
    ControlFragmented,
    /// A control frame longer than 125 bytes.
    #[error("control frame longer than 125 bytes (RFC 6455 §5.5)")]
    ControlTooLong,
    /// Compressed payload that is not DEFLATE data, or is cut short.
    #[error("corrupt compressed data (RFC 7692 §7.2.2)")]
    Deflate,
    /// A frame longer than [`Limits::max_frame_len`](super::Limits::max_frame_len).
    #[error("frame over the size limit (RFC 6455 §10.4)")]
    FrameTooBig,
    /// A message that decompresses to many times its size.
    #[error("compression ratio over the limit (RFC 7692 §8)")]
    InflateRatio,
    /// Text, or a close reason, that is not UTF-8.
    #[error("text is not UTF-8 (RFC 6455 §8.1)")]
    InvalidUtf8,
    /// A payload length in more bytes than it needs.
    #[error("payload length not minimal (RFC 6455 §5.2)")]
    LengthNotMinimal,
    /// A 64-bit payload length with the most significant bit set.
    #[error("payload length above 2^63 - 1 (RFC 6455 §5.2)")]
    LengthTopBit,
    /// A server masked its frame.
    #[error("masked frame from a server (RFC 6455 §5.1)")]
    Masked,
    /// A new message began while the fragments of another were still due.
    #[error("data frame inside a fragmented message (RFC 6455 §5.4)")]
    MessageInterrupted,
    /// A message longer than [`Limits::max_message_len`](super::Limits::max_message_len).
    #[error("message over the size limit (RFC 6455 §10.4)")]
    MessageTooBig,
    /// A continuation frame, but no message had begun.
    #[error("continuation without a message (RFC 6455 §5.4)")]
    NothingToContinue,
    /// A reserved opcode (3–7, 11–15).
    #[error("reserved opcode {0:#x} (RFC 6455 §5.2)")]
    Opcode(u8),
    /// A reserved bit is set that no negotiated extension gave a meaning.
    #[error("reserved bit set (RFC 6455 §5.2)")]
    ReservedBit,
    /// More fragments than [`Limits::max_fragments`](super::Limits::max_fragments).
    #[error("message of too many fragments (RFC 6455 §10.4)")]
    TooManyFragments,
    /// A client did not mask its frame.
    #[error("unmasked frame from a client (RFC 6455 §5.1)")]
    Unmasked,
}

impl Violation {
    /// The close code to tell the peer.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::ws::{CloseCode, Violation};
    ///
    /// assert_eq!(Violation::Unmasked.close_code(), CloseCode::PROTOCOL_ERROR);
    /// assert_eq!(Violation::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
    /// ```
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Deflate | Self::InvalidUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig
            | Self::InflateRatio
            | Self::MessageTooBig
            | Self::TooManyFragments => CloseCode::MESSAGE_TOO_BIG,
            Self::AfterClose
            | Self::CloseCode(_)
            | Self::CloseLength
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::Masked
            | Self::MessageInterrupted
            | Self::NothingToContinue
            | Self::Opcode(_)
            | Self::ReservedBit
            | Self::Unmasked => CloseCode::PROTOCOL_ERROR,
        }
    }
}

/// The caller asked for something that RFC 6455 forbids an endpoint to send.
///
/// Nothing was written and the state is unchanged.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Data or a control frame after our own Close.
    #[error("frame after our own Close (RFC 6455 §5.5.1)")]
    AfterClose,
    /// A second Close.
    #[error("Close was sent before (RFC 6455 §5.5.1)")]
    CloseTwice,
    /// A control payload over 125 bytes, or a close reason over 123.
    #[error("control payload longer than 125 bytes (RFC 6455 §5.5)")]
    ControlTooLong,
    /// The header of a frame without its payload, which a client must mask.
    #[error("frame whose payload is not masked (RFC 6455 §5.3)")]
    HeaderAlone,
    /// A new message while the last fragment of another is still due.
    #[error("message inside a fragmented message (RFC 6455 §5.4)")]
    MessageInterrupted,
    /// A close reason without a close code.
    #[error("close reason without a close code (RFC 6455 §5.5.1)")]
    ReasonWithoutCode,
    /// A subprotocol that the client did not offer.
    #[error("subprotocol that was not offered (RFC 6455 §4.2.2)")]
    Subprotocol,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn small_and_named_by_section() {
        assert!(size_of::<Violation>() <= 16);
        assert!(size_of::<Misuse>() <= 16);
        assert_eq!(Violation::Opcode(11).to_string(), "reserved opcode 0xb (RFC 6455 §5.2)");
        assert_eq!(Misuse::CloseTwice.to_string(), "Close was sent before (RFC 6455 §5.5.1)");
    }
}
