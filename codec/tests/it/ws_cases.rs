//! The numbered WebSocket cases of groups 1 to 10, against an echo server without a
//! socket. How the bytes are cut into reads is not part of a case here: each is
//! run in one piece, frame by frame, byte by byte, and cut in two at every point.

use crate::ws_echo::{Echo, Frame, Reply, fragments};

/// What must be the end of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Nothing is wrong: Close 1000 of the client is answered in kind.
    Open,
    /// The server answers the client's Close with this code.
    Closed(Option<u16>),
    /// The server fails the connection with this code.
    Failed(u16),
}

/// Runs one case in every cut that is affordable.
fn check(id: &str, frames: &[Frame], replies: &[Reply], end: End) {
    let by_frame: Vec<Vec<u8>> = frames.iter().map(Frame::wire).collect();
    let wire = by_frame.concat();
    run(id, [&wire[..]], replies, end);
    run(id, by_frame.iter().map(Vec::as_slice), replies, end);
    if wire.len() <= 70_000 {
        run(id, wire.chunks(1), replies, end);
        run(id, wire.chunks(997), replies, end);
    }
    if wire.len() <= 400 {
        for at in 1..wire.len() {
            run(id, [&wire[..at], &wire[at..]], replies, end);
        }
    }
}

fn run<'w>(id: &str, reads: impl IntoIterator<Item = &'w [u8]>, expected: &[Reply], end: End) {
    let mut echo = Echo::new();
    for read in reads {
        echo.read(read);
    }
    let mut replies = echo.replies();
    match end {
        End::Open => {
            assert!(!echo.disconnected, "{id}: {replies:?}");
            echo.read(&Frame(0x88, vec![0x03, 0xE8]).wire());
            assert_eq!(echo.replies(), [Reply::Close(Some(1000))], "{id}");
        }
        End::Closed(code) => assert_eq!(replies.pop(), Some(Reply::Close(code)), "{id}"),
        End::Failed(code) => assert_eq!(replies.pop(), Some(Reply::Close(Some(code))), "{id}"),
    }
    assert!(echo.disconnected, "{id}");
    assert!(replies == expected, "{id}: {replies:?}");
}

fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame(first, payload.as_ref().to_vec())
}

fn text(payload: impl AsRef<[u8]>) -> Reply {
    Reply::Text(payload.as_ref().to_vec())
}

fn pong(payload: impl AsRef<[u8]>) -> Reply {
    Reply::Pong(payload.as_ref().to_vec())
}

/// First bytes: FIN and opcode.
const T: u8 = 0x81;
const B: u8 = 0x82;
const C: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
/// Clears FIN in one of the above.
const MORE: u8 = 0x7F;

const HELLO: &str = "Hello, world!";
const BYTES: [u8; 8] = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];

#[test]
fn group_1_framing() {
    for (i, len) in [0, 125, 126, 127, 128, 65535, 65536].into_iter().enumerate() {
        let payload = vec![b'*'; len];
        check(&format!("1.1.{}", i + 1), &[frame(T, &payload)], &[text(&payload)], End::Open);
        let payload = vec![0xFE; len];
        let echo = [Reply::Binary(payload.clone())];
        check(&format!("1.2.{}", i + 1), &[frame(B, &payload)], &echo, End::Open);
    }
}

#[test]
fn group_2_ping_and_pong() {
    for (id, payload) in
        [("2.1", &b""[..]), ("2.2", HELLO.as_bytes()), ("2.3", &BYTES), ("2.4", &[0xFE; 125])]
    {
        check(id, &[frame(PING, payload)], &[pong(payload)], End::Open);
    }
    check("2.5", &[frame(PING, [0xFE; 126])], &[], End::Failed(1002));
    let close = frame(CLOSE, [0x03, 0xE8]);
    check("2.7", &[frame(PONG, ""), close.clone()], &[], End::Closed(Some(1000)));
    check("2.8", &[frame(PONG, "unsolicited"), close], &[], End::Closed(Some(1000)));
    let frames = [frame(PONG, "unsolicited"), frame(PING, "ping payload")];
    check("2.9", &frames, &[pong("ping payload")], End::Open);
    let payloads: Vec<String> = (0..10).map(|i| format!("payload-{i}")).collect();
    let pings: Vec<Frame> = payloads.iter().map(|payload| frame(PING, payload)).collect();
    let pongs: Vec<Reply> = payloads.iter().map(pong).collect();
    check("2.10", &pings, &pongs, End::Open);
}

#[test]
fn group_3_reserved_bits() {
    for rsv in 1..8u8 {
        for first in [T, B, C, CLOSE, PING, PONG] {
            let frames = [frame(T, HELLO), frame(first | rsv << 4, HELLO), frame(PING, "")];
            let id = format!("3, reserved bits {rsv}, first byte {first:#x}");
            check(&id, &frames, &[text(HELLO)], End::Failed(1002));
        }
    }
}

