//! Certificates made on the spot, handshakes over pairs of sockets.

mod client; // the other end: a client of rustls
mod clients; // client certificates
mod files; // what is said about files that cannot work
mod handshakes; // good ones, silent ones, plain HTTP on the TLS port
mod names; // several certificates, by name
mod reloads; // new certificates while it runs
mod sessions; // versions, ALPN, resumption

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SignatureAlgorithm,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use seawall_tls::{Acceptor, Config};

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key.
#[derive(Clone)]
struct Identity {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Identity {
    /// Self-signed, for these names.
    fn of(names: &[&str]) -> Self {
        Self::with(&rcgen::PKCS_ECDSA_P256_SHA256, names)
    }

    fn with(algorithm: &'static SignatureAlgorithm, names: &[&str]) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let made = params(names).self_signed(&key).unwrap();
        Self::new(&made, &key)
    }

    fn new(made: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: made.pem(),
            key: key.serialize_pem(),
            der: made.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    fn pem(&self) -> seawall_tls::Identity {
        seawall_tls::Identity::text(&self.certificate, &self.key)
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }

    /// An acceptor with this identity and defaults.
    fn acceptor(&self) -> Acceptor {
        Acceptor::new(Config::new(self.pem())).unwrap()
    }
}

/// Self-signed, for `localhost`.
fn identity() -> Identity {
    Identity::of(&["localhost"])
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A certificate authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for a client.
    fn client(&self, name: &str) -> Identity {
        let mut params = params(&[name]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        Identity::new(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}
