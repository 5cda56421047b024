//! What `on_connect` gives one connection in place of its route's.

use std::sync::Mutex;
use std::sync::mpsc::{Sender as Report, channel};
use std::time::Duration;

use seawall_actor::Runtime;
use seawall_http_server::{Request, Router, Running, Server};
use seawall_ws_server::{
    Accept, Handler, Limits, Message, Overflow, Reject, Sender, StatsReader, Timeouts, WebSocket,
};

use crate::PATIENCE;
use crate::client::{Client, PING, TEXT, frame};

/// Accepts as its path says, and echoes.
struct Chooser(Report<Sender>);

impl Handler for Chooser {
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        self.0.send(sender.clone()).unwrap();
        let accept = Accept::new();
        Ok(match request.path() {
            "/impatient" => {
                let ping = Duration::from_millis(50);
                accept.timeouts(Timeouts { ping, ..Timeouts::default() })
            }
            "/newest" => accept.overflow(Overflow::DropOldest),
            #[cfg(feature = "deflate")]
            "/uncompressed" => accept.uncompressed(),
            #[cfg(feature = "deflate")]
            "/small" => accept.compression(seawall_ws_server::Compression {
                server_window_bits: 9,
                ..seawall_ws_server::Compression::default()
            }),
            _ => accept,
        })
    }

    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await;
    }
}

struct Fixture {
    running: Running,
    stats: StatsReader,
    senders: std::sync::mpsc::Receiver<Sender>,
    _runtime: Runtime,
}

impl Fixture {
    fn new() -> Self {
        let (report, senders) = channel();
        let report = Mutex::new(report);
        let route = WebSocket::new(move || Chooser(report.lock().unwrap().clone()));
        let route = route.limits(Limits { queued: 1000, ..Limits::default() });
        #[cfg(feature = "deflate")]
        let route = route.compression(seawall_ws_server::Compression::default());
        let stats = route.stats();
        let runtime = Runtime::new().unwrap();
        let server = Server::new(Router::new().get("/{path}", route));
        let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
        Self { running, stats, senders, _runtime: runtime }
    }

    fn open(&self, path: &str) -> (Client, Sender) {
        let client = Client::open(self.running.local_addr(), path);
        (client, self.senders.recv_timeout(PATIENCE).unwrap())
    }
}

#[test]
fn timeouts_of_its_own() {
    let fixture = Fixture::new();
    let (mut patient, _) = fixture.open("/route");
    let (mut impatient, _) = fixture.open("/impatient");
    assert_eq!(impatient.frame().first, PING);
    patient.send(frame(TEXT, "no Ping before this")).expect(TEXT, "no Ping before this");
}

#[test]
fn an_overflow_of_its_own() {
    let fixture = Fixture::new();
    let [(_blocks, blocking), (_drops, dropping)] =
        ["/route", "/newest"].map(|path| fixture.open(path));
    let message = &[0_u8; 900][..];
    while blocking.try_send(message).is_ok() {}
    assert_eq!((fixture.stats.read().blocked, fixture.stats.read().dropped_oldest), (1, 0));
    while fixture.stats.read().dropped_oldest < 10 {
        dropping.try_send(message).expect("it never blocks");
    }
    assert_eq!(fixture.stats.read().blocked, 1);
}

#[cfg(feature = "deflate")]
#[test]
fn compression_of_its_own() {
    let fixture = Fixture::new();
    for (path, agreed) in [
        (
            "/route",
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ),
        ("/uncompressed", None),
        (
            "/small",
            Some(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
            ),
        ),
    ] {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let mut client = Client::connect(fixture.running.local_addr());
        let head = client.send(crate::client::handshake_with(path, offer)).head();
        let answer = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        assert_eq!(answer, agreed, "{path}: {head}");
    }
}
