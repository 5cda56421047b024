//! The opening handshake: how an HTTP/1.1 connection becomes a WebSocket.
//!
//! Source: RFC 6455 §4, RFC 9110 §7.8.

mod client;
mod extensions;
mod key;
mod server;

pub use client::{Accepted, Client, Failure};
pub use key::{accept_key, is_key};
pub use server::{PROTOCOL, Refusal, Request};

#[cfg(feature = "deflate")]
pub(super) use extensions::Extension;
#[cfg(all(test, feature = "deflate"))]
pub(super) use extensions::parse as parse_extensions;