#[test]
fn group_4_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15u8] {
        for payload in ["", "reserved opcode payload"] {
            for fin in [0x80, 0x00] {
                let frames = [frame(T, HELLO), frame(fin | opcode, payload), frame(PING, "")];
                check(&format!("4, opcode {opcode}"), &frames, &[text(HELLO)], End::Failed(1002));
            }
        }
    }
}

#[test]
fn group_5_fragments() {
    let (f1, f2) = ("fragment1", "fragment2");
    let both = text("fragment1fragment2");
    let failed = End::Failed(1002);
    check("5.1", &[frame(PING & MORE, f1), frame(C, f2)], &[], failed);
    check("5.2", &[frame(PONG & MORE, f1), frame(C, f2)], &[], failed);
    check("5.3", &[frame(T & MORE, f1), frame(C, f2)], std::slice::from_ref(&both), End::Open);
    let frames = [frame(T & MORE, f1), frame(PING, "ping payload"), frame(C, f2)];
    check("5.6", &frames, &[pong("ping payload"), both.clone()], End::Open);
    check("5.9", &[frame(C, "non-continuation payload"), frame(T, HELLO)], &[], failed);
    check("5.12", &[frame(C & MORE, "non-continuation payload"), frame(T, HELLO)], &[], failed);
    let frames = [frame(T & MORE, f1), frame(C, f2), frame(C & MORE, "f3"), frame(T, "f4")];
    check("5.15", &frames, &[both], failed);
    let twice = [frame(C & MORE, f1), frame(T & MORE, f2), frame(C, "f3")];
    check("5.16", &[twice.clone(), twice].concat(), &[], failed);
    let twice = [frame(C, f1), frame(T & MORE, f2), frame(C, "f3")];
    check("5.17", &[twice.clone(), twice].concat(), &[], failed);
    check("5.18", &[frame(T & MORE, f1), frame(T, f2)], &[], failed);
    let frames = [
        frame(T & MORE, f1),
        frame(C & MORE, f2),
        frame(PING, "pongme 1!"),
        frame(C & MORE, "fragment3"),
        frame(C & MORE, "fragment4"),
        frame(PING, "pongme 2!"),
        frame(C, "fragment5"),
    ];
    let replies = [
        pong("pongme 1!"),
        pong("pongme 2!"),
        text("fragment1fragment2fragment3fragment4fragment5"),
    ];
    check("5.19", &frames, &replies, End::Open);
}

/// A Greek word of eleven bytes.
const WORD: &[u8] = "κ\u{1f79}σμε".as_bytes();

#[test]
fn group_6_text_by_hand() {
    check("6.1.1", &[frame(T, "")], &[text("")], End::Open);
    let empty = [frame(T & MORE, ""), frame(C & MORE, ""), frame(C, "")];
    check("6.1.2", &empty, &[text("")], End::Open);
    let middle = [frame(T & MORE, ""), frame(C & MORE, "middle frame payload"), frame(C, "")];
    check("6.1.3", &middle, &[text("middle frame payload")], End::Open);
    let umlauts = "Hello-µ@ßöäüàá-UTF-8!!";
    assert_eq!(umlauts.len(), 29);
    for size in 1..=29 {
        let frames = fragments(T, umlauts.as_bytes(), size);
        check("6.2.1 to 6.2.3", &frames, &[text(umlauts)], End::Open);
    }
    check("6.2.4", &fragments(T, WORD, 1), &[text(WORD)], End::Open);
    let surrogate = [WORD, b"\xED\xA0\x80edited"].concat();
    check("6.3.1", &[frame(T, &surrogate)], &[], End::Failed(1007));
    check("6.3.2", &fragments(T, &surrogate, 1), &[], End::Failed(1007));
}

/// Beyond the last code point at its second byte, index 12 of the payload.
const BEYOND: &[u8] = b"\xF4\x90\x80\x80";

#[test]
fn group_6_fails_at_the_first_bad_byte() {
    let payload = [WORD, BEYOND, b"edited"].concat();
    // In fragments, cut before and at the bad byte: 6.4.1 and 6.4.2.
    for (id, cuts) in [("6.4.1", [11, 15]), ("6.4.2", [12, 13])] {
        let mut echo = Echo::new();
        echo.read(&frame(T & MORE, &payload[..cuts[0]]).wire());
        assert_eq!(echo.replies(), [], "{id}");
        echo.read(&frame(C & MORE, &payload[cuts[0]..cuts[1]]).wire());
        assert_eq!(echo.replies(), [Reply::Close(Some(1007))], "{id}");
    }
    // Within one frame, byte by byte: 6.4.3 and 6.4.4.
    let mut echo = Echo::new();
    for (i, byte) in frame(T & MORE, &payload).wire().chunks(1).enumerate() {
        echo.read(byte);
        assert_eq!(echo.disconnected, i >= 6 + 12, "6.4.4: byte {i} of the frame");
    }
    assert_eq!(echo.replies(), [Reply::Close(Some(1007))]);
}

