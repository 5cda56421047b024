use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use seawall_actor::Runtime;
use seawall_http_server::{Limits, Running, Server};
use seawall_tls::Acceptor;

use crate::client::Client;
use crate::{PATIENCE, routes};

struct Secure {
    running: Running,
    certificate: CertificateDer<'static>,
    _runtime: Runtime,
}

impl Secure {
    fn new(name: &str, handshake_timeout: Duration, limits: Limits) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let certificate = folder.join(format!("{name}-{}.pem", std::process::id()));
        let key = certificate.with_extension("key");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let acceptor = Acceptor::from_pem_files(&certificate, &key).unwrap();
        std::fs::remove_file(certificate).unwrap();
        std::fs::remove_file(key).unwrap();
        let runtime = Runtime::new().unwrap();
        let running = Server::new(routes())
            .limits(limits)
            .listen_tls(([127, 0, 0, 1], 0).into(), acceptor.handshake_timeout(handshake_timeout))
            .start(runtime.scope())
            .unwrap();
        Self { running, certificate: made.cert.der().clone(), _runtime: runtime }
    }

    fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    fn client(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }

    /// Asks for `/hello` and reads up to the end of the connection.
    fn hello(&self) -> String {
        let mut client = self.client();
        client
            .write_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        // Fails unless a close_notify comes first: the answer could have been cut off.
        client.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn https_is_the_same_server() {
    let secure = Secure::new("same", PATIENCE, Limits::default());
    let answer = secure.hello();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\nhello\n"),
        "{answer}"
    );
}

#[test]
fn a_large_answer_and_a_large_question_pass() {
    let secure = Secure::new("large", PATIENCE, Limits::default());
    let mut client = secure.client();
    let content = vec![b'x'; 1 << 20];
    client
        .write_all(b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n")
        .unwrap();
    client.write_all(&content).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&content));
}

/// One slot for handshakes, and three clients that waste it in turn: nobody else is kept out.
#[test]
fn clients_that_never_finish_a_handshake_disturb_nobody() {
    let limits = Limits { handshakes: 1, ..Limits::default() };
    let secure = Secure::new("waste", Duration::from_millis(100), limits);
    let mut silent = Client::connect(secure.address());
    let mut plain = Client::connect(secure.address());
    plain.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    drop(Client::connect(secure.address()));
    assert!(secure.hello().ends_with("hello\n"));
    assert!(silent.is_closed());
    // A fatal alert at most, and no HTTP in plain text.
    assert!(plain.rest().is_ok_and(|octets| !octets.starts_with(b"HTTP")));
    assert!(secure.running.stats().handshake_errors >= 2);
}
