use std::net::SocketAddr;
use std::sync::Arc;

use async_io::Async;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Bytes, Message};
use async_tungstenite::{WebSocketStream, client_async};
use futures_lite::{AsyncRead, AsyncWrite, StreamExt, future};
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use seawall_actor::{Runtime, time};
use seawall_http_server::{Running, Server};
use seawall_tls::{Acceptor, Config, Identity};
use seawall_ws_server::{Handler, Message as Received, Sender, WebSocket};

use crate::support::PATIENCE;

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Received<'_>, sender: &Sender) {
        match message {
            Received::Text("ping me") => sender.ping("are you there?").unwrap(),
            Received::Text("close me") => {
                sender.close(seawall_ws_server::CloseCode::new(4001).unwrap(), "as asked");
            }
            message => drop(sender.send(message).await),
        }
    }
}

/// A server that echoes, plain and over TLS; the connector trusts it.
struct Echoes {
    running: Running,
    connector: TlsConnector,
    runtime: Runtime,
}

impl Echoes {
    fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        let acceptor = Acceptor::new(Config::new(identity)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let runtime = Runtime::new().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::new(WebSocket::new(|| Echo)).listen(any).listen_tls(any, acceptor);
        let running = server.start(runtime.scope()).unwrap();
        Self { running, connector: TlsConnector::from(Arc::new(client)), runtime }
    }

    /// Lets `test` talk to both ports.
    async fn each(&self, test: impl AsyncFn(Box<dyn Stream>)) {
        for (n, address) in self.running.local_addrs().iter().enumerate() {
            let stream = Async::<std::net::TcpStream>::connect(*address).await.unwrap();
            let stream: Box<dyn Stream> = if n == 0 {
                Box::new(stream)
            } else {
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(self.connector.connect(name, stream).await.unwrap())
            };
            time::timeout(PATIENCE, test(stream)).await.expect("in time");
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn open(stream: Box<dyn Stream>) -> WebSocketStream<Box<dyn Stream>> {
    let (socket, response) = client_async("ws://localhost/", stream).await.unwrap();
    assert_eq!(response.status(), 101);
    socket
}

#[test]
fn messages_of_every_kind_of_length_come_back() {
    let echoes = Echoes::start();
    future::block_on(echoes.each(async |stream| {
        let mut socket = open(stream).await;
        for len in [0_usize, 1, 125, 126, 4096, 65_535, 65_536, 1 << 20] {
            let text = "x".repeat(len.saturating_sub(2)) + if len < 2 { "" } else { "é" };
            for message in [Message::text(text), Message::binary(vec![len as u8; len])] {
                socket.send(message.clone()).await.unwrap();
                assert!(socket.next().await.unwrap().unwrap() == message, "{len}");
            }
        }
        // Several under way at once, which come back in order.
        for n in 0..100_u32 {
            socket.send(Message::binary(n.to_be_bytes().repeat(3_000))).await.unwrap();
        }
        for n in 0..100_u32 {
            let message = socket.next().await.unwrap().unwrap();
            assert!(message == Message::binary(n.to_be_bytes().repeat(3_000)), "{n}");
        }
    }));
    assert_eq!(echoes.running.stats().upgrades, 2);
}

#[test]
fn pings_are_answered_both_ways() {
    let echoes = Echoes::start();
    future::block_on(echoes.each(async |stream| {
        let mut socket = open(stream).await;
        let payload = Bytes::from_static(b"client");
        socket.send(Message::Ping(payload.clone())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(payload));
        socket.send(Message::text("ping me")).await.unwrap();
        let ping = Message::Ping(Bytes::from_static(b"are you there?"));
        assert_eq!(socket.next().await.unwrap().unwrap(), ping);
    }));
}

#[test]
fn either_side_closes_and_the_server_ends_the_connection() {
    let echoes = Echoes::start();
    future::block_on(echoes.each(async |stream| {
        let mut socket = open(stream).await;
        let frame = CloseFrame { code: CloseCode::Library(4000), reason: "enough".into() };
        socket.close(Some(frame)).await.unwrap();
        let Some(Ok(Message::Close(Some(answer)))) = socket.next().await else { panic!() };
        assert_eq!(answer.code, CloseCode::Library(4000));
        assert!(socket.next().await.is_none());
    }));
    future::block_on(echoes.each(async |stream| {
        let mut socket = open(stream).await;
        socket.send(Message::text("close me")).await.unwrap();
        let Some(Ok(Message::Close(Some(asked)))) = socket.next().await else { panic!() };
        assert_eq!((asked.code, &*asked.reason), (CloseCode::Library(4001), "as asked"));
        assert!(socket.next().await.is_none());
    }));
    assert_eq!(echoes.runtime.block_on(echoes.running.shutdown(PATIENCE)), 0, "nobody is left");
}
