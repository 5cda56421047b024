//! HTTP/1.1 messages (RFC 9110, RFC 9112), strictly.
//!
//! [`RequestParser`] finds the parts of a request head in the caller's buffer and
//! refuses whatever two implementations might read differently. [`Body`] takes the
//! content out of the bytes that follow; [`ResponseWriter`] and [`chunked`] write
//! the answer.

mod authority;
mod body;
mod chars;
pub mod chunked;
mod error;
mod fields;
mod limits;
mod request;
mod request_line;
mod response;
mod section;
mod semantics;
mod status;
mod target;

pub use body::{Body, BodyFraming, Content};
pub use error::{Misuse, Violation};
pub use fields::{Field, Fields, list};
pub use limits::Limits;
pub use request::{RequestHead, RequestLayout, RequestParser};
pub use request_line::Version;
pub use response::ResponseWriter;
pub use status::Status;
pub use target::TargetForm;
