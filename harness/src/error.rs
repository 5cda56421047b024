//! What stops a run. A subject that misbehaves in a case is a verdict, never an error.

use thiserror::Error;

/// Why there is nothing, or no more, to judge.
#[derive(Debug, Error)]
pub enum Error {
    /// The caller's: a flag, or a key of the profile. Says which, and what is allowed.
    #[error("{0}")]
    Usage(String),
    /// The subject's: it would not build, start, or get ready, or died for good.
    #[error("{0}")]
    Subject(String),
    /// The selection is empty.
    #[error("{0}")]
    NothingToRun(String),
    /// Ours, or the system's: a file or a socket that we could not have.
    #[error("{what}: {source}")]
    System {
        /// What we tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}
