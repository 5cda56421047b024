//! The server's side: from certificate files to a ready acceptor, and the handshake with its
//! deadline.

use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use futures_rustls::TlsAcceptor;
use rustls::crypto::CryptoProvider;
use rustls::{InconsistentKeys, ServerConfig};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Cause, Error, Stream, TlsStream};

/// How long a handshake may take. A client needs two round trips and some arithmetic; five
/// seconds forgive a bad mobile link, and keep a silent client's slot short.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Accepts TLS 1.3 and 1.2 connections with one certificate. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    timeout: Duration,
}

impl Acceptor {
    /// Loads a certificate chain (the server's own certificate first) and its private key, both
    /// PEM.
    ///
    /// Offers `http/1.1` by ALPN.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the file and what is wrong with it: it cannot be read, is not PEM,
    /// holds no certificate or key, or the two do not belong together.
    pub fn from_pem_files(
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        let chain = read_chain(certificate).map_err(at(certificate))?;
        let private_key = read_key(key).map_err(at(key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    at(key)(Cause::Mismatch { certificate: certificate.to_owned() })
                }
                error @ rustls::Error::InvalidCertificate(_) => {
                    at(certificate)(Cause::Unusable(error.into()))
                }
                error => at(key)(Cause::Unusable(error.into())),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), timeout: HANDSHAKE_TIMEOUT })
    }

    /// How long a handshake may take. Default 5 s.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Does the server's side of the handshake, within the handshake timeout.
    ///
    /// `sleep` makes a future that is done after so long: the timer of whatever runtime the stream
    /// belongs to, `seawall_actor::time::sleep` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] if the peer is at fault, [`Error::Timeout`] if it is too slow,
    /// [`Error::Io`] if the transport fails. The stream is dropped.
    pub async fn accept<S, T>(
        &self,
        stream: S,
        sleep: impl FnOnce(Duration) -> T,
    ) -> Result<Stream<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: Future,
    {
        let handshake = pin!(async {
            TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await.map_err(blame)
        });
        let late = pin!(async {
            sleep(self.timeout).await;
            Err(Error::Timeout(self.timeout))
        });
        let stream = future::or(handshake, late).await?;
        Ok(Stream::Tls(Box::new(TlsStream(stream))))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn at(path: &Path) -> impl Fn(Cause) -> Error {
    move |cause| Error::Config { path: path.to_owned(), cause }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let pem = fs::read(path).map_err(Cause::Unreadable)?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Cause::Malformed(error.into()))?;
    if chain.is_empty() { Err(Cause::NoCertificate) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Cause> {
    let pem = fs::read(path).map_err(Cause::Unreadable)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        PemError::NoItemsFound => Cause::NoKey,
        error => Cause::Malformed(error.into()),
    })
}

/// Whose fault a failed handshake is: an I/O error that carries a TLS error is the peer's.
fn blame(error: io::Error) -> Error {
    match error.downcast::<rustls::Error>() {
        Ok(fault) => Error::Handshake(fault.into()),
        Err(error) => Error::Io(error),
    }
}
