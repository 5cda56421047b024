//! What can go wrong, opaque at the edge: ask what it is, not which variant.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use seawall_codec::http::{Misuse, Status, Violation};

use crate::content::Fault;
use crate::{IntoResponse, Response};

/// A server that could not start, a connection that could not go on, or content that could not be
/// read.
///
/// A handler may return it: the client gets the status that fits.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("the server has no address to listen on")]
    NoAddress,
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
    #[error("{0}")]
    Tls(#[source] seawall_tls::Error),
    #[error("the client broke the protocol: {0}")]
    Violation(#[source] Violation),
    #[error("the proxy broke the protocol: {0}")]
    Proxy(#[source] seawall_codec::proxy::Violation),
    #[error("the client was too slow: {0}")]
    TooSlow(Phase),
    #[error("the handler had not answered after its time")]
    HandlerTimeout,
    #[error("the client left in the middle of {0}")]
    Left(Phase),
    #[error("{0}")]
    Content(#[source] Fault),
    #[error("the content can no longer be read: its exchange is over")]
    Over,
    #[error("the response field {name:?} cannot be sent: {why}")]
    Field { name: String, why: String },
    #[error("the response cannot be sent: {0}")]
    Response(#[source] Misuse),
    #[error("the response's content is not as long as announced")]
    Length,
    #[cfg(feature = "serde")]
    #[error("the response is no JSON: {0}")]
    Json(#[source] serde_json::Error),
}

/// What was going on when time ran out or the client left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Proxy,
    Handshake,
    FirstByte,
    Head,
    Content,
    Response,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "the header of the PROXY protocol",
            Self::Handshake => "its TLS handshake",
            Self::FirstByte => "its first octet",
            Self::Head => "a request head",
            Self::Content => "a request's content",
            Self::Response => "a response",
        })
    }
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind }
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::TooSlow(_) | Kind::HandlerTimeout)
    }

    /// Whether the client is at fault: it broke the protocol or a limit, left, or was too slow.
    #[must_use]
    pub fn is_peer(&self) -> bool {
        match self.kind {
            Kind::Violation(_)
            | Kind::Proxy(_)
            | Kind::TooSlow(_)
            | Kind::Left(_)
            | Kind::Content(_) => true,
            Kind::Tls(ref error) => !matches!(error, seawall_tls::Error::Config { .. }),
            Kind::Bind { .. }
            | Kind::NoAddress
            | Kind::Io(_)
            | Kind::HandlerTimeout
            | Kind::Over
            | Kind::Field { .. }
            | Kind::Length
            | Kind::Response(_) => false,
            #[cfg(feature = "serde")]
            Kind::Json(_) => false,
        }
    }

    /// Whether the system refused something: an address in use, a connection reset.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.kind, Kind::Bind { .. } | Kind::Io(_) | Kind::Tls(seawall_tls::Error::Io(_)))
    }

    /// Whether the address to listen on is in use already.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        matches!(&self.kind, Kind::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    /// The status that tells the client, where one does.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match &self.kind {
            Kind::Violation(violation) => Some(violation.status()),
            Kind::Content(fault) => Some(fault.status()),
            #[cfg(feature = "serde")]
            Kind::Json(_) => Some(Status::INTERNAL_SERVER_ERROR),
            Kind::TooSlow(Phase::Head | Phase::Content) => Some(Status::REQUEST_TIMEOUT),
            Kind::HandlerTimeout => Some(Status::GATEWAY_TIMEOUT),
            Kind::Over | Kind::Field { .. } | Kind::Length | Kind::Response(_) => {
                Some(Status::INTERNAL_SERVER_ERROR)
            }
            // Who has closed only its sending side still reads.
            Kind::Left(_) => Some(Status::BAD_REQUEST),
            Kind::Bind { .. }
            | Kind::NoAddress
            | Kind::Io(_)
            | Kind::Tls(_)
            | Kind::Proxy(_)
            | Kind::TooSlow(Phase::Proxy | Phase::Handshake | Phase::FirstByte | Phase::Response) => {
                None
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(Kind::Io(error))
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(Kind::Violation(violation))
    }
}

impl Error {
    /// What the client hears: the status that fits, or 500 if none does.
    pub(crate) fn response(&self) -> Response {
        let status = self.status().unwrap_or(Status::INTERNAL_SERVER_ERROR);
        match self.kind {
            // Names the rule that was broken.
            Kind::Violation(violation) => Response::new(status).text(format!("{violation}\n")),
            Kind::Content(ref fault) => Response::new(status).text(format!("{fault}\n")),
            _ => Response::status_text(status),
        }
    }
}

/// What a handler's `?` on the content becomes: 400, 408, 413, 415 or 422, or 500 if it is not the
/// client's fault.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.response()
    }
}
