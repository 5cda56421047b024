//! The connection as a whole, over bytes.

use std::string::{String, ToString as _};
use std::vec;
use std::vec::Vec;

use super::*;

/// What one endpoint made of some input, as owned values.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Got {
    Event(Event<'static>),
    Violation(Violation),
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Text(text) => Event::Text(text.into_owned().into()),
        Event::Binary(bytes) => Event::Binary(bytes.into_owned().into()),
        Event::Ping(bytes) => Event::Ping(bytes.into_owned().into()),
        Event::Pong(bytes) => Event::Pong(bytes.into_owned().into()),
        Event::Close { code, reason } => Event::Close { code, reason: reason.into_owned().into() },
    }
}

fn feed(connection: &mut Connection, bytes: &[u8], got: &mut Vec<Got>) {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    loop {
        match connection.recv(&mut input) {
            Ok(Some(event)) => got.push(Got::Event(owned(event))),
            Ok(None) => break,
            Err(violation) => got.push(Got::Violation(violation)),
        }
    }
    assert!(input.is_empty(), "`None` means that all input is consumed");
}

/// Receives `wire` whole, byte by byte, and split in two at every point; all must
/// agree. Gives what was received.
fn recv(limits: Limits, wire: &[u8]) -> Vec<Got> {
    let mut whole = vec![];
    feed(&mut Connection::server(limits), wire, &mut whole);

    let mut single = vec![];
    let mut connection = Connection::server(limits);
    for byte in wire {
        feed(&mut connection, &[*byte], &mut single);
    }
    assert_eq!(single, whole, "byte by byte");
    for at in 0..=wire.len() {
        let mut split = vec![];
        let mut connection = Connection::server(limits);
        feed(&mut connection, &wire[..at], &mut split);
        feed(&mut connection, &wire[at..], &mut split);
        assert_eq!(split, whole, "split at {at}");
    }
    whole
}

const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A client's frames, one after the other: (first byte, payload).
fn wire(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![];
    for (first, payload) in frames {
        let start = out.len();
        frame::encode(Opcode::Text, true, Some(KEY), payload, &mut out);
        out[start] = *first;
    }
    out
}

fn text(text: &str) -> Got {
    Got::Event(Event::Text(text.to_string().into()))
}

fn ping(payload: &[u8]) -> Got {
    Got::Event(Event::Ping(payload.to_vec().into()))
}

fn close(code: Option<u16>, reason: &str) -> Got {
    let code = code.map(|code| CloseCode::new(code).expect("legal"));
    Got::Event(Event::Close { code, reason: reason.to_string().into() })
}

#[test]
fn messages_and_control_frames_between_their_fragments() {
    let got = recv(
        Limits::default(),
        &wire(&[
            (0x81, b"whole"),
            (0x01, b"fr\xC3"),
            (0x89, b"?"),
            (0x00, b""),
            (0x80, b"\xA9d"),
            (0x82, b"\0\xFF"),
            (0x81, b""),
        ]),
    );
    let binary = Got::Event(Event::Binary(b"\0\xFF".to_vec().into()));
    assert_eq!(got, [text("whole"), ping(b"?"), text("fréd"), binary, text("")]);
}

#[test]
fn nothing_counts_after_close() {
    let got = recv(
        Limits::default(),
        &wire(&[(0x01, b"half"), (0x88, b"\x03\xE8bye"), (0x80, b"rest"), (0x83, b"junk")]),
    );
    assert_eq!(got, [close(Some(1000), "bye")]);
}

#[test]
fn close_payloads() {
    let all = |payload: &[u8]| recv(Limits::default(), &wire(&[(0x88, payload)]));
    assert_eq!(all(b""), [close(None, "")]);
    assert_eq!(all(b"a"), [Got::Violation(Violation::CloseLength)]);
    assert_eq!(all(b"\x03\xEE"), [Got::Violation(Violation::CloseCode(1006))]);
    assert_eq!(all(b"\x03\xE8\xED\xA0\x80"), [Got::Violation(Violation::InvalidUtf8)]);
    assert_eq!(all(b"\x0F\xA0"), [close(Some(4000), "")]);
}

