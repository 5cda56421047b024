//! The WebSocket protocol (RFC 6455), for either role.
//!
//! [`Connection`] is the whole protocol after the opening handshake: bytes in,
//! [`Event`]s out, frames appended to the caller's buffer. [`handshake`] is what
//! comes before it. The other modules are the parts that both are made of.

pub mod close;
mod code;
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod header;
mod heartbeat;
mod limits;
pub mod mask;
mod message;
#[cfg(not(feature = "deflate"))]
mod no_deflate;
mod opcode;
mod recv;
mod send;
#[cfg(test)]
mod tests;
pub mod utf8;

pub use close::{Closing, Due};
pub use code::CloseCode;
pub use connection::Connection;
pub use error::{Misuse, Violation};
pub use event::{Event, Kind};
pub use header::{Header, MAX_CONTROL_LEN};
pub use heartbeat::{Beat, Heartbeat};
pub use limits::{Limits, Role};
pub use opcode::Opcode;

#[cfg(feature = "deflate")]
use deflate::Deflate;
#[cfg(not(feature = "deflate"))]
use no_deflate::Deflate;
