use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use async_io::{Async, Timer, block_on};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use futures_rustls::{TlsConnector, client};
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as crypto;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use seawall_tls::{Acceptor, Error, Stream};

use crate::{Folder, Identity, identity};

fn acceptor(identity: &Identity) -> Acceptor {
    let folder = Folder::new();
    let certificate = folder.write("cert.pem", &identity.certificate);
    let key = folder.write("key.pem", &identity.key);
    Acceptor::from_pem_files(certificate, key).unwrap()
}

/// Two ends of one TCP connection.
fn pair() -> (Async<TcpStream>, Async<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (Async::new(server).unwrap(), Async::new(client).unwrap())
}

async fn connect(
    identity: &Identity,
    stream: Async<TcpStream>,
) -> client::TlsStream<Async<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(identity.der.clone())).unwrap();
    let provider = Arc::new(crypto::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[test]
fn bytes_go_both_ways_and_close_notify_ends_them() {
    block_on(async {
        let identity = identity();
        let acceptor = acceptor(&identity);
        let (server, client) = pair();
        let (server, mut client) =
            future::zip(acceptor.accept(server, Timer::after), connect(&identity, client)).await;
        let mut server = server.unwrap();
        assert!(server.is_tls());
        let serve = async {
            let mut question = [0; 4];
            server.read_exact(&mut question).await.unwrap();
            server.write_all(&question).await.unwrap();
            server.close().await.unwrap();
        };
        let ask = async {
            client.write_all(b"ping").await.unwrap();
            let mut answer = Vec::new();
            // Without close_notify this would be an error: a truncated stream.
            client.read_to_end(&mut answer).await.unwrap();
            answer
        };
        assert_eq!(future::zip(serve, ask).await.1, b"ping");
    });
}

#[test]
fn a_plain_stream_is_the_same_type() {
    block_on(async {
        let (server, mut client) = pair();
        let mut server = Stream::Plain(server);
        assert!(!server.is_tls());
        client.write_all(b"ping").await.unwrap();
        let mut question = [0; 4];
        server.read_exact(&mut question).await.unwrap();
        assert_eq!(&question, b"ping");
    });
}

#[test]
fn a_silent_client_is_let_go() {
    block_on(async {
        let acceptor = acceptor(&identity()).handshake_timeout(Duration::from_millis(10));
        let (server, _client) = pair();
        assert!(matches!(acceptor.accept(server, Timer::after).await, Err(Error::Timeout(_))));
    });
}

#[test]
fn plain_http_is_the_peers_fault() {
    block_on(async {
        let acceptor = acceptor(&identity());
        let (server, mut client) = pair();
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        assert!(matches!(acceptor.accept(server, Timer::after).await, Err(Error::Handshake(_))));
    });
}

#[test]
fn a_client_that_leaves_is_the_transports_fault() {
    block_on(async {
        let acceptor = acceptor(&identity());
        let (server, client) = pair();
        drop(client);
        assert!(matches!(acceptor.accept(server, Timer::after).await, Err(Error::Io(_))));
    });
}
