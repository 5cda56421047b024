//! What can go wrong, by whose fault it is.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A configuration that cannot work, or a handshake that did not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Our side: a file of the configuration cannot be used.
    #[error("{}: {cause}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Cause,
    },
    /// The peer broke the protocol, offered nothing that we accept, or did not speak TLS.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The peer was too slow.
    #[error("the TLS handshake was not done after {0:?}")]
    Timeout(Duration),
    /// The transport failed.
    #[error("the connection failed during the TLS handshake: {0}")]
    Io(#[source] io::Error),
}

/// What is wrong with a file of the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// There is no such file, or it cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The PEM text is damaged.
    #[error("is not valid PEM: {0}")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds no `CERTIFICATE` section.
    #[error("holds no certificate (expected a PEM section `CERTIFICATE`)")]
    NoCertificate,
    /// It holds no private key.
    #[error("holds no private key (expected a PEM section `PRIVATE KEY`)")]
    NoKey,
    /// The key is not the one that the certificate was made for.
    #[error("the private key does not belong to the certificate in {}", certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// It was read, and cannot be used.
    #[error("cannot be used: {0}")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
