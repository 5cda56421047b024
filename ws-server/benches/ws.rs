//! From a message's octets to its echo's, over a connection in memory: no sockets, one thread.

#[path = "../../http-server/tests/wire/mod.rs"]
mod wire;

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seawall_codec::ws::{Opcode, frame};
use seawall_http_server::Router;
use seawall_ws_server::{Handler, Message, Sender, WebSocket};

use wire::Connection;

const OPENING: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await;
    }
}

fn echo(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo");
    for (name, len, depth) in [
        ("20 B", 20, 1),
        ("20 B, 16 in one read", 20, 16),
        ("1 KiB", 1 << 10, 1),
        ("16 KiB", 16 << 10, 1),
    ] {
        let connection = Connection::new(Router::new().get("/", WebSocket::new(|| Echo)));
        connection.ask(&OPENING.as_bytes().into(), 1);
        let mut messages = Vec::new();
        for _ in 0..depth {
            let mask = Some([1, 2, 3, 4]);
            frame::encode(Opcode::Text, true, mask, &vec![b'x'; len], &mut messages);
        }
        let messages: Arc<[u8]> = messages.into();
        let answers = messages.len() - 4 * depth; // those are not masked
        group.throughput(Throughput::Elements(depth as u64));
        group.bench_function(name, |bencher| bencher.iter(|| connection.ask(&messages, answers)));
    }
    group.finish();
}

criterion_group!(benches, echo);
criterion_main!(benches);
