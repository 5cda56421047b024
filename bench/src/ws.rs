//! WebSocket: masking, frames in and out, and echo.

use std::hint::black_box;
use std::io::{IoSlice, Read as _, Write as _};

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload};
use futures_util::{SinkExt as _, StreamExt as _};
use seawall_codec::ws::{Connection, Event, Kind, Limits, Opcode, frame, mask};
use tokio_websockets::{ServerBuilder, WebSocketStream};
use tungstenite::{Message, WebSocket, protocol::Role};

use crate::contest::Row;
use crate::pipe::{Pipe, now};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub fn rows() -> Vec<Row> {
    let mut rows = vec![];
    rows.extend([16, 128, 1 << 10, 16 << 10, 1 << 20].map(masking));
    for (count, len) in SIZES {
        rows.push(decode(count, len));
    }
    for (count, len) in SIZES {
        rows.push(encode(count, len));
    }
    for (count, len) in SIZES {
        rows.push(echo(count, len));
    }
    rows
}

/// How many messages are read at once, and how long they are.
const SIZES: [(usize, usize); 4] = [(1, 20), (16, 20), (16, 1 << 10), (1, 16 << 10)];

/// The payload lies where a frame has it: behind its header.
fn masking(len: usize) -> Row {
    let header = match len {
        0..=125 => 6,
        126..=0xFFFF => 8,
        _ => 14,
    };
    let mut ours = vec![0x2A; header + len];
    let mut fast = ours.clone();
    mask::apply(KEY, &mut ours[header..]);
    fastwebsockets::unmask(&mut fast[header..], KEY);
    assert_eq!(ours, fast);
    Row::new(format!("masking, {len} B"))
        .with("seawall", &(), move || mask::apply(black_box(KEY), black_box(&mut ours[header..])))
        .with("fastwebsockets", &(), move || {
            fastwebsockets::unmask(black_box(&mut fast[header..]), black_box(KEY));
        })
}

/// Messages as a client sends them.
fn wire(opcode: Opcode, count: usize, len: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for _ in 0..count {
        frame::encode(opcode, true, Some(KEY), &vec![b'a'; len], &mut wire);
    }
    wire
}

/// What a server makes of our codec: one buffer to read into, one to write from.
struct Seawall {
    connection: Connection,
    pipe: Pipe,
    buffer: Vec<u8>,
    out: Vec<u8>,
}

impl Seawall {
    fn new(pipe: Pipe) -> Self {
        let connection = Connection::server(Limits::default());
        Self { connection, pipe, buffer: vec![0; 64 << 10], out: vec![] }
    }

    /// Reads once, and takes all messages out of that.
    fn recv(&mut self, mut on_message: impl FnMut(&mut Sender<'_>, Event<'_>)) {
        let Self { connection, pipe, buffer, out } = self;
        let len = pipe.read(buffer).expect("there is input");
        let mut input = &mut buffer[..len];
        while let Some(event) = connection.recv(&mut input).expect("valid") {
            on_message(&mut Sender { connection, pipe, out }, event);
        }
    }

    fn sender(&mut self) -> Sender<'_> {
        let Self { connection, pipe, out, .. } = self;
        Sender { connection, pipe, out }
    }
}

/// The half that writes: small messages together, large ones from where they lie, as
/// the peers do.
struct Sender<'s> {
    connection: &'s mut Connection,
    pipe: &'s mut Pipe,
    out: &'s mut Vec<u8>,
}

impl Sender<'_> {
    /// From here on a copy costs more than it saves.
    const LARGE: usize = 4 << 10;

    fn binary(&mut self, bytes: &[u8]) {
        if bytes.len() < Self::LARGE {
            self.connection.send_binary(bytes, self.out).expect("open");
        } else {
            self.large(Kind::Binary, bytes);
        }
    }

    fn text(&mut self, text: &str) {
        if text.len() < Self::LARGE {
            self.connection.send_text(text, self.out).expect("open");
        } else {
            self.large(Kind::Text, text.as_bytes());
        }
    }

    fn large(&mut self, kind: Kind, payload: &[u8]) {
        self.connection.send_header(kind, payload.len(), self.out).expect("open");
        let slices = [IoSlice::new(self.out), IoSlice::new(payload)];
        let written = self.pipe.write_vectored(&slices).expect("memory");
        assert_eq!(written, self.out.len() + payload.len());
        self.out.clear();
    }

    fn flush(&mut self) {
        self.pipe.write_all(self.out).expect("memory");
        self.out.clear();
    }
}

fn tungstenite(pipe: &Pipe) -> WebSocket<Pipe> {
    WebSocket::from_raw_socket(pipe.clone(), Role::Server, None)
}

fn fastwebsockets(pipe: &Pipe) -> FragmentCollector<Pipe> {
    let socket =
        fastwebsockets::WebSocket::after_handshake(pipe.clone(), fastwebsockets::Role::Server);
    FragmentCollector::new(socket)
}

fn tokio_websockets(pipe: &Pipe) -> WebSocketStream<Pipe> {
    ServerBuilder::new().serve(pipe.clone())
}

