use std::net::SocketAddr;
use std::sync::Arc;

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use async_tls::TlsConnector;
use async_tls::client::TlsStream;
use rustls::{Certificate, ClientConfig, RootCertStore};
use seawall_actor::Runtime;
use seawall_compat::over_async_std::{serve_tls, start};
use seawall_compat::site;
use seawall_tls::{Acceptor, Config, Identity};

use crate::{PATIENCE, client};

/// An acceptor of ours, and a connector of async-tls that trusts it.
fn pair() -> (Acceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
    let acceptor = Acceptor::new(Config::new(identity)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(&Certificate(made.cert.der().to_vec())).unwrap();
    let config = ClientConfig::builder().with_safe_defaults().with_root_certificates(roots);
    (acceptor, TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

async fn connect(connector: &TlsConnector, address: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect("localhost", stream).await.unwrap()
}

#[test]
fn async_tls_speaks_with_a_port_of_ours() {
    let (acceptor, connector) = pair();
    let runtime = Runtime::new().unwrap();
    let server = site::server().listen_tls(([127, 0, 0, 1], 0).into(), acceptor);
    let running = server.start(runtime.scope()).unwrap();
    let address = running.local_addr();
    task::block_on(async {
        client::hello(connect(&connector, address).await).await;
        client::echo(connect(&connector, address).await).await;
        client::mirror(connect(&connector, address).await).await;
    });
    assert_eq!(running.stats().upgrades, 1);
    assert_eq!(runtime.block_on(running.shutdown(PATIENCE)), 0, "nobody is left");
}

#[test]
fn async_tls_speaks_with_our_acceptor_over_streams_of_async_std() {
    let (acceptor, connector) = pair();
    task::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = start();
        let accepting = task::spawn(serve_tls(listener, acceptor, running.clone()));
        client::hello(connect(&connector, address).await).await;
        client::echo(connect(&connector, address).await).await;
        assert_eq!(running.stats().upgrades, 1);
        assert_eq!(running.shutdown(PATIENCE).await, 0, "nobody is left");
        accepting.cancel().await;
    });
}
