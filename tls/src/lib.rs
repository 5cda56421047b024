//! One stream for plain and TLS connections, over rustls.
//!
//! [`Stream`] reads and writes, whichever of the two it is; the same server code runs over both.
//! [`Acceptor`] loads a certificate and its key, and does the server's side of the handshake
//! within a deadline.
//!
//! rustls does the work and stays out of the API: which version of it is beneath, and which
//! cryptography beneath that (features `aws-lc-rs`, the default, and `ring`), changes no type here.
//!
//! | file | idea |
//! |---|---|
//! | `acceptor.rs` | from files to a ready acceptor; the handshake and its deadline |
//! | `stream.rs` | plain or TLS, one type |
//! | `error.rs` | whose fault it is: the configuration's, the peer's, the transport's |

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("seawall-tls needs one of the features `aws-lc-rs` and `ring` for its cryptography");

mod acceptor;
mod error;
mod stream;

pub use acceptor::Acceptor;
pub use error::{Cause, Error};
pub use stream::{Stream, TlsStream};