/// Bytes read to messages, each looked at by its length only.
fn decode(count: usize, len: usize) -> Row {
    let wire = wire(Opcode::Binary, count, len);
    let answer = count * len;
    let mut row = Row::new(format!("decode, {count} × {len} B"));

    let pipe = Pipe::new(&wire);
    let mut server = Seawall::new(pipe.clone());
    row = row.with("seawall", &answer, move || {
        pipe.rewind();
        let mut total = 0;
        server.recv(|_, event| {
            if let Event::Binary(bytes) = event {
                total += black_box(bytes).len();
            }
        });
        total
    });

    let pipe = Pipe::new(&wire);
    let mut socket = tungstenite(&pipe);
    row = row.with("tungstenite", &answer, move || {
        pipe.rewind();
        (0..count).map(|_| black_box(socket.read().expect("valid")).len()).sum()
    });

    let pipe = Pipe::new(&wire);
    let mut socket = fastwebsockets(&pipe);
    row = row.with("fastwebsockets", &answer, move || {
        pipe.rewind();
        now(async {
            let mut total = 0;
            for _ in 0..count {
                total += black_box(socket.read_frame().await.expect("valid")).payload.len();
            }
            total
        })
    });

    let pipe = Pipe::new(&wire);
    let mut socket = tokio_websockets(&pipe);
    row.with("tokio-websockets", &answer, move || {
        pipe.rewind();
        now(async {
            let mut total = 0;
            for _ in 0..count {
                let message = socket.next().await.expect("open").expect("valid");
                total += black_box(message).into_payload().len();
            }
            total
        })
    })
}

/// Messages of a server to bytes written. Peers that want to own the payload are given
/// it shared, so that they need not copy it first.
fn encode(count: usize, len: usize) -> Row {
    let payload = vec![b'a'; len];
    let shared = Bytes::from(payload.clone());
    let mut out = Vec::new();
    frame::encode(Opcode::Binary, true, None, &payload, &mut out);
    let answer = count * out.len();
    let mut row = Row::new(format!("encode, {count} × {len} B"));

    let pipe = Pipe::new(&[]);
    let mut server = Seawall::new(pipe.clone());
    let ours = payload.clone();
    row = row.with("seawall", &answer, move || {
        pipe.rewind();
        let mut sender = server.sender();
        for _ in 0..count {
            sender.binary(black_box(&ours));
        }
        sender.flush();
        pipe.written()
    });

    let pipe = Pipe::new(&[]);
    let mut socket = tungstenite(&pipe);
    let owned = shared.clone();
    row = row.with("tungstenite", &answer, move || {
        pipe.rewind();
        for _ in 0..count {
            socket.write(Message::Binary(black_box(&owned).clone())).expect("open");
        }
        socket.flush().expect("memory");
        pipe.written()
    });

    let pipe = Pipe::new(&[]);
    let mut socket = fastwebsockets(&pipe);
    row = row.with("fastwebsockets", &answer, move || {
        pipe.rewind();
        now(async {
            for _ in 0..count {
                let frame = Frame::binary(Payload::Borrowed(black_box(&payload)));
                socket.write_frame(frame).await.expect("open");
            }
        });
        pipe.written()
    });

    let pipe = Pipe::new(&[]);
    let mut socket = tokio_websockets(&pipe);
    row.with("tokio-websockets", &answer, move || {
        pipe.rewind();
        now(async {
            for _ in 0..count {
                let message = tokio_websockets::Message::binary(black_box(&shared).clone());
                socket.feed(message).await.expect("open");
            }
            socket.flush().await.expect("memory");
        });
        pipe.written()
    })
}

/// Text messages that arrive together, each sent back, all written at the end where
/// the peer can.
fn echo(count: usize, len: usize) -> Row {
    let wire = wire(Opcode::Text, count, len);
    let answer = wire.len() - 4 * count; // all but the masking keys
    let mut row = Row::new(format!("echo, {count} × {len} B"));

    let pipe = Pipe::new(&wire);
    let mut server = Seawall::new(pipe.clone());
    row = row.with("seawall", &answer, move || {
        pipe.rewind();
        server.recv(|sender, event| {
            if let Event::Text(text) = event {
                sender.text(&text);
            }
        });
        server.sender().flush();
        pipe.written()
    });

    let pipe = Pipe::new(&wire);
    let mut socket = tungstenite(&pipe);
    row = row.with("tungstenite", &answer, move || {
        pipe.rewind();
        for _ in 0..count {
            let message = socket.read().expect("valid");
            socket.write(message).expect("open");
        }
        socket.flush().expect("memory");
        pipe.written()
    });

    let pipe = Pipe::new(&wire);
    let mut socket = fastwebsockets(&pipe);
    row = row.with("fastwebsockets", &answer, move || {
        pipe.rewind();
        now(async {
            for _ in 0..count {
                let frame = socket.read_frame().await.expect("valid");
                assert!(matches!(frame.opcode, OpCode::Text));
                socket.write_frame(frame).await.expect("open");
            }
        });
        pipe.written()
    });

    let pipe = Pipe::new(&wire);
    let mut socket = tokio_websockets(&pipe);
    row.with("tokio-websockets", &answer, move || {
        pipe.rewind();
        now(async {
            for _ in 0..count {
                let message = socket.next().await.expect("open").expect("valid");
                socket.feed(message).await.expect("open");
            }
            socket.flush().await.expect("memory");
        });
        pipe.written()
    })
}
