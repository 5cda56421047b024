use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use seawall_actor::Runtime;
use seawall_http_server::{Limits, Request, Router, Running, Server, Timeouts};
use seawall_tls::{Acceptor, Config, Identity, Version};

use crate::client::Client;
use crate::{PATIENCE, routes};

/// Short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(100);

pub(crate) struct Secure {
    running: Running,
    certificate: CertificateDer<'static>,
    /// The certificate as text.
    pub(crate) pem: String,
    failures: mpsc::Receiver<String>,
    runtime: Runtime,
}

impl Secure {
    fn new() -> Self {
        Self::serve(routes(), |server| server)
    }

    pub(crate) fn serve(router: Router, setup: impl FnOnce(Server) -> Server) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        let acceptor = Acceptor::new(Config::new(identity)).unwrap();
        let runtime = Runtime::new().unwrap();
        let (report, failures) = mpsc::channel();
        let running = setup(Server::new(router))
            .on_event(move |event| {
                if let seawall_http_server::Event::ConnectionFailed { error, .. } = event {
                    report.send(error.to_string()).unwrap();
                }
            })
            .listen_tls(([127, 0, 0, 1], 0).into(), acceptor)
            .start(runtime.scope())
            .unwrap();
        Self {
            running,
            certificate: made.cert.der().clone(),
            pem: made.cert.pem(),
            failures,
            runtime,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    fn session(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(Arc::new(config), name).unwrap()
    }

    fn client(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(self.session(), stream)
    }

    /// A client that sends its first message, and nothing more.
    fn undecided(&self) -> Client {
        let mut hello = Vec::new();
        self.session().write_tls(&mut hello).unwrap();
        let mut client = Client::connect(self.address());
        client.send(hello);
        client
    }

    /// Asks for `path` and reads up to the end of the connection.
    fn get(&self, path: &str) -> String {
        let mut client = self.client();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // Fails unless a close_notify comes first: the answer could have been cut off.
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    fn failure(&self) -> String {
        self.failures.recv_timeout(PATIENCE).unwrap()
    }
}

/// TLS-01, TLS-02.
#[test]
fn https_is_the_same_server() {
    let answer = Secure::new().get("/hello");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\nhello\n"),
        "{answer}"
    );
}

#[test]
fn a_large_answer_and_a_large_question_pass() {
    let secure = Secure::new();
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

#[test]
fn a_handler_sees_what_was_agreed_on() {
    let router = routes().get("/tls", async |request: Request| {
        assert!(request.is_secure());
        let tls = request.tls().unwrap();
        assert_eq!(tls.version, Version::Tls13);
        assert_eq!(tls.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert!(tls.client_chain.is_empty());
        tls.server_name.as_deref().unwrap_or_default().to_owned()
    });
    assert!(Secure::serve(router, |server| server).get("/tls").ends_with("\r\nlocalhost"));
}

/// TLS-03. One slot for handshakes, and clients that connect, begin a message, or leave: none of them takes
/// it, whatever time they have.
#[test]
fn clients_that_do_not_begin_a_handshake_cost_no_slot() {
    let secure = Secure::serve(routes(), |server| {
        server
            .limits(Limits { handshakes: 1, ..Limits::default() })
            .timeouts(Timeouts { handshake: PATIENCE, ..Timeouts::default() })
    });
    let silent = Client::connect(secure.address());
    let mut slow = Client::connect(secure.address());
    slow.send(b"\x16\x03\x01\x00\xc8\x01");
    drop(Client::connect(secure.address()));
    assert!(secure.get("/hello").ends_with("hello\n"));
    assert!(secure.failure().starts_with("the connection failed during the TLS handshake"));
    drop((silent, slow));
}

/// TLS-03. The slot is taken by who has sent a first message and then sleeps. The next in line gets it when
/// time is up; the wait is not the next one's fault.
#[test]
fn a_client_that_stops_half_way_gives_its_slot_back() {
    let secure = Secure::serve(routes(), |server| {
        server
            .limits(Limits { handshakes: 1, ..Limits::default() })
            .timeouts(Timeouts { handshake: SHORT, ..Timeouts::default() })
    });
    let mut undecided = secure.undecided();
    // Its answer has come: the slot is its own.
    undecided.exactly(1);
    assert!(secure.get("/hello").ends_with("hello\n"));
    assert_eq!(secure.failure(), "the client was too slow: its TLS handshake");
    assert!(undecided.rest().is_ok());
    assert_eq!(secure.running.stats().handshake_errors, 1);
    assert_eq!(secure.running.stats().timeouts, 1);
}

/// TLS-03. After 5 s without any setup, or when it is told to.
#[test]
fn a_silent_client_is_let_go() {
    assert_eq!(Timeouts::default().handshake, Duration::from_secs(5));
    for timeouts in [Timeouts::default(), Timeouts { handshake: SHORT, ..Timeouts::default() }] {
        let secure = Secure::serve(routes(), |server| server.timeouts(timeouts));
        assert!(Client::connect(secure.address()).is_closed());
        assert_eq!(secure.failure(), "the client was too slow: its TLS handshake");
    }
}

/// 256 slots: as many clients have our answer to their first message, and the next has it when one
/// of them leaves.
#[test]
fn a_crowd_of_handshakes_waits_for_its_turn() {
    let secure = Secure::serve(routes(), |server| {
        server.timeouts(Timeouts { handshake: PATIENCE, ..Timeouts::default() })
    });
    let mut crowd: Vec<_> = (0..256).map(|_| secure.undecided()).collect();
    for client in &mut crowd {
        client.exactly(1);
    }
    let mut next = secure.undecided();
    while secure.running.stats().accepted < 257 {
        std::thread::yield_now();
    }
    assert!(next.is_silent_for(SHORT), "its first message is there, but no slot");
    drop(crowd.pop());
    next.exactly(1);
}

/// TLS-03.
#[test]
fn plain_http_is_answered_in_its_own_words() {
    let secure = Secure::new();
    let mut client = Client::connect(secure.address());
    let answer = client.get("/hello");
    assert_eq!((answer.status, answer.closes()), (400, true));
    assert_eq!(answer.text(), "this port speaks TLS: use https or wss\n");
    assert!(client.is_closed());
    drop(client);
    assert_eq!(secure.failure(), "the client spoke plain HTTP in place of TLS");
    assert_eq!(secure.running.stats().handshake_errors, 1);
}

#[test]
fn octets_that_mean_nothing_are_refused_by_an_alert() {
    let secure = Secure::new();
    let mut client = Client::connect(secure.address());
    client.send(b"\x00\x01\x02\x03\x04\x05\x06\x07");
    assert_eq!(client.exactly(2), [21, 3]);
    assert!(secure.failure().starts_with("the TLS handshake failed"));
}

/// H-03.
#[test]
fn a_shutdown_does_not_wait_for_handshakes() {
    let secure = Secure::serve(routes(), |server| {
        server.timeouts(Timeouts { handshake: PATIENCE, ..Timeouts::default() })
    });
    let mut silent = Client::connect(secure.address());
    let mut undecided = secure.undecided();
    undecided.exactly(1);
    let mut idle = secure.client();
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(secure.runtime.block_on(secure.running.shutdown(PATIENCE)), 0);
    assert!(silent.is_closed());
    assert!(undecided.rest().is_ok());
    // In order, by close_notify: a stream that was cut would be an error.
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\r\nhello\n"));
    assert_eq!(secure.running.stats().handshake_errors, 0);
}
