//! The chunked transfer coding, both ways. Source: RFC 9112 §7.1.
//!
//! ```text
//! chunked-body = *chunk last-chunk trailer-section CRLF
//! chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//! ```

mod decode;
mod encode;
mod extension;

pub use decode::Decoder;
pub use encode::{encode, end, end_with_trailers, may_be_trailer};
