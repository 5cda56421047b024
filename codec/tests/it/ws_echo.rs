//! An echo server without a socket, and a client that shares no code with it.

use seawall_codec::ws::{Closing, Connection, Due, Event, Limits};

/// What a server makes of [`Connection`]: echoes messages, answers Ping and Close.
pub(crate) struct Echo {
    connection: Connection,
    out: Vec<u8>,
    /// The server would close the TCP connection now.
    pub(crate) disconnected: bool,
}

impl Echo {
    pub(crate) fn new() -> Self {
        Self::with(Connection::server(Limits::default()))
    }

    pub(crate) fn with(connection: Connection) -> Self {
        Self { connection, out: vec![], disconnected: false }
    }

    /// Gives the server bytes as if it had read them from its socket at once.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        let Self { connection, out, disconnected } = self;
        loop {
            match connection.recv(&mut input) {
                Ok(Some(Event::Text(text))) => connection.send_text(&text, out).expect("open"),
                Ok(Some(Event::Binary(bytes))) => {
                    connection.send_binary(&bytes, out).expect("open");
                }
                Ok(Some(Event::Ping(payload))) => {
                    connection.send_pong(&payload, out).expect("open");
                }
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close { code, .. })) => {
                    assert_eq!(connection.closing(), Closing::Received);
                    assert_eq!(connection.close(code, "", out), Ok(Due::Disconnect));
                    *disconnected = true;
                }
                Ok(None) => break,
                Err(violation) => {
                    connection.fail(violation, out);
                    *disconnected = true;
                }
            }
        }
    }

    /// Lets it forget what it need not remember, as when it has gone idle.
    #[cfg(feature = "deflate")]
    pub(crate) fn shrink(&mut self) {
        self.connection.shrink();
    }

    /// The frames that it wrote since the last call.
    pub(crate) fn replies(&mut self) -> Vec<Reply> {
        self.frames().into_iter().map(Reply::from).collect()
    }

    /// The same, as they are.
    pub(crate) fn frames(&mut self) -> Vec<Frame> {
        let wire = std::mem::take(&mut self.out);
        let mut rest = &wire[..];
        let mut frames = vec![];
        while !rest.is_empty() {
            frames.push(decode(&mut rest));
        }
        frames
    }
}

/// What a frame of the server says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

/// Takes one frame off `wire`, checked as a strict client would.
fn decode(wire: &mut &[u8]) -> Frame {
    let mut take = |len: usize| {
        let (front, rest) = wire.split_at(len);
        *wire = rest;
        front
    };
    let number = |bytes: &[u8]| bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    let first = take(1)[0];
    let second = take(1)[0];
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (len, minimal) = match second {
        126 => (number(take(2)), 126..65536),
        127 => (number(take(8)), 65536..usize::MAX),
        len => (usize::from(len), 0..126),
    };
    assert!(minimal.contains(&len), "length {len} in {second}");
    let payload = take(len).to_vec();
    Frame(first, payload)
}

impl From<Frame> for Reply {
    fn from(Frame(first, payload): Frame) -> Self {
        match first {
            0x81 => Self::Text(payload),
            0x82 => Self::Binary(payload),
            0x8A => Self::Pong(payload),
            0x88 => Self::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            _ => panic!("first byte {first:#x}"),
        }
    }
}

/// One frame: its first byte, and its payload.
#[derive(Clone, Debug)]
pub(crate) struct Frame(pub(crate) u8, pub(crate) Vec<u8>);

impl Frame {
    /// The frame on the wire, masked with a key that no test depends on.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let Self(first, payload) = self;
        // Masking byte by byte without optimisation takes its time; a key of zeros is
        // a key, too.
        let key = if payload.len() <= 128 << 10 { [0x9A, 0x3C, 0x00, 0xE7] } else { [0; 4] };
        let mut wire = vec![*first];
        match payload.len() {
            len @ 0..=125 => wire.push(0x80 | len as u8),
            len @ 126..=65535 => {
                wire.push(0x80 | 126);
                wire.extend((len as u16).to_be_bytes());
            }
            len => {
                wire.push(0x80 | 127);
                wire.extend((len as u64).to_be_bytes());
            }
        }
        wire.extend(key);
        let start = wire.len();
        wire.extend_from_slice(payload);
        let (words, tail) = wire[start..].as_chunks_mut::<4>();
        if key != [0; 4] {
            let key = u32::from_ne_bytes(key);
            for word in words {
                *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
            }
        }
        tail.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        wire
    }
}

/// Cuts `payload` into frames of `size` bytes; one more that is empty ends the
/// message where the last one is full.
pub(crate) fn fragments(first: u8, payload: &[u8], size: usize) -> Vec<Frame> {
    if payload.len() <= size {
        return vec![Frame(first, payload.to_vec())];
    }
    let mut frames: Vec<Frame> =
        payload.chunks(size).map(|piece| Frame(0x00, piece.to_vec())).collect();
    if payload.len().is_multiple_of(size) {
        frames.push(Frame(0x00, vec![]));
    }
    frames.last_mut().expect("at least two").0 = 0x80;
    frames[0].0 = first & 0x7F;
    frames
}