#[test]
fn order_of_fragments() {
    for (frames, violation) in [
        (&[(0x80, &b"x"[..])][..], Violation::NothingToContinue),
        (&[(0x00, b"x")], Violation::NothingToContinue),
        (&[(0x01, b"x"), (0x81, b"y")], Violation::MessageInterrupted),
        (&[(0x02, b""), (0x02, b"")], Violation::MessageInterrupted),
    ] {
        assert_eq!(recv(Limits::default(), &wire(frames)), [Got::Violation(violation)]);
    }
}

#[test]
fn limits_hold_before_anything_is_stored() {
    let limits = Limits { max_frame_len: 10, max_message_len: 15, max_fragments: 3 };
    let message = [(0x02, &[0; 10][..]), (0x80, &[0; 5])];
    assert_eq!(recv(limits, &wire(&message)).len(), 1);
    let over = |frames: &[(u8, &[u8])]| recv(limits, &wire(frames));
    assert_eq!(over(&[(0x82, &[0; 11])]), [Got::Violation(Violation::FrameTooBig)]);
    assert_eq!(
        over(&[(0x02, &[0; 10]), (0x80, &[0; 6])]),
        [Got::Violation(Violation::MessageTooBig)]
    );
    assert_eq!(
        over(&[(0x02, b""), (0x00, b""), (0x00, b""), (0x80, b"")]),
        [Got::Violation(Violation::TooManyFragments)]
    );

    // A header alone is enough, and a declared length costs nothing.
    let mut connection = Connection::server(Limits::default());
    let mut header = *b"\x82\xFF\0\0\x01\0\0\0\0\0\0\0\0\0";
    assert_eq!(connection.recv(&mut &mut header[..]), Err(Violation::FrameTooBig));
}

#[test]
fn invalid_text_is_refused_within_a_frame() {
    let wire = wire(&[(0x81, b"\xCE\xBA\xF4\x90\x80\x80edited")]);
    let mut connection = Connection::server(Limits::default());
    let mut got = vec![];
    feed(&mut connection, &wire[..6 + 3], &mut got);
    assert_eq!(got, []);
    feed(&mut connection, &wire[6 + 3..6 + 4], &mut got);
    assert_eq!(got, [Got::Violation(Violation::InvalidUtf8)]);
}

#[test]
fn commands_after_our_close() {
    let mut connection = Connection::server(Limits::default());
    let mut out = vec![];
    assert_eq!(connection.close(None, "why", &mut out), Err(Misuse::ReasonWithoutCode));
    let long = "x".repeat(124);
    assert_eq!(
        connection.close(Some(CloseCode::NORMAL), &long, &mut out),
        Err(Misuse::ControlTooLong)
    );
    assert_eq!(connection.send_ping(&[0; 126], &mut out), Err(Misuse::ControlTooLong));
    assert_eq!(connection.send_fragment(Kind::Text, b"a", false, &mut out), Ok(()));
    assert_eq!(connection.send_text("b", &mut out), Err(Misuse::MessageInterrupted));
    assert_eq!(out, b"\x01\x01a");
    out.clear();

    assert_eq!(connection.close(Some(CloseCode::GOING_AWAY), "bye", &mut out), Ok(Due::Wait));
    assert_eq!(out, b"\x88\x05\x03\xE9bye");
    assert_eq!(connection.close(None, "", &mut out), Err(Misuse::CloseTwice));
    assert_eq!(connection.send_pong(b"", &mut out), Err(Misuse::AfterClose));
    assert_eq!(connection.send_fragment(Kind::Text, b"", true, &mut out), Err(Misuse::AfterClose));
    // The peer may still send until its own Close.
    let mut got = vec![];
    feed(&mut connection, &wire(&[(0x81, b"late"), (0x88, b"")]), &mut got);
    assert_eq!(got, [text("late"), close(None, "")]);
    assert_eq!(connection.closing(), Closing::Closed);
}

