//! The client calls the compression library by itself; of our own code it knows nothing.

use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status};
use seawall_ws_server::{Compression, Limits};

use crate::client::{BINARY, CLOSE, Client, Frame, PING, PONG, TEXT, frame, handshake_with};
use crate::{Fixture, PATIENCE};

/// RSV1: the message that this frame begins is compressed.
const COMPRESSED: u8 = 0x40;

/// What a sender leaves out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

fn serving(compression: Compression) -> Fixture {
    Fixture::with(|route| route.compression(compression))
}

fn with_context() -> Compression {
    Compression { server_context: true, client_context: true, ..Compression::default() }
}

/// A connection, and both ends of the client's compression.
struct Pair {
    client: Client,
    agreed: String,
    deflate: Compress,
    inflate: Decompress,
}

/// The Sec-WebSocket-Extensions that answers `fields`; none is empty.
fn negotiate(fixture: &Fixture, fields: &str) -> (Client, String) {
    let mut client = Client::connect(fixture.address());
    let head = client.send(handshake_with("/", fields)).head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{fields}: {head}");
    let answers: Vec<_> =
        head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).collect();
    assert!(answers.len() <= 1, "{head}");
    (client, answers.concat())
}

impl Pair {
    fn open(fixture: &Fixture, params: &str) -> Self {
        let offer = format!("Sec-WebSocket-Extensions: permessage-deflate{params}\r\n");
        let (client, agreed) = negotiate(fixture, &offer);
        let bits = |name: &str| match agreed.split_once(&format!("{name}_max_window_bits=")) {
            Some((_, rest)) => rest.split(';').next().unwrap().parse().unwrap(),
            None => 15,
        };
        let (ours, theirs) = (bits("client"), bits("server"));
        assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
        Self {
            client,
            deflate: Compress::new_with_window_bits(Level::default(), false, ours),
            inflate: Decompress::new_with_window_bits(false, theirs),
            agreed,
        }
    }

    /// The payload that stands for `message`.
    fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if self.agreed.contains("client_no_context_takeover") {
            self.deflate.reset();
        }
        let start = self.deflate.total_in();
        let mut out = Vec::with_capacity(message.len() + 64);
        loop {
            let read = (self.deflate.total_in() - start) as usize;
            self.deflate.compress_vec(&message[read..], &mut out, FlushCompress::Sync).unwrap();
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(4096);
        }
        if out.is_empty() {
            return vec![0]; // an empty stored block, but for its tail (§7.2.3.6)
        }
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        out
    }

    /// The message that a frame stands for, and whether it was compressed.
    fn decompress(&mut self, came: &Frame) -> (Vec<u8>, bool) {
        if came.first & COMPRESSED == 0 {
            return (came.payload.clone(), false);
        }
        if self.agreed.contains("server_no_context_takeover") {
            self.inflate.reset(false);
        }
        let input = [&came.payload[..], &TAIL].concat();
        let start = self.inflate.total_in();
        let mut out = Vec::with_capacity(64 * 1024);
        loop {
            let read = (self.inflate.total_in() - start) as usize;
            let status =
                self.inflate.decompress_vec(&input[read..], &mut out, FlushDecompress::Sync);
            assert_ne!(status.unwrap(), Status::StreamEnd);
            if read == input.len() && out.len() < out.capacity() {
                return (out, true);
            }
            out.reserve(64 * 1024);
        }
    }

    /// Sends a message in compressed form, and gives how the echo came: how long, and whether
    /// it was compressed.
    #[track_caller]
    fn echo(&mut self, kind: u8, message: &[u8]) -> (usize, bool) {
        let payload = self.compress(message);
        self.client.send(frame(kind | COMPRESSED, payload));
        self.expect(kind, message)
    }

    #[track_caller]
    fn expect(&mut self, kind: u8, message: &[u8]) -> (usize, bool) {
        let came = self.client.frame();
        assert_eq!(came.first & !COMPRESSED, kind, "{came:?}");
        let (echo, compressed) = self.decompress(&came);
        assert!(echo == message, "{} octets for {}", echo.len(), message.len());
        (came.payload.len(), compressed)
    }
}

