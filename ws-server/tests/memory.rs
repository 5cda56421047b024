//! What an idle connection holds, and that all of it comes back.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_actor::Runtime;
use seawall_http_server::{Limits, Running, Server};
use seawall_ws_server::{Handler, Message, Sender, WebSocket};

use counting::{BLOCKS, BYTES};

/// Both ends are in this process: two descriptors each.
const CONNECTIONS: usize = 2_000;

/// Bytes of an idle connection, its handler and its places in the lists of the server included.
const BUDGET: isize = 1024;

/// Bytes that may be left of all connections together: pools of threads, tables.
const SLACK: isize = 64 * 1024;

const PATIENCE: Duration = Duration::from_secs(60);

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await;
    }
}

fn open(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
        .write_all(
            b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let mut head = [0; 1024];
    let len = client.read(&mut head).unwrap();
    assert!(head.starts_with(b"HTTP/1.1 101 ") && head[..len].ends_with(b"\r\n\r\n"));
    client
}

/// One message there and back: what was used for it is to be given back, too.
fn echo(client: &mut TcpStream) {
    client.write_all(b"\x81\x85\0\0\0\0hello").unwrap();
    let mut frame = [0; 7];
    client.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x05hello");
}

fn wait_for(running: &Running, active: u64) {
    let begun = Instant::now();
    while running.stats().active != active {
        assert!(begun.elapsed() < PATIENCE, "{:?}", running.stats());
        std::thread::yield_now();
    }
}

#[test]
fn an_idle_connection_is_small_and_leaves_nothing() {
    let runtime = Runtime::new().unwrap();
    let limits = Limits { connections_per_address: 2 * CONNECTIONS, ..Limits::default() };
    let server = Server::new(WebSocket::new(|| Echo)).limits(limits);
    let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
    let address = running.local_addr();
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let mut round = || {
        let before = (BLOCKS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
        clients.extend((0..CONNECTIONS).map(|_| open(address)));
        clients.iter_mut().for_each(echo);
        wait_for(&running, CONNECTIONS as u64);
        let blocks = BLOCKS.load(Ordering::SeqCst) - before.0;
        let bytes = BYTES.load(Ordering::SeqCst) - before.1;
        clients.clear();
        wait_for(&running, 0);
        (blocks, bytes, BYTES.load(Ordering::SeqCst) - before.1)
    };
    round(); // what stays for the next connections: pools, tables
    let (blocks, bytes, left) = round();
    let each = CONNECTIONS as isize;
    println!("an idle connection: {} allocations, {} bytes", blocks / each, bytes / each);
    assert!(bytes / each <= BUDGET, "{} bytes", bytes / each);
    assert!(left <= SLACK, "{left} bytes are left of {each} connections");
}
