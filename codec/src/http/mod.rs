//! HTTP/1.1 messages (RFC 9110, RFC 9112), strictly.
//!
//! [`RequestParser`] finds the parts of a request head in the caller's buffer and
//! refuses whatever two implementations might read differently. [`Body`] takes the
//! content out of the bytes that follow; [`Exchange`] knows what the response may
//! be; [`ResponseWriter`] and [`chunked`] write it. [`RequestWriter`] and
//! [`ResponseParser`] are the client's side.

mod authority;
mod body;
mod chars;
pub mod chunked;
#[cfg(feature = "http")]
mod convert;
mod error;
mod exchange;
mod field_line;
mod fields;
mod limits;
pub mod method;
mod request;
mod request_line;
mod response;
mod scan;
mod section;
mod semantics;
mod status;
mod status_line;
mod target;
#[cfg(all(feature = "simd", any(target_arch = "x86", target_arch = "x86_64")))]
mod wide;
mod writer;

pub use body::{Body, BodyFraming, Content};
pub use error::{Misuse, Violation};
pub use exchange::{Exchange, Sending};
pub use field_line::FieldLine;
pub use fields::{Field, Fields, list};
pub use limits::Limits;
pub use request::{RequestHead, RequestParser};
pub use request_line::Version;
pub use response::{ResponseFraming, ResponseHead, ResponseParser};
pub use status::Status;
pub use target::TargetForm;
pub use writer::{RequestWriter, ResponseWriter};

pub(crate) use chars::{is_token, trim};
