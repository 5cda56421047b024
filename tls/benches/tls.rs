//! Handshakes, whole and resumed, and octets to and fro, over loopback sockets. Both ends are on one thread: a figure is what
//! client and server take together.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use async_io::{Async, block_on};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use futures_rustls::{TlsConnector, client};
use rustls::client::Resumption;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as crypto;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use seawall_tls::{Acceptor, Config, Identity, Stream};

type Socket = Async<TcpStream>;

/// An acceptor, and clients that trust it: one forgets each session, one comes back.
struct Ends {
    acceptor: Acceptor,
    stranger: TlsConnector,
    returning: TlsConnector,
}

impl Ends {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut forgetful = config.clone();
        forgetful.resumption = Resumption::disabled();
        Self {
            acceptor: Acceptor::new(Config::new(identity)).unwrap(),
            stranger: Arc::new(forgetful).into(),
            returning: Arc::new(config).into(),
        }
    }

    /// A handshake, and an octet for the client, which takes in its tickets with it.
    async fn meet(&self, connector: &TlsConnector) -> (Stream<Socket>, client::TlsStream<Socket>) {
        let (server, client) = pair();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = connector.connect(name, client);
        let (server, client) = future::zip(self.acceptor.accept(server), connecting).await;
        let (Ok(mut server), Ok(mut client)) = (server, client) else { panic!("no handshake") };
        server.write_all(b"x").await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        (server, client)
    }
}

fn pair() -> (Socket, Socket) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (Async::new(server).unwrap(), Async::new(client).unwrap())
}

fn tls(criterion: &mut Criterion) {
    let ends = Ends::new();
    let mut group = criterion.benchmark_group("tls");
    for (name, connector) in
        [("handshake", &ends.stranger), ("handshake, resumed", &ends.returning)]
    {
        group.bench_function(name, |bencher| bencher.iter(|| block_on(ends.meet(connector))));
    }
    let (mut server, mut client) = block_on(ends.meet(&ends.stranger));
    let mut octets = vec![b'x'; 16 * 1024];
    group.throughput(Throughput::Bytes(2 * octets.len() as u64));
    group.bench_function("16 KiB to and fro", |bencher| {
        bencher.iter(|| {
            block_on(async {
                client.write_all(&octets).await.unwrap();
                client.flush().await.unwrap();
                server.read_exact(&mut octets).await.unwrap();
                server.write_all(&octets).await.unwrap();
                server.flush().await.unwrap();
                client.read_exact(&mut octets).await.unwrap();
            });
        });
    });
    group.finish();
}

criterion_group!(benches, tls);
criterion_main!(benches);
