//! Connect, echo, close, over and over: nothing is left of a connection.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
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

/// What is counted is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Member(Group);

impl Handler for Member {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        self.0.join(sender);
        let _ = sender.send(message).await;
    }
}

const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const TEXT: &[u8] = b"\x81\x85\0\0\0\0hello";
const ECHO: &[u8] = b"\x81\x05hello";

/// Close 1000, from the client and from the server.
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xE8";
const CLOSED: &[u8] = b"\x88\x02\x03\xE8";

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// All at once: the frames come with the handshake.
fn once(address: SocketAddr) {
    let mut client = connect(address);
    client.write_all(&[HANDSHAKE, TEXT, CLOSE].concat()).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert!(got.starts_with(b"HTTP/1.1 101 ") && got.ends_with(&[ECHO, CLOSED].concat()));
}

/// One after the other, on a few threads.
fn in_a_row(address: SocketAddr, connections: usize) {
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| (0..connections / THREADS).for_each(|_| once(address)));
        }
    });
}

/// All open, then all are answered, then all close.
fn together(address: SocketAddr, connections: usize) {
    let mut clients: Vec<_> = (0..connections).map(|_| connect(address)).collect();
    for client in &mut clients {
        client.write_all(HANDSHAKE).unwrap();
    }
    for client in &mut clients {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            client.read_exact(&mut octet).unwrap();
            head.extend(octet);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
    }
    for client in &mut clients {
        client.write_all(TEXT).unwrap();
    }
    for client in &mut clients {
        let mut echo = [0; ECHO.len()];
        client.read_exact(&mut echo).unwrap();
        assert_eq!(echo, ECHO);
    }
    for client in &mut clients {
        client.write_all(CLOSE).unwrap();
    }
    for client in &mut clients {
        let mut closed = Vec::new();
        client.read_to_end(&mut closed).unwrap();
        assert_eq!(closed, CLOSED);
    }
}

/// Octets that are held when `clients` are through.
fn held_after(running: &Running, clients: impl FnOnce(SocketAddr)) -> isize {
    clients(running.local_addr());
    let begun = Instant::now();
    while running.stats().active > 0 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", running.stats());
        std::thread::yield_now();
    }
    BYTES.load(Ordering::SeqCst)
}

/// No more is held after many clients than after few.
fn stays_flat(few: impl FnOnce(SocketAddr), many: impl FnOnce(SocketAddr)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let group = Group::new();
    let member = group.clone();
    let runtime = Runtime::new().unwrap();
    let server = Server::new(WebSocket::new(move || Member(member.clone())));
    let server = server.limits(Limits { connections_per_address: 10_000, ..Limits::default() });
    let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
    let before = held_after(&running, few);
    let more = held_after(&running, many) - before;
    println!("{more} octets more");
    assert!(more < SLACK, "{more} octets more");
    assert!(group.is_empty());
}

#[test]
fn nothing_is_left_of_connections_in_a_row() {
    stays_flat(|address| in_a_row(address, 400), |address| in_a_row(address, 2_000));
}

#[test]
fn nothing_is_left_of_connections_together() {
    let rounds = |address, rounds| (0..rounds).for_each(|_| together(address, 100));
    stays_flat(|address| rounds(address, 2), |address| rounds(address, 10));
}

/// `cargo test --release -p seawall-ws-server --test churn -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute"]
fn nothing_is_left_of_two_hundred_thousand_connections_in_a_row() {
    stays_flat(|address| in_a_row(address, 400), |address| in_a_row(address, 200_000));
}

/// The same; two descriptors each, both in this process.
#[test]
#[ignore = "takes a minute"]
fn nothing_is_left_of_two_hundred_thousand_connections_a_thousand_at_a_time() {
    let rounds = |address, rounds| (0..rounds).for_each(|_| together(address, 1_000));
    stays_flat(|address| rounds(address, 2), |address| rounds(address, 200));
}
