use seawall_ws_server::Limits;

use crate::Fixture;
use crate::client::{BINARY, CLOSE, PING, PONG, TEXT, close, frame};

#[test]
fn messages_of_every_length_come_back() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_000_000] {
        client.send(frame(BINARY, vec![0xFE; len])).expect(BINARY, vec![0xFE; len]);
        client.send(frame(TEXT, "*".repeat(len))).expect(TEXT, "*".repeat(len));
    }
}

#[test]
fn every_split_of_two_frames_is_the_same_two_frames() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    let octets = [frame(TEXT, "x".repeat(130)), frame(PING, "p"), frame(BINARY, [1, 2])].concat();
    for at in 1..octets.len() {
        client.send(&octets[..at]);
        std::thread::yield_now();
        client.send(&octets[at..]);
        client.expect(TEXT, "x".repeat(130)).expect(PONG, "p").expect(BINARY, [1, 2]);
    }
}

#[test]
fn fragments_are_one_message_and_control_frames_pass_between_them() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    let (first, middle, last) = (0x01, 0x00, 0x80);
    client.send(frame(first, "frag")).send(frame(PING, "1")).expect(PONG, "1");
    client.send(frame(middle, "me")).send(frame(PING, "2")).send(frame(last, "nt"));
    client.expect(PONG, "2").expect(TEXT, "fragment");
    // A code point may be split.
    client.send(frame(first, [0xCE])).send(frame(last, [0xBA])).expect(TEXT, "κ");
}

#[test]
fn ten_pings_of_one_write_are_all_answered() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    let burst: Vec<u8> = (0..10).flat_map(|n| frame(PING, format!("payload-{n}"))).collect();
    client.send(burst);
    for n in 0..10 {
        client.expect(PONG, format!("payload-{n}"));
    }
}

#[test]
fn an_unsolicited_pong_is_nothing() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    client.send(frame(PONG, "unasked")).send(frame(PING, "x")).expect(PONG, "x");
}

/// Each is sent behind a message that must still come back.
#[test]
fn violations_close_with_their_code() {
    let fixture = Fixture::with(|route| {
        route.limits(Limits { frame: 1000, message: 1500, fragments: 3, ..Limits::default() })
    });
    let unmasked = vec![TEXT, 0x01, b'x'];
    let not_minimal = vec![TEXT, 0x80 | 126, 0, 1, 0, 0, 0, 0, b'x'];
    let fragments = |n: usize| {
        let more = (0..n).flat_map(|_| frame(0x00, "x"));
        frame(0x01, "x").into_iter().chain(more).collect::<Vec<u8>>()
    };
    let table = [
        ("unmasked", unmasked, 1002),
        ("reserved bit", frame(TEXT | 0x40, "x"), 1002),
        ("reserved opcode", frame(0x83, "x"), 1002),
        ("reserved control opcode", frame(0x8B, "x"), 1002),
        ("control frame of 126", frame(PING, [0; 126]), 1002),
        ("fragmented control frame", frame(0x09, "x"), 1002),
        ("nothing to continue", frame(0x80, "x"), 1002),
        ("message within a message", [frame(0x01, "x"), frame(TEXT, "y")].concat(), 1002),
        ("length not minimal", not_minimal, 1002),
        ("close of one octet", frame(CLOSE, "x"), 1002),
        ("close code 1005", close(1005, ""), 1002),
        ("close reason not UTF-8", frame(CLOSE, [0x03, 0xE8, 0xFF]), 1007),
        ("text not UTF-8", frame(TEXT, [0xC0, 0xAF]), 1007),
        ("text that ends within a code point", frame(TEXT, [0xCE]), 1007),
        ("first fragment not UTF-8", frame(0x01, [0xFF]), 1007),
        ("frame too big", frame(BINARY, [0; 1001])[..8].to_vec(), 1009),
        ("message too big", [frame(0x02, [0; 900]), frame(0x80, [0; 601])].concat(), 1009),
        ("too many fragments", fragments(3), 1009),
    ];
    for (fault, octets, code) in table {
        let (mut client, _) = fixture.open();
        client.send([frame(TEXT, "before"), octets].concat());
        client.expect(TEXT, "before");
        client.expect_close(code);
        assert!(client.is_closed(), "{fault}");
        let closed = fixture.closed();
        assert_eq!(closed.code.map(seawall_ws_server::CloseCode::get), Some(code), "{fault}");
    }
    assert!(fixture.is_silent(), "each end is told once");
}

#[test]
fn a_declared_length_costs_no_memory() {
    let fixture = Fixture::new();
    // Sixteen mebibytes are announced on each of 200 connections; a server that made room for them
    // would need more than three gibibytes, and time to clear them.
    let mut clients: Vec<_> = (0..200).map(|_| fixture.open().0).collect();
    for client in &mut clients {
        client.send([&[BINARY, 0x80 | 127], &(16_u64 << 20).to_be_bytes()[..], &[0; 10]].concat());
    }
    let (mut client, _) = fixture.open();
    client.send(frame(TEXT, "fine")).expect(TEXT, "fine");
}
