//! What can go wrong, by whose fault it is.

use std::fmt;
use std::io;
use std::path::PathBuf;

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
    /// The peer broke the protocol, offered nothing that we accept, or is not who it should be. It
    /// was told by an alert.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The peer began a plain HTTP request.
    #[error("the client spoke plain HTTP in place of TLS")]
    PlainHttp,
    /// The transport failed, or the peer left.
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
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// The PEM text is damaged.
    #[error("is not valid PEM: {0}")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds no `CERTIFICATE` section.
    #[error("holds no certificate (expected a PEM section `CERTIFICATE`)")]
    NoCertificate,
    /// It holds no private key.
    #[error("holds no private key (expected a PEM section `PRIVATE KEY`)")]
    NoKey,
    /// The private key is locked by a passphrase, which nobody could type here.
    #[error("holds an encrypted private key; decrypt it with `openssl pkey -in FILE -out FILE`")]
    Encrypted,
    /// The key is not the one that the certificate was made for.
    #[error(
        "the private key does not belong to the first certificate in {}",
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// It was read, and cannot be used.
    #[error("cannot be used: {0}")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A handshake that failed, and the transport that it left, for a last word or none.
pub struct AcceptError<S> {
    /// Why.
    pub error: Error,
    /// What the handshake ran over. What the peer sent so far was read.
    pub stream: S,
}

impl<S> AcceptError<S> {
    pub(crate) fn new(error: Error, stream: S) -> Self {
        Self { error, stream }
    }
}

impl<S> fmt::Debug for AcceptError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> fmt::Display for AcceptError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> std::error::Error for AcceptError<S> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl<S> From<AcceptError<S>> for Error {
    fn from(failed: AcceptError<S>) -> Self {
        failed.error
    }
}
