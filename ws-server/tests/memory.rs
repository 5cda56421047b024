//! What an idle connection holds, and that all of it comes back.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_actor::Runtime;
use seawall_http_server::{Handler as Route, Limits, Running, Server};
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

/// A client of a server, and one message there and back: what was used for it is to be given back,
/// too.
type Client = fn(SocketAddr) -> TcpStream;

fn open(address: SocketAddr, fields: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    let mut head = [0; 1024];
    let len = client.read(&mut head).unwrap();
    assert!(head.starts_with(b"HTTP/1.1 101 ") && head[..len].ends_with(b"\r\n\r\n"));
    client
}

fn plain(address: SocketAddr) -> TcpStream {
    let mut client = open(address, "");
    client.write_all(b"\x81\x85\0\0\0\0hello").unwrap();
    let mut frame = [0; 7];
    client.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x05hello");
    client
}

fn wait_for(running: &Running, active: u64) {
    let begun = Instant::now();
    while running.stats().active != active {
        assert!(begun.elapsed() < PATIENCE, "{:?}", running.stats());
        std::thread::yield_now();
    }
}

/// Holds a route's idle connections to so many bytes each, and to leave nothing.
fn measure<H: Route>(name: &str, route: H, client: Client, budget: isize) {
    let runtime = Runtime::new().unwrap();
    let limits = Limits { connections_per_address: 2 * CONNECTIONS, ..Limits::default() };
    let server = Server::new(route).limits(limits).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    let address = running.local_addr();
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let mut round = || {
        let before = (BLOCKS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
        clients.extend((0..CONNECTIONS).map(|_| client(address)));
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
    println!("an idle {name} connection: {} allocations, {} bytes", blocks / each, bytes / each);
    assert!(bytes / each <= budget, "{} bytes", bytes / each);
    assert!(left <= SLACK, "{left} bytes are left of {each} connections");
}

#[test]
fn an_idle_connection_is_small_and_leaves_nothing() {
    measure("plain", WebSocket::new(|| Echo), plain, BUDGET);
    #[cfg(feature = "deflate")]
    {
        use seawall_ws_server::Compression;

        let route = WebSocket::new(|| Echo).compression(Compression::default());
        measure("compressed", route, deflate::compressed, deflate::BUDGET);
    }
}

#[cfg(feature = "deflate")]
mod deflate {
    use super::*;

    /// Bytes of an idle connection that has compressed and decompressed: what was agreed, twice.
    /// One window is 32 KiB, a compressor some 300 KiB.
    pub(crate) const BUDGET: isize = 2048;

    /// 300 times `a`, as a browser compresses it (RFC 7692 §7.2.1).
    const MESSAGE: &[u8] = b"\x4A\x4C\x1C\x05\xC4\x02\0\0";

    pub(crate) fn compressed(address: SocketAddr) -> TcpStream {
        let mut client = open(address, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        client
            .write_all(&[&[0xC1, 0x80 | MESSAGE.len() as u8, 0, 0, 0, 0], MESSAGE].concat())
            .unwrap();
        let mut header = [0; 2];
        client.read_exact(&mut header).unwrap();
        assert_eq!(header[0], 0xC1, "the answer is compressed, too");
        assert!(header[1] < 100, "and short");
        client.read_exact(&mut vec![0; header[1].into()]).unwrap();
        client
    }
}
