//! Connect, echo, close, over and over: nothing is left of a connection.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_actor::Runtime;
use seawall_http_server::{Limits, Running, Server};
use seawall_ws_server::{Group, Handler, Message, Sender, WebSocket};

use counting::BYTES;

/// Threads of clients, one connection each at a time.
const THREADS: usize = 4;

/// Octets that may be held more after many connections than after few: pools, tables.
const SLACK: isize = 64 * 1024;

const PATIENCE: Duration = Duration::from_secs(60);

struct Member(Group);

impl Handler for Member {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        self.0.join(sender);
        let _ = sender.send(message).await;
    }
}

fn once(address: SocketAddr) {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    // All at once: the frames come with the handshake. A text, then Close 1000.
    let sent = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
        \x81\x85\0\0\0\0hello\x88\x82\0\0\0\0\x03\xE8";
    client.write_all(sent).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert!(got.starts_with(b"HTTP/1.1 101 ") && got.ends_with(b"\x81\x05hello\x88\x02\x03\xE8"));
}

fn churn(running: &Running, connections: usize) -> isize {
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| (0..connections / THREADS).for_each(|_| once(running.local_addr())));
        }
    });
    let begun = Instant::now();
    while running.stats().active > 0 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", running.stats());
        std::thread::yield_now();
    }
    BYTES.load(Ordering::SeqCst)
}

fn stays_flat(connections: usize) {
    let group = Group::new();
    let member = group.clone();
    let runtime = Runtime::new().unwrap();
    let server = Server::new(WebSocket::new(move || Member(member.clone())));
    let server = server.limits(Limits { connections_per_address: 10_000, ..Limits::default() });
    let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
    let before = churn(&running, 400);
    let more = churn(&running, connections) - before;
    println!("{connections} connections: {more} octets more");
    assert!(more < SLACK, "{more} octets more after {connections} connections");
    assert!(group.is_empty());
}

#[test]
fn nothing_is_left_of_two_thousand_connections() {
    stays_flat(2_000);
}

/// `cargo test --release -p seawall-ws-server --test churn -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute"]
fn nothing_is_left_of_two_hundred_thousand_connections() {
    stays_flat(200_000);
}