/// Text that compresses as text does.
fn text(len: usize) -> Vec<u8> {
    let mut text = String::new();
    let mut n = 1_u32;
    while text.len() < len {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text += &format!("{{\"id\":{},\"name\":\"item {}\"}},", n >> 8, n % 97);
    }
    text.truncate(len);
    text.into_bytes()
}

/// Octets that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut n = 1_u32;
    let mut next = || {
        n ^= n << 13;
        n ^= n >> 17;
        n ^= n << 5;
        n.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn what_is_offered_is_agreed_on_by_the_rules() {
    let frugal = serving(Compression::default());
    let context = serving(with_context());
    let small =
        serving(Compression { server_window_bits: 10, client_window_bits: 11, ..with_context() });
    let none = "; server_no_context_takeover; client_no_context_takeover";
    for (fixture, params, agreed) in [
        (&frugal, "", none),
        (&frugal, "; client_max_window_bits", none),
        (&context, "", ""),
        (
            &context,
            "; client_no_context_takeover; client_max_window_bits",
            "; client_no_context_takeover",
        ),
        (&context, "; server_no_context_takeover", "; server_no_context_takeover"),
        (&context, "; server_max_window_bits=9", "; server_max_window_bits=9"),
        (&context, "; server_max_window_bits=15", "; server_max_window_bits=15"),
        (&context, "; client_max_window_bits=12", "; client_max_window_bits=12"),
        (&small, "", "; server_max_window_bits=10"),
        (
            &small,
            "; server_max_window_bits=12; client_max_window_bits",
            "; server_max_window_bits=10; client_max_window_bits=11",
        ),
    ] {
        let offer = format!("Sec-WebSocket-Extensions: permessage-deflate{params}\r\n");
        let (_, answer) = negotiate(fixture, &offer);
        assert_eq!(answer, format!("permessage-deflate{agreed}"), "{params}");
    }
}

#[test]
fn what_cannot_be_agreed_on_is_declined() {
    let fixture = serving(with_context());
    for params in [
        "unknown",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=08",
        "server_max_window_bits",
        "server_max_window_bits=8",
        "server_no_context_takeover=1",
    ] {
        let bad = format!("Sec-WebSocket-Extensions: permessage-deflate; {params}\r\n");
        let (mut client, answer) = negotiate(&fixture, &bad);
        assert_eq!(answer, "", "{params}");
        client.send(frame(TEXT, text(1000))).expect(TEXT, text(1000));
    }
    // What does not even follow the grammar is no handshake.
    let malformed = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\r\n";
    let mut client = Client::connect(fixture.address());
    let head = client.send(handshake_with("/", malformed)).head();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    // The first that can be accepted is, in the client's order, also over several lines.
    let offers = "Sec-WebSocket-Extensions: x-other, permessage-deflate; bad\r\n\
                  sec-websocket-extensions: permessage-deflate; server_max_window_bits=9, \
                  permessage-deflate\r\n";
    let (_, answer) = negotiate(&fixture, offers);
    assert_eq!(answer, "permessage-deflate; server_max_window_bits=9");
    // Nothing that nobody asked for.
    assert_eq!(negotiate(&fixture, "").1, "");
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    assert_eq!(negotiate(&Fixture::new(), offer).1, "", "off by default");
}

#[test]
fn messages_of_every_length_come_back_whatever_was_agreed() {
    let fixtures = [serving(Compression::default()), serving(with_context())];
    for fixture in &fixtures {
        for params in [
            "",
            "; client_no_context_takeover",
            "; server_no_context_takeover; client_max_window_bits",
            "; server_max_window_bits=9; client_max_window_bits=9",
        ] {
            let mut pair = Pair::open(fixture, params);
            for len in [0, 1, 16, 255, 256, 1024, 8192, 65_535, 65_536, 300_000] {
                let (sent, compressed) = pair.echo(TEXT, &text(len));
                assert_eq!(compressed, len >= 256, "{params}: {len}");
                assert!(sent <= len, "{params}: {len}");
                let (_, compressed) = pair.echo(BINARY, &noise(len));
                assert!(!compressed, "noise only grows");
                // Uncompressed messages pass between them, and belong to no context.
                pair.client.send(frame(TEXT, text(len)));
                pair.expect(TEXT, &text(len));
            }
        }
    }
}

#[test]
fn a_context_refers_to_earlier_messages_and_no_context_does_not() {
    let message = noise(2000); // nothing in it to refer to but itself
    let compression = Compression { threshold: 0, ..with_context() };
    for (params, remembers) in [("", true), ("; server_no_context_takeover", false)] {
        let fixture = serving(compression.clone());
        let mut pair = Pair::open(&fixture, params);
        let doubled = [&message[..], &message].concat();
        let (first, _) = pair.echo(BINARY, &doubled);
        for _ in 0..100 {
            let (sent, compressed) = pair.echo(BINARY, &doubled);
            assert!(compressed);
            assert_eq!(sent < first / 10, remembers, "{first}, then {sent}");
        }
    }
    // The client's context is used too, and what it promised to forget is forgotten.
    let fixture = serving(with_context());
    let mut pair = Pair::open(&fixture, "");
    let first = pair.compress(&message).len();
    pair.deflate.reset();
    pair.echo(BINARY, &message);
    let again = pair.compress(&message);
    assert!(again.len() < first / 10);
    pair.client.send(frame(BINARY | COMPRESSED, again));
    pair.expect(BINARY, &message);

    let fixture = serving(Compression::default());
    let mut pair = Pair::open(&fixture, "");
    pair.echo(BINARY, &message);
    pair.agreed.clear(); // it does not keep its word
    let again = pair.compress(&message);
    pair.client.send(frame(BINARY | COMPRESSED, again)).expect_close(1007);
}

#[test]
fn fragments_of_one_octet_with_pings_between_them_are_one_message() {
    let fixture = serving(with_context());
    let mut pair = Pair::open(&fixture, "");
    for _ in 0..3 {
        let payload = pair.compress(&text(500));
        pair.client.send(frame(0x01 | COMPRESSED, "")).send(frame(PING, "0")).expect(PONG, "0");
        for octet in &payload {
            pair.client.send(frame(0x00, [*octet]));
        }
        pair.client.send(frame(PING, "1")).send(frame(0x80, "")).expect(PONG, "1");
        pair.expect(TEXT, &text(500));
    }
}

#[test]
fn many_senders_share_one_context() {
    let fixture = serving(with_context());
    let mut pair = Pair::open(&fixture, "");
    let Ok(crate::Told::Open(_, sender)) = fixture.told.recv_timeout(PATIENCE) else { panic!() };
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for n in 0..200 {
                    let message = format!("{thread} {n:>4} {}", "lorem ipsum ".repeat(n % 50));
                    futures_lite::future::block_on(sender.send(&*message)).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; 4];
    for _ in 0..800 {
        let came = pair.client.frame();
        let (message, _) = pair.decompress(&came);
        let message = String::from_utf8(message).unwrap();
        let mut words = message.split_whitespace();
        let thread: usize = words.next().unwrap().parse().unwrap();
        assert_eq!(words.next().unwrap().parse(), Ok(next[thread]), "in order");
        assert!(words.all(|word| word == "lorem" || word == "ipsum"), "{message}");
        next[thread] += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Each is sent behind a message that must still come back.
#[test]
fn violations_close_with_their_code() {
    let limits = Limits { message: 2 << 20, ..Limits::default() };
    let fixture = Fixture::with(|route| route.compression(with_context()).limits(limits));
    let mut helper = Pair::open(&fixture, "");
    let mut compressed = |message: &[u8]| {
        helper.deflate.reset();
        helper.compress(message)
    };
    let bomb = compressed(&vec![0; 16 << 20]);
    let too_long = compressed(&text(3 << 20));
    let not_utf8 = compressed(&[&text(300)[..], &[0xC0, 0xAF]].concat());
    let hello = compressed(b"hello");
    let cut_short = &compressed(&text(300))[..100];
    let (half, other_half) = not_utf8.split_at(not_utf8.len() / 2);
    let (text_, more) = (TEXT | COMPRESSED, 0x00);
    let first = 0x01 | COMPRESSED;
    let table = [
        (
            "RSV1 on a continuation",
            [frame(first, ""), frame(0x80 | COMPRESSED, &hello)].concat(),
            1002,
        ),
        ("RSV1 on a Ping", frame(PING | COMPRESSED, "x"), 1002),
        ("RSV1 on a Pong", frame(PONG | COMPRESSED, "x"), 1002),
        ("RSV1 on a Close", frame(CLOSE | COMPRESSED, [0x03, 0xE8]), 1002),
        ("RSV2", frame(TEXT | 0x20, &hello), 1002),
        ("RSV3", frame(text_ | 0x10, &hello), 1002),
        ("a block of type 3", frame(text_, [0x07, 0xFF]), 1007),
        ("octets at random", frame(text_, noise(500)), 1007),
        ("cut short", frame(text_, cut_short), 1007),
        ("no payload at all", frame(text_, ""), 1007),
        ("a bomb", frame(text_, &bomb), 1009),
        ("a message too big", frame(text_, &too_long), 1009),
        ("not UTF-8", frame(text_, &not_utf8), 1007),
        ("not UTF-8, in fragments", [frame(first, half), frame(more, other_half)].concat(), 1007),
    ];
    for (fault, octets, code) in table {
        let mut pair = Pair::open(&fixture, "");
        let before = frame(TEXT, "before");
        pair.client.send([before, octets].concat());
        pair.client.expect(TEXT, "before");
        pair.client.expect_close(code);
        assert!(pair.client.is_closed(), "{fault}");
    }
    // Declined, so the bit has no meaning.
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; bad\r\n";
    let (mut client, _) = negotiate(&fixture, offer);
    client.send(frame(text_, hello)).expect_close(1002);
}

#[test]
fn the_ratio_and_the_threshold_are_the_routes() {
    let generous = Compression { max_ratio: 2000, threshold: 10_000, ..Compression::default() };
    let fixture = serving(generous);
    let mut pair = Pair::open(&fixture, "");
    let (_, compressed) = pair.echo(TEXT, &[b'*'; 9999]);
    assert!(!compressed, "below the threshold");
    let (_, compressed) = pair.echo(TEXT, &vec![b'*'; 1 << 20]);
    assert!(compressed);
}

/// Who agreed on the same gets the same compressed frame; others get theirs, or the plain one.
#[test]
fn a_broadcast_is_compressed_once_for_each_agreement() {
    let message = "a message of some length. ".repeat(100);
    for (compression, compressed) in [(Compression::default(), true), (with_context(), false)] {
        let fixture = serving(compression);
        let group = seawall_ws_server::Group::new();
        let mut frames = Vec::new();
        let mut pairs = Vec::new();
        for params in ["", "", "; server_max_window_bits=10"] {
            pairs.push(Pair::open(&fixture, params));
            let Ok(crate::Told::Open(_, sender)) = fixture.told.recv_timeout(PATIENCE) else {
                panic!("not told");
            };
            group.join(&sender);
        }
        let (mut plain, sender) = fixture.open();
        group.join(&sender);
        assert_eq!(group.broadcast(&*message).sent, 4);
        plain.expect(TEXT, &message);
        for pair in &mut pairs {
            let frame = pair.client.frame();
            assert_eq!(frame.first & COMPRESSED != 0, compressed);
            frames.push(frame);
        }
        assert_eq!(frames[0], frames[1]);
        if !compressed {
            assert_eq!(frames[0].payload, message.as_bytes());
        }
    }
}
