//! Compressed messages: any payload stays within the bounds, however it is cut into
//! frames and reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::http::{Limits as HttpLimits, RequestParser};
use seawall_codec::ws::deflate::Options;
use seawall_codec::ws::handshake::Request;
use seawall_codec::ws::{Connection, Limits, Opcode, frame};
use seawall_fuzz::pieces;

const MAX: usize = 200_000;

fn connection(forgets: bool) -> Connection {
    let options = Options { client_no_context_takeover: forgets, ..Options::default() };
    let mut parser = RequestParser::new(HttpLimits::default());
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let head = parser.parse(request).expect("valid").expect("complete");
    let mut request = Request::new(&head).expect("right");
    let limits = Limits { max_message_len: MAX, ..Limits::default() };
    let mut connection = Connection::server(limits);
    connection.set_deflate(request.negotiate_deflate(&options).expect("offered"), options);
    connection
}

fn events(mut connection: Connection, wire: &[u8], cuts: &[u8]) -> Vec<String> {
    let mut events = vec![];
    for piece in pieces(wire, cuts) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match connection.recv(&mut input) {
                Ok(Some(event)) => {
                    let shown = format!("{event:?}");
                    assert!(shown.len() < MAX * 6);
                    events.push(shown);
                }
                Ok(None) => break,
                // Which limit is seen first depends on how much is decompressed at once.
                Err(violation) => events.push(violation.close_code().to_string()),
            }
        }
    }
    events
}

fuzz_target!(|input: (bool, Vec<u8>, Vec<Vec<u8>>)| {
    let (forgets, cuts, messages) = input;
    let mut wire = vec![];
    for message in &messages {
        let start = wire.len();
        frame::encode(Opcode::Binary, true, Some([0; 4]), message, &mut wire);
        wire[start] |= 0x40; // RSV1: compressed
    }
    let whole = events(connection(forgets), &wire, &[]);
    let cut = events(connection(forgets), &wire, &cuts);
    // A ratio is judged by what has arrived: only the end may come sooner.
    let fails = |events: &[String]| events.last().is_some_and(|last| !last.starts_with("Binary"));
    if !fails(&whole) && !fails(&cut) {
        assert_eq!(cut, whole);
    }
});
