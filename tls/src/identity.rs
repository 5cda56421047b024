//! Certificates and keys as PEM, and what is wrong with them.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Cause, Error};

/// A certificate chain and its private key.
#[derive(Clone, Debug)]
pub struct Identity {
    chain: Pem,
    key: Pem,
}

impl Identity {
    /// From PEM files: the chain (the server's own certificate first, then those that lead to a
    /// root) and the private key (PKCS #8, PKCS #1 or SEC 1). Both may be the same file.
    #[must_use]
    pub fn files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Pem::File(chain.into()), key: Pem::File(key.into()) }
    }

    /// From PEM text, for secrets that lie in no file. Errors call it `<certificate>` and `<key>`.
    #[must_use]
    pub fn text(chain: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            chain: Pem::Text("<certificate>", chain.into()),
            key: Pem::Text("<key>", key.into()),
        }
    }

    /// The files that it is read from.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.chain, &self.key].into_iter().filter_map(Pem::file)
    }

    pub(crate) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
        let chain = self.chain.certificates()?;
        let key = self.key.private_key()?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                self.key.error(Cause::Mismatch { certificate: self.chain.path().into() })
            }
            error @ rustls::Error::InvalidCertificate(_) => {
                self.chain.error(Cause::Unusable(error.into()))
            }
            error => self.key.error(Cause::Unusable(error.into())),
        })
    }
}

/// Whether clients show certificates, and who vouches for them.
///
/// What a client showed stands in [`Info::client_chain`](crate::Info::client_chain). It was issued
/// by one of the authorities, for client authentication, and is valid now; what it may do is the
/// handler's to decide. Revocation is not checked: use certificates that live for days.
#[derive(Clone, Debug)]
pub struct Clients {
    authorities: Option<Pem>,
    required: bool,
}

impl Clients {
    /// Clients are not asked.
    #[must_use]
    pub fn none() -> Self {
        Self { authorities: None, required: false }
    }

    /// Clients are asked, and may decline. `authorities` is a PEM file of CA certificates.
    #[must_use]
    pub fn optional(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: Some(Pem::File(authorities.into())), required: false }
    }

    /// A client without a certificate is refused. `authorities` is a PEM file of CA certificates.
    #[must_use]
    pub fn required(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: Some(Pem::File(authorities.into())), required: true }
    }

    /// The file that it is read from.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.authorities.as_ref().and_then(Pem::file)
    }

    pub(crate) fn load(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let Some(pem) = &self.authorities else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let mut roots = RootCertStore::empty();
        for authority in pem.certificates()? {
            roots.add(authority).map_err(|error| pem.error(Cause::Unusable(error.into())))?;
        }
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if self.required { builder } else { builder.allow_unauthenticated() };
        builder.build().map_err(|error| pem.error(Cause::Unusable(error.into())))
    }
}

/// Where PEM text comes from.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    /// With the name that errors give it.
    Text(&'static str, String),
}

/// Without the text: it may be a key.
impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path().fmt(f)
    }
}

impl Pem {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Text(name, _) => Path::new(name),
        }
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(..) => None,
        }
    }

    fn error(&self, cause: Cause) -> Error {
        Error::Config { path: self.path().into(), cause }
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, Error> {
        let text = match self {
            Self::File(path) => {
                Cow::Owned(fs::read(path).map_err(|error| self.error(Cause::Unreadable(error)))?)
            }
            Self::Text(_, text) => Cow::Borrowed(text.as_bytes()),
        };
        if text.trim_ascii().is_empty() { Err(self.error(Cause::Empty)) } else { Ok(text) }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let chain = CertificateDer::pem_slice_iter(&self.read()?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.error(Cause::Malformed(error.into())))?;
        if chain.is_empty() { Err(self.error(Cause::NoCertificate)) } else { Ok(chain) }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        let text = self.read()?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
            self.error(match error {
                _ if is_encrypted(&text) => Cause::Encrypted,
                PemError::NoItemsFound => Cause::NoKey,
                error => Cause::Malformed(error.into()),
            })
        })
    }
}

/// Whether the key is locked by a passphrase: by PKCS #8 (RFC 5958), or the older way of OpenSSL
/// (RFC 1421 §4.6.1.1).
fn is_encrypted(text: &[u8]) -> bool {
    [&b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..], b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
}