#[test]
fn group_6_vectors() {
    let vectors = include_str!("../data/utf8.txt");
    let mut count = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [id, verdict, hex] = *line.split(' ').collect::<Vec<_>>() else {
            panic!("malformed line {line:?}");
        };
        let payload: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
            .collect();
        let valid = verdict == "V";
        assert_eq!(std::str::from_utf8(&payload).is_ok(), valid, "{id}");
        let (replies, end) = match valid {
            true => (vec![text(&payload)], End::Open),
            false => (vec![], End::Failed(1007)),
        };
        check(id, &[frame(T, &payload)], &replies, end);
        check(id, &fragments(T, &payload, 1), &replies, end);
        count += 1;
    }
    assert_eq!(count, 132);
}

#[test]
fn group_7_close() {
    let close = |code: u16, reason: &[u8]| frame(CLOSE, [&code.to_be_bytes(), reason].concat());
    let normal = End::Closed(Some(1000));
    check("7.1.1", &[frame(T, "Hello World!")], &[text("Hello World!")], End::Open);
    check("7.1.2", &[close(1000, b""), frame(CLOSE, "")], &[], normal);
    check("7.1.3", &[close(1000, b""), frame(PING, "")], &[], normal);
    check("7.1.4", &[close(1000, b""), frame(T, "Hello World!")], &[], normal);
    let frames = [frame(T & MORE, "fragment1"), close(1000, b""), frame(C, "fragment2")];
    check("7.1.5", &frames, &[], normal);
    let long = "BAsd7&jh23".repeat(26_215)[..262_144].to_string();
    let frames = [frame(T, &long), frame(T, "Hello World!"), close(1000, b""), frame(PING, "")];
    check("7.1.6", &frames, &[text(&long), text("Hello World!")], normal);

    check("7.3.1", &[frame(CLOSE, "")], &[], End::Closed(None));
    check("7.3.2", &[frame(CLOSE, "a")], &[], End::Failed(1002));
    check("7.3.3", &[close(1000, b"")], &[], normal);
    check("7.3.4", &[close(1000, b"Hello World!")], &[], normal);
    check("7.3.5", &[close(1000, &[b'*'; 123])], &[], normal);
    check("7.3.6", &[close(1000, &[b'*'; 124])], &[], End::Failed(1002));
    let reason = [WORD, b"\xED\xA0\x80edited"].concat();
    check("7.5.1", &[close(1000, &reason)], &[], End::Failed(1007));

    for code in 0..=5100u16 {
        let legal = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let end = if legal { End::Closed(Some(code)) } else { End::Failed(1002) };
        run(&format!("7.7 to 7.13, code {code}"), [&close(code, b"").wire()[..]], &[], end);
    }
    run("7.13.2", [&close(65535, b"").wire()[..]], &[], End::Failed(1002));
}

#[test]
fn group_9_sizes() {
    let text_of = |len: usize| "BAsd7&jh23".repeat(len / 10 + 1).into_bytes()[..len].to_vec();
    let binary_of = |len: usize| [0, 0xFE, 0x23, 0xFA, 0xF0].repeat(len / 5 + 1)[..len].to_vec();
    let both = |id: &str, mut wire: Vec<u8>, read: usize, payload: &[u8]| {
        run(id, wire.chunks(read), &[text(payload)], End::Open);
        wire[0] ^= T ^ B;
        run(id, wire.chunks(read), &[Reply::Binary(payload.to_vec())], End::Open);
    };
    for kib in [64, 256, 1024, 4096, 8192, 16384] {
        let payload = text_of(kib << 10);
        let wire = frame(T, &payload).wire();
        run(&format!("9.1, {kib} KiB"), wire.chunks(64 << 10), &[text(&payload)], End::Open);
        let payload = binary_of(kib << 10);
        let wire = frame(B, &payload).wire();
        run(&format!("9.2, {kib} KiB"), [&wire[..]], &[Reply::Binary(payload)], End::Open);
    }
    let payload = vec![b'*'; 4 << 20];
    for size in [64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304] {
        let wire: Vec<u8> =
            fragments(T, &payload, size).iter().map(Frame::wire).collect::<Vec<_>>().concat();
        both(&format!("9.3 and 9.4, {size}"), wire, 64 << 10, &payload);
    }
    let payload = text_of(1 << 20);
    for chop in [64, 128, 256, 512, 1024, 2048] {
        both(&format!("9.5 and 9.6, {chop}"), frame(T, &payload).wire(), chop, &payload);
    }
}

#[test]
fn group_9_a_thousand_messages_one_after_the_other() {
    for len in [0, 16, 64, 256, 1024, 4096] {
        for first in [T, B] {
            let mut echo = Echo::new();
            let payload = vec![b'*'; len];
            let wire = frame(first, &payload).wire();
            let reply = match first {
                T => text(&payload),
                _ => Reply::Binary(payload),
            };
            for _ in 0..1000 {
                echo.read(&wire);
                assert_eq!(echo.replies(), std::slice::from_ref(&reply), "9.7 and 9.8, {len}");
            }
        }
    }
}

#[test]
fn group_10_automatic_fragments() {
    let payload = vec![b'*'; 65536];
    let frames = fragments(T, &payload, 1300);
    assert_eq!(frames.len(), 51);
    check("10.1.1", &frames, &[text(&payload)], End::Open);
}