#[test]
fn a_violation_is_told_once() {
    let mut connection = Connection::server(Limits::default());
    let mut bytes = *b"\x81\x00";
    let violation = connection.recv(&mut &mut bytes[..]).expect_err("unmasked");
    let mut out = vec![];
    connection.fail(violation, &mut out);
    assert_eq!(out[..4], [0x88, out.len() as u8 - 2, 0x03, 0xEA]);
    assert_eq!(out[4..], *b"unmasked frame from a client (RFC 6455 \xC2\xA75.1)");
    let sent = out.len();
    connection.fail(violation, &mut out);
    assert_eq!(out.len(), sent);
    let mut got = vec![];
    feed(&mut connection, &wire(&[(0x81, b"more")]), &mut got);
    assert_eq!(got, []);
}

#[test]
fn the_newest_ping_is_the_one_answered() {
    let mut connection = Connection::server(Limits::default());
    let mut out = vec![];
    assert!(!connection.send_held_pong(&mut out));
    connection.hold_pong(b"first, and longer");
    connection.hold_pong(b"second");
    assert!(connection.send_held_pong(&mut out));
    assert!(!connection.send_held_pong(&mut out));
    assert_eq!(out, b"\x8A\x06second");
}

#[test]
fn a_client_masks_and_refuses_masked_frames() {
    let mut client = Connection::client(Limits::default(), || KEY);
    let mut out = vec![];
    client.send_text("hi", &mut out).expect("open");
    assert_eq!(recv(Limits::default(), &out), [text("hi")]);
    let mut got = vec![];
    feed(&mut client, b"\x81\x02ok", &mut got);
    feed(&mut client, &out, &mut got);
    assert_eq!(got, [text("ok"), Got::Violation(Violation::Masked)]);
}

#[test]
fn idle_means_nothing_half_received() {
    let mut connection = Connection::server(Limits::default());
    let wire = wire(&[(0x01, b"ab"), (0x80, b"cd")]);
    for at in 0..wire.len() {
        assert_eq!(connection.is_between_messages(), at == 0);
        feed(&mut connection, &wire[at..=at], &mut vec![]);
    }
    assert!(connection.is_between_messages());
}

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<Connection>();
    assert!(size <= 48, "{size} bytes");
}

#[test]
fn every_violation_fits_in_a_close_reason() {
    let all = [
        Violation::AfterClose,
        Violation::CloseCode(u16::MAX),
        Violation::CloseLength,
        Violation::ControlFragmented,
        Violation::ControlTooLong,
        Violation::Deflate,
        Violation::FrameTooBig,
        Violation::InflateRatio,
        Violation::InvalidUtf8,
        Violation::LengthNotMinimal,
        Violation::LengthTopBit,
        Violation::Masked,
        Violation::MessageInterrupted,
        Violation::MessageTooBig,
        Violation::NothingToContinue,
        Violation::Opcode(15),
        Violation::ReservedBit,
        Violation::TooManyFragments,
        Violation::Unmasked,
    ];
    for violation in all {
        let text: String = violation.to_string();
        assert!(text.len() <= 123 && text.contains("(RFC "), "{text}");
    }
}

#[test]
fn a_header_alone_begins_the_same_frame() {
    for (kind, len) in [(Kind::Text, 5), (Kind::Binary, 126), (Kind::Binary, 70_000)] {
        let payload = vec![b'x'; len];
        let mut connection = Connection::server(Limits::default());
        let (mut alone, mut whole) = (vec![], vec![]);
        assert_eq!(connection.send_header(kind, len, &mut alone), Ok(()));
        alone.extend_from_slice(&payload);
        frame::encode(kind.opcode(), true, None, &payload, &mut whole);
        assert_eq!(alone, whole);

        let mut out = vec![];
        connection.send_fragment(kind, b"", false, &mut out).expect("open");
        let between = connection.send_header(kind, len, &mut out);
        assert_eq!(between, Err(Misuse::MessageInterrupted));
        assert_eq!(out.len(), 2, "nothing but the fragment");
    }
    let mut out = vec![];
    let mut connection = Connection::server(Limits::default());
    connection.close(None, "", &mut out).map(drop).expect("open");
    assert_eq!(connection.send_header(Kind::Text, 1, &mut out), Err(Misuse::AfterClose));
    let client = Connection::client(Limits::default(), || KEY);
    assert_eq!(client.send_header(Kind::Text, 1, &mut out), Err(Misuse::HeaderAlone));
    assert_eq!(out.len(), 2, "nothing but the Close");
}
