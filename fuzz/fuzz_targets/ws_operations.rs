//! Two ends, and a list of what their applications do: each message arrives, in
//! order, and once both have closed the handshake is complete.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use seawall_codec::ws::{CloseCode, Closing, Connection, Event, Kind, Limits};
use seawall_fuzz::pieces;

#[derive(Arbitrary, Debug)]
struct Operation {
    by_client: bool,
    does: Does,
}

#[derive(Arbitrary, Debug)]
enum Does {
    Text(String),
    Binary(Vec<u8>),
    Fragment(Vec<u8>, bool),
    Ping(Vec<u8>),
    Close(u16, String),
}

/// One end: its connection, and what it is to see.
struct End {
    connection: Connection,
    expected: Vec<String>,
    /// The binary message of which fragments were sent.
    fragments: Option<Vec<u8>>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self { connection, expected: vec![], fragments: None }
    }

    /// Does what is asked, as far as it is allowed, and tells `peer` what to expect.
    fn act(&mut self, does: &Does, peer: &mut Vec<String>) -> Vec<u8> {
        let mut out = vec![];
        match does {
            Does::Text(text) => {
                if self.connection.send_text(text, &mut out).is_ok() {
                    peer.push(format!("{:?}", Event::Text(text.into())));
                }
            }
            Does::Binary(bytes) => {
                if self.connection.send_binary(bytes, &mut out).is_ok() {
                    peer.push(format!("{:?}", Event::Binary(bytes.into())));
                }
            }
            Does::Fragment(bytes, fin) => {
                if self.connection.send_fragment(Kind::Binary, bytes, *fin, &mut out).is_ok() {
                    let message = self.fragments.get_or_insert_default();
                    message.extend_from_slice(bytes);
                    if *fin {
                        peer.push(format!("{:?}", Event::Binary((&*message).into())));
                        self.fragments = None;
                    }
                }
            }
            Does::Ping(payload) => {
                if self.connection.send_ping(payload, &mut out).is_ok() {
                    peer.push(format!("{:?}", Event::Ping(payload.into())));
                }
            }
            Does::Close(code, reason) => {
                let code = CloseCode::new(*code);
                if self.connection.close(code, reason, &mut out).is_ok() {
                    peer.push(format!("{:?}", Event::Close { code, reason: reason.into() }));
                }
            }
        }
        out
    }

    fn read(&mut self, wire: &[u8], cuts: &[u8]) {
        for piece in pieces(wire, cuts) {
            let mut piece = piece.to_vec();
            let mut input = &mut piece[..];
            while let Some(event) = self.connection.recv(&mut input).expect("our own frames") {
                assert_eq!(format!("{event:?}"), self.expected.remove(0));
            }
        }
    }
}

fuzz_target!(|input: (Vec<u8>, Vec<Operation>)| {
    let (cuts, operations) = input;
    let limits = Limits::default();
    let mut client = End::new(Connection::client(limits, || [9, 8, 7, 6]));
    let mut server = End::new(Connection::server(limits));
    for Operation { by_client, does } in &operations {
        let (from, to) =
            if *by_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let wire = from.act(does, &mut to.expected);
        to.read(&wire, &cuts);
    }
    for end in [&client, &server] {
        assert!(end.expected.is_empty(), "{:?} did not arrive", end.expected);
    }
    let closed = |end: &End| end.connection.closing() == Closing::Closed;
    assert_eq!(closed(&client), closed(&server));
});
