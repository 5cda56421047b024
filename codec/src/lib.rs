//! WebSocket (RFC 6455) and HTTP/1.1 (RFC 9110, RFC 9112) without I/O.
//!
//! Bytes come in as slices and go out into the caller's buffer; nothing here
//! owns a socket, reads a clock or draws a random number. The crate is `no_std`
//! (it needs `alloc`) and contains no `unsafe` code.
//!
//! - [`http`]: request heads, body framing, the chunked coding, response heads.
//! - [`ws`]: frames, masking, messages, the opening and the closing handshake.
//!
//! Everywhere, too little input is `Ok(None)`; what the peer did wrong is a
//! `Violation` that knows what to answer; what the caller did wrong is a `Misuse`.
//!
//! # Features
//!
//! - `std` (default): lets the dependencies pick SIMD code at run time. The
//!   crate itself behaves the same without it.
//! - `deflate`: permessage-deflate (RFC 7692) for WebSocket.
//! - `http`: conversions to and from the types of the crate `http`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod http;
pub mod ws;
