//! The other end: a client of rustls.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use async_io::Async;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use futures_rustls::{TlsConnector, client};
use rustls::crypto::WebPkiSupportedAlgorithms;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as crypto;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};
use seawall_tls::{AcceptError, Acceptor, Info, Stream};

use crate::Identity;

pub(crate) type Socket = Async<TcpStream>;

/// Two ends of one TCP connection: the server's and the client's.
pub(crate) fn pair() -> (Socket, Socket) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (Async::new(server).unwrap(), Async::new(client).unwrap())
}

/// A client's configuration, to be changed before it is used.
pub(crate) struct Client {
    pub(crate) config: ClientConfig,
    pub(crate) name: &'static str,
}

/// What a handshake came to, on both sides.
pub(crate) struct Met {
    pub(crate) server: Result<Stream<Socket>, AcceptError<Socket>>,
    pub(crate) client: std::io::Result<client::TlsStream<Socket>>,
}

impl Client {
    /// Trusts these certificates, and asks for `localhost`.
    pub(crate) fn trusting(identities: &[&Identity]) -> Self {
        Self::with(identities, rustls::ALL_VERSIONS, None)
    }

    pub(crate) fn with(
        identities: &[&Identity],
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Identity>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for identity in identities {
            roots.add(identity.der.clone()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                builder.with_client_auth_cert(vec![own.der.clone()], own.private_key()).unwrap()
            }
        };
        Self { config, name: "localhost" }
    }

    /// As [`trusting`](Self::trusting), but cannot check Ed25519.
    pub(crate) fn without_ed25519(identities: &[&Identity]) -> Self {
        let mut provider = crypto::default_provider();
        let mut roots = RootCertStore::empty();
        for identity in identities {
            roots.add(identity.der.clone()).unwrap();
        }
        let kept = |scheme: SignatureScheme| scheme != SignatureScheme::ED25519;
        let known = provider.signature_verification_algorithms;
        let mapping: Vec<_> = known.mapping.iter().copied().filter(|m| kept(m.0)).collect();
        provider.signature_verification_algorithms =
            WebPkiSupportedAlgorithms { all: known.all, mapping: Vec::leak(mapping) };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config, name: "localhost" }
    }

    pub(crate) fn asking_for(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Shakes hands with the acceptor over a fresh pair of sockets.
    pub(crate) fn meet(&self, acceptor: &Acceptor) -> Met {
        let (server, client) = pair();
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::try_from(self.name).unwrap();
        async_io::block_on(async {
            let connect = connector.connect(name, client);
            let (server, client) = future::zip(acceptor.accept(server), connect).await;
            Met { server, client }
        })
    }
}

impl Met {
    /// What the server knows of it.
    pub(crate) fn info(&self) -> Info {
        self.server.as_ref().unwrap().info().unwrap()
    }

    /// The certificate that the client was shown.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        let client = self.client.as_ref().unwrap();
        client.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// Octets to the server and back. A client takes in its tickets meanwhile.
    pub(crate) fn talk(self) -> (Stream<Socket>, client::TlsStream<Socket>) {
        let (mut server, mut client) = (self.server.unwrap(), self.client.unwrap());
        async_io::block_on(async {
            let mut octets = [0; 4];
            client.write_all(b"ping").await.unwrap();
            client.flush().await.unwrap();
            server.read_exact(&mut octets).await.unwrap();
            server.write_all(&octets).await.unwrap();
            server.flush().await.unwrap();
            client.read_exact(&mut octets).await.unwrap();
            assert_eq!(&octets, b"ping");
        });
        (server, client)
    }
}
