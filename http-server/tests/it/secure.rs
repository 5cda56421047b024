use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use seawall_actor::Runtime;
use seawall_http_server::{Endpoint, Limits, Networks, Request, Router, Running, Server, Timeouts};
use seawall_tls::{Acceptor, Clients, Config, Identity, Version};

use crate::client::Client;
use crate::files::Folder;
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
        Self::serve_at(router, setup, |config| config, |endpoint| endpoint)
    }

    fn serve_at(
        router: Router,
        setup: impl FnOnce(Server) -> Server,
        tls: impl FnOnce(Config) -> Config,
        at: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        let acceptor = Acceptor::new(tls(Config::new(identity))).unwrap();
        let runtime = Runtime::new().unwrap();
        let (report, failures) = mpsc::channel();
        let running = setup(Server::new(router))
            .on_event(move |event| {
                if let seawall_http_server::Event::ConnectionFailed { error, .. } = event {
                    report.send(error.to_string()).unwrap();
                }
            })
            .listen_on(at(Endpoint::new(([127, 0, 0, 1], 0).into()).tls(acceptor)))
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
        self.session_of(None)
    }

    /// A session of a client that has a certificate, or none.
    fn session_of(&self, own: Option<&CertifiedKey<KeyPair>>) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
                config.with_client_auth_cert(vec![own.cert.der().clone()], key.into()).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(Arc::new(config), name).unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn client(&self) -> StreamOwned<ClientConnection, TcpStream> {
        StreamOwned::new(self.session(), self.connect())
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
        Self::ask(self.client(), path)
    }

    fn ask(mut client: StreamOwned<ClientConnection, TcpStream>, path: &str) -> String {
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

#[test]
fn a_handler_sees_who_the_client_is() {
    let own = rcgen::generate_simple_self_signed(["alice.test".to_owned()]).unwrap();
    let (folder, der) = (Folder::new(), own.cert.der().clone());
    // Its own authority.
    let trusted = folder.write("clients.pem", own.cert.pem().as_bytes());
    let router = routes().get("/me", move |request: Request| {
        let chain = &request.tls().unwrap().client_chain;
        let known = chain.iter().map(|shown| **shown == *der).collect::<Vec<_>>();
        async move { format!("{known:?}") }
    });
    let secure = Secure::serve_at(
        router,
        |server| server,
        |config| config.clients(Clients::optional(trusted)),
        |endpoint| endpoint,
    );
    let client = StreamOwned::new(secure.session_of(Some(&own)), secure.connect());
    assert!(Secure::ask(client, "/me").ends_with("\r\n[true]"));
    assert!(secure.get("/me").ends_with("\r\n[]"), "a stranger");
}

/// The PROXY protocol comes before TLS, in a segment of its own or in one with the handshake.
#[test]
fn a_proxy_names_the_client_before_tls() {
    let router = routes().get("/who", async |request: Request| request.peer_addr().to_string());
    let proxies = Networks::parse(["127.0.0.1"]).unwrap();
    let secure = Secure::serve_at(
        router,
        |server| server,
        |config| config,
        |endpoint| endpoint.behind_proxies(proxies),
    );
    for together in [false, true] {
        let (mut session, mut stream) = (secure.session(), secure.connect());
        let mut first = b"PROXY TCP4 192.0.2.7 192.0.2.1 4096 443\r\n".to_vec();
        if together {
            session.write_tls(&mut first).unwrap();
        }
        stream.write_all(&first).unwrap();
        let answer = Secure::ask(StreamOwned::new(session, stream), "/who");
        assert!(answer.ends_with("\r\n192.0.2.7:4096"), "{answer}");
    }
    // Without a header there is no handshake.
    let mut stranger = secure.undecided();
    assert!(stranger.is_closed());
    assert!(secure.failure().contains("the proxy broke the protocol"));
}

/// H-09. By `close_notify`, while the connection beneath stays open, or by the end of that.
#[test]
fn a_handler_hears_that_its_client_closed() {
    let (tell, told) = mpsc::channel();
    let router = routes().get("/wait", move |request: Request| {
        let tell = tell.clone();
        async move {
            tell.send("waiting").unwrap();
            request.gone().await;
            tell.send("gone").unwrap();
            "to whom it may concern\n"
        }
    });
    let secure = Secure::serve(router, |server| server);
    for says_goodbye in [true, false] {
        let mut client = secure.client();
        client.write_all(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok("waiting"));
        let beneath = client.sock.try_clone().unwrap();
        if says_goodbye {
            client.conn.send_close_notify();
            client.flush().unwrap();
        } else {
            beneath.shutdown(Shutdown::Write).unwrap();
        }
        assert_eq!(told.recv_timeout(PATIENCE), Ok("gone"), "{says_goodbye}");
    }
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
