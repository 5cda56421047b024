//! Which identity a client gets, by the name that it asks for.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

/// Identities by the names in their certificates.
#[derive(Debug)]
pub(crate) struct Names {
    /// In lower case; `*.example.org` stands as `.example.org`.
    known: HashMap<String, Vec<Arc<CertifiedKey>>>,
    default: Arc<CertifiedKey>,
}

impl Names {
    /// Of identities whose certificates were read before; the first is the default.
    pub(crate) fn new(default: CertifiedKey, others: Vec<CertifiedKey>) -> Self {
        let default = Arc::new(default);
        let mut names = Self { known: HashMap::new(), default: Arc::clone(&default) };
        names.add(&default);
        for identity in others {
            names.add(&Arc::new(identity));
        }
        names
    }

    fn add(&mut self, identity: &Arc<CertifiedKey>) {
        // A certificate that cannot be read has no names; the key's check has refused it before.
        let Some(certificate) = identity.cert.first() else { return };
        let Ok(certificate) = EndEntityCert::try_from(certificate) else { return };
        for name in certificate.valid_dns_names() {
            let name = name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase();
            self.known.entry(name).or_default().push(Arc::clone(identity));
        }
    }

    /// The identities for a name: those with exactly it, else those with a wildcard in place of its
    /// first label (RFC 9525 §6.3).
    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let parent = || name.find('.').and_then(|dot| self.known.get(&name[dot..]));
        self.known.get(&name).or_else(parent).map(Vec::as_slice)
    }

    /// Whether there is an identity for this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(name));
        let candidates = found.unwrap_or(std::slice::from_ref(&self.default));
        let schemes = hello.signature_schemes();
        let fits = |identity: &&Arc<CertifiedKey>| identity.key.choose_scheme(schemes).is_some();
        // If none fits, the handshake says so by itself.
        candidates.iter().find(fits).or(candidates.first()).cloned()
    }
}
