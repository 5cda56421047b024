//! The handshake in two steps: the client's first message, which costs us nothing but a read, and
//! the rest, which costs arithmetic.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::TlsAcceptor;
use rustls::PeerIncompatible;
use rustls::server::{Accepted, AcceptedAlert};

use crate::acceptor::Ready;
use crate::{AcceptError, Error, Stream, TlsStream};

/// Octets taken by one read: most first messages fit, those with post-quantum keys take two.
/// rustls takes no message longer than 64 KiB, so no more than that is ever held.
const READ_LEN: usize = 1024;

/// The fatal alert `unrecognized_name` (RFC 6066 §3) in a record of its own.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// The fatal alert `protocol_version` (RFC 8446 §6.2) in a record of its own.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

/// The fatal alert `unexpected_message` (RFC 8446 §6.2) in a record of its own.
const UNEXPECTED_MESSAGE: [u8; 7] = [21, 3, 3, 0, 2, 2, 10];

/// A client that has sent its first message, whole and sound.
pub struct Hello<S> {
    stream: S,
    accepted: Accepted,
    ready: Arc<Ready>,
}

impl<S> Hello<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(crate) async fn read(mut stream: S, ready: Arc<Ready>) -> Result<Self, AcceptError<S>> {
        let mut acceptor = rustls::server::Acceptor::default();
        let mut first = true;
        loop {
            let mut octets = [0; READ_LEN];
            let len = match stream.read(&mut octets).await {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => Ok(len),
                Err(error) => Err(error),
            };
            let mut rest = match len {
                Ok(len) => &octets[..len],
                Err(error) => return Err(AcceptError::new(Error::Io(error), stream)),
            };
            // A method is a word in capitals; no record of TLS begins with one of those.
            if first && rest[0].is_ascii_uppercase() {
                return Err(AcceptError::new(Error::PlainHttp, stream));
            }
            first = false;
            while !rest.is_empty() {
                // It takes what there is, unless the client has taken its leave by an alert.
                if !matches!(acceptor.read_tls(&mut rest), Ok(1..)) {
                    let error = Error::Handshake("the client closed before it began".into());
                    return Err(AcceptError::new(error, stream));
                }
                match acceptor.accept() {
                    // What came behind it is kept inside.
                    Ok(Some(accepted)) => return Ok(Self { stream, accepted, ready }),
                    Ok(None) => {}
                    Err((error, alert)) => return Err(refuse(stream, error, alert).await),
                }
            }
        }
    }

    /// The name that the client asks for (SNI), in lower case.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        self.accepted.client_hello().server_name().map(str::to_ascii_lowercase)
    }

    /// The transport beneath.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Does the rest of the handshake.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] if the peer is at fault, [`Error::Io`] if the transport fails.
    pub async fn accept(self) -> Result<Stream<S>, AcceptError<S>> {
        let name = self.server_name().filter(|name| !self.ready.names.knows(name));
        let Self { mut stream, accepted, ready } = self;
        if let Some(name) = name.filter(|_| ready.refuses_unknown_names) {
            // Who is refused need not hear why.
            let _ = stream.write_all(&UNRECOGNIZED_NAME).await;
            let error = format!("no certificate is for {name:?}");
            return Err(AcceptError::new(Error::Handshake(error.into()), stream));
        }
        let connection = match accepted.into_connection(Arc::clone(&ready.server)) {
            Ok(connection) => connection,
            Err((error, alert)) => return Err(refuse(stream, error, alert).await),
        };
        // futures-rustls has no other door for a connection that has already begun.
        TlsAcceptor::from(Arc::clone(&ready.server))
            .accept_with(stream, |fresh| *fresh = connection)
            .into_fallible()
            .await
            .map(|stream| Stream::Tls(Box::new(TlsStream(stream))))
            .map_err(|(error, stream)| AcceptError::new(blame(error), stream))
    }
}

impl<S> fmt::Debug for Hello<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello").finish_non_exhaustive()
    }
}

/// Sends the alert that tells the peer what it did.
///
/// rustls first looks for signature algorithms, and then at the version. Clients from before TLS 1.2
/// name none: what is wrong with them is their version (RFC 8446 §D.2).
async fn refuse<S: AsyncWrite + Unpin>(
    mut stream: S,
    error: rustls::Error,
    mut alert: AcceptedAlert,
) -> AcceptError<S> {
    let mut octets = Vec::new();
    let unsigned = PeerIncompatible::SignatureAlgorithmsExtensionRequired;
    if error == rustls::Error::PeerIncompatible(unsigned) {
        octets = PROTOCOL_VERSION.into();
    // rustls has no alert for a first record of another kind.
    } else if alert.write_all(&mut octets).is_err() || octets.is_empty() {
        octets = UNEXPECTED_MESSAGE.into();
    }
    // What the peer does not take is its loss.
    let _ = stream.write_all(&octets).await;
    AcceptError::new(Error::Handshake(error.into()), stream)
}

/// Whose fault a failed handshake is: an I/O error that carries a TLS error is the peer's.
fn blame(error: io::Error) -> Error {
    match error.downcast::<rustls::Error>() {
        Ok(fault) => Error::Handshake(fault.into()),
        Err(error) => Error::Io(error),
    }
}
