//! Whatever a peer sends, however it is cut: the same events, and no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::ws::{Connection, Limits};
use seawall_fuzz::pieces;

fn events(mut connection: Connection, bytes: &[u8], cuts: &[u8]) -> Vec<String> {
    let mut events = vec![];
    for piece in pieces(bytes, cuts) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match connection.recv(&mut input) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(violation) => events.push(format!("{violation:?}")),
            }
        }
    }
    events
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, bytes) = input;
    let limits = Limits { max_frame_len: 1000, max_message_len: 2000, max_fragments: 10 };
    let server = || Connection::server(limits);
    assert_eq!(events(server(), bytes, &cuts), events(server(), bytes, &[]));
    let client = || Connection::client(limits, || [1, 2, 3, 4]);
    assert_eq!(events(client(), bytes, &cuts), events(client(), bytes, &[]));
});
