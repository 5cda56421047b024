//! Why a connection ended before its time, opaque at the edge.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use seawall_codec::ws::Violation;

/// Why a connection ended before its time: an exit reason of its actor.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("the client broke the protocol: {0}")]
    Violation(#[source] Violation),
    #[error("the client left without a Close")]
    Left,
    #[error("the client did not answer a Ping")]
    PongTimeout,
    #[error("the client did not answer our Close")]
    CloseTimeout,
    #[error("the client took nothing of what waited for it")]
    WriteTimeout,
    #[error("`on_close` did not return in time")]
    OnClose,
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind }
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self.kind {
            Kind::PongTimeout | Kind::CloseTimeout | Kind::WriteTimeout | Kind::OnClose => true,
            Kind::Violation(_) | Kind::Left | Kind::Io(_) => false,
        }
    }

    /// Whether the client is at fault: it broke the protocol, left, or was too slow.
    #[must_use]
    pub fn is_peer(&self) -> bool {
        !matches!(self.kind, Kind::OnClose | Kind::Io(_))
    }

    /// Whether the transport failed.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.kind, Kind::Io(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    /// Of one [for want of time](Self::is_timeout), an [`io::Error`] of the kind `TimedOut`: by that the
    /// HTTP server knows it, and counts it.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        static TIMED_OUT: LazyLock<io::Error> =
            LazyLock::new(|| io::Error::from(io::ErrorKind::TimedOut));
        if self.is_timeout() { Some(&*TIMED_OUT) } else { self.kind.source() }
    }
}
