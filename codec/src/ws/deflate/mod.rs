//! permessage-deflate: messages compressed one by one. Source: RFC 7692.
//!
//! [`Options`] are what this endpoint wants, [`Agreed`] is what both ends settled on
//! in the opening handshake; [`Connection::set_deflate`] puts it to use. From then
//! on messages are compressed and decompressed where it pays, unseen.
//!
//! A compressor that remembers earlier messages is larger than the rest of the
//! connection by two orders of magnitude. It is made when the first message needs
//! it, and [`Connection::shrink`] gives it back.
//!
//! [`Connection::set_deflate`]: super::Connection::set_deflate
//! [`Connection::shrink`]: super::Connection::shrink

mod agreed;
mod compressor;
mod inflate;
mod options;
mod state;

pub use agreed::Agreed;
pub use compressor::Compressor;
pub use options::Options;
pub(super) use state::Deflate;
