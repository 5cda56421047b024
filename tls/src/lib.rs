//! One stream for plain and TLS connections, over rustls.
//!
//! [`Stream`] reads and writes, whichever of the two it is; the same server code runs over both.
//! [`Acceptor`] holds certificates, chooses among them by name, reads them again while it runs, and
//! does the server's side of the handshake. Deadlines are its caller's: this crate has no clock.
//!
//! rustls does the work and stays out of the API: which version of it is beneath, and which
//! cryptography beneath that (features `aws-lc-rs`, the default, and `ring`), changes no type here.
//!
//! | file | idea |
//! |---|---|
//! | `config.rs` | what an acceptor is made of |
//! | `identity.rs` | certificates and keys as PEM, and what is wrong with them |
//! | `names.rs` | which identity a client gets |
//! | `acceptor.rs` | from a configuration to a ready acceptor, and to another while it runs |
//! | `hello.rs` | the handshake in two steps |
//! | `stream.rs`, `info.rs` | plain or TLS, one type; what a handshake agreed on |
//! | `error.rs` | whose fault it is: the configuration's, the peer's, the transport's |

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("seawall-tls needs one of the features `aws-lc-rs` and `ring` for its cryptography");

mod acceptor;
mod config;
mod error;
mod hello;
mod identity;
mod info;
mod names;
mod stream;

pub use acceptor::Acceptor;
pub use config::{Config, Resumption, Version};
pub use error::{AcceptError, Cause, Error};
pub use hello::Hello;
pub use identity::{Clients, Identity};
pub use info::Info;
pub use stream::{Stream, TlsStream};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
