//! A thousand connections, among them five in trouble: a panic, a callback that blocks its thread,
//! a client that reads nothing, one whose machine is gone, and one that was reset. The others lose
//! not one message.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use futures_lite::future::{self, block_on};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use seawall_actor::net::TcpStream;
use seawall_actor::{Context, Mailbox, Runtime, time};
use seawall_http_server::{Limits, Request, Server};
use seawall_ws_server::{
    Accept, By, Closed, Handler, Message, Reject, Sender, Timeouts, WebSocket,
};

const CONNECTIONS: usize = 1_000;

/// Messages of each of the others, one after the other.
const MESSAGES: u32 = 20;

/// Far longer than all of it takes, and bounded.
const PATIENCE: Duration = Duration::from_secs(120);

/// Connections in trouble.
const TROUBLED: usize = 5;

struct Troubled {
    /// Blocks until the other end is dropped.
    block: Arc<Mutex<mpsc::Receiver<()>>>,
    /// Tells the test what has begun.
    report: mpsc::Sender<&'static str>,
}

impl Handler for Troubled {
    async fn on_connect(&mut self, request: &Request, _: &Sender) -> Result<Accept, Reject> {
        let short = Duration::from_millis(100);
        Ok(match request.path() {
            "/dead" => Accept::new().timeouts(Timeouts { ping: short, pong: short, ..patient() }),
            _ => Accept::new(),
        })
    }

    async fn on_close(&mut self, closed: &Closed) {
        if closed.reason == "pong timeout" {
            assert_eq!(closed.by, By::Server);
            let _ = self.report.send("dead");
        }
    }

    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        match message {
            Message::Text("panic") => panic!("as asked"),
            Message::Text("block") => {
                self.report.send("block").unwrap();
                let _ = self.block.lock().unwrap().recv_timeout(PATIENCE);
            }
            Message::Text("flood") => {
                self.report.send("flood").unwrap();
                // Until the client takes it, which it never does.
                while sender.send(&[0_u8; 64 * 1024][..]).await.is_ok() {}
            }
            message => drop(sender.send(message).await),
        }
    }
}

/// No Ping comes between the messages of a test.
fn patient() -> Timeouts {
    Timeouts { ping: PATIENCE, ..Timeouts::default() }
}

async fn open(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        client.read_exact(&mut octet).await.unwrap();
        answer.push(octet[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    client
}

/// A short frame with a key of zeros: the payload is what it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

async fn talk(client: &mut TcpStream, n: usize) {
    for message in 0..MESSAGES {
        let payload = [(n as u32).to_be_bytes(), message.to_be_bytes()].concat();
        client.write_all(&frame(0x82, &payload)).await.unwrap();
        let mut echo = [0; 10];
        client.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo[..2], [0x82, 8]);
        assert_eq!(echo[2..], payload, "connection {n}");
    }
}

#[test]
fn five_in_trouble_among_a_thousand_harm_none_of_the_others() {
    let (unblock, block) = mpsc::channel();
    let block = Arc::new(Mutex::new(block));
    let runtime = Runtime::new().unwrap();
    let clients = Runtime::new().unwrap(); // workers of their own: only the server's are blocked
    let limits = Limits { connections_per_address: 2 * CONNECTIONS, ..Limits::default() };
    let (report, told) = mpsc::channel();
    let report = Mutex::new(report);
    let route = WebSocket::new(move || Troubled {
        block: Arc::clone(&block),
        report: report.lock().unwrap().clone(),
    });
    let route = route.timeouts(patient());
    let server = Server::new(route).limits(limits).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    let address = running.local_addr();

    let (done, all) = mpsc::channel();
    let (opened, open_now) = mpsc::channel();
    // Ends when its address is dropped: then all begin at once.
    let go = clients.scope().spawn(|mut gate: Mailbox<()>, _: Context| async move {
        gate.recv().await;
    });
    for n in 0..CONNECTIONS - TROUBLED {
        let (done, opened, gone) = (done.clone(), opened.clone(), go.monitor());
        clients.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            let mut client = open(address, "/").await;
            opened.send(()).unwrap();
            gone.exited().await;
            talk(&mut client, n).await;
            done.send(()).unwrap();
        });
    }
    drop((done, opened));
    for _ in 0..CONNECTIONS - TROUBLED {
        open_now.recv_timeout(PATIENCE).expect("all open");
    }
    let mut troubled: Vec<_> = block_on(async {
        let mut troubled = Vec::new();
        for trouble in ["panic", "block", "flood", "dead", "reset"] {
            let mut client = open(address, &format!("/{trouble}")).await;
            client.write_all(&frame(0x81, trouble.as_bytes())).await.unwrap();
            troubled.push(client);
        }
        troubled
    });
    let mut now: Vec<_> = (0..3).map(|_| told.recv_timeout(PATIENCE).unwrap()).collect();
    now.sort_unstable();
    assert_eq!(now, ["block", "dead", "flood"], "all in their trouble");
    troubled[4].reset_when_dropped().unwrap();
    drop(troubled.pop()); // gone without a Close
    drop(go);
    for n in 0..CONNECTIONS - TROUBLED {
        all.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("only {n} came through"));
    }
    // The one that panicked was told so, while the other two still are in their trouble.
    let mut close = [0; 4];
    let told =
        block_on(future::or(async { troubled[0].read_exact(&mut close).await.is_ok() }, async {
            time::sleep(PATIENCE).await;
            false
        }));
    assert!(told);
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1011));
    drop(unblock);
    block_on(troubled[0].write_all(&frame(0x88, &[0x03, 0xF3]))).unwrap();
    let begun = Instant::now();
    while running.stats().crashes == 0 {
        assert!(begun.elapsed() < PATIENCE, "a crash is counted when its connection has ended");
        std::thread::yield_now();
    }
}
