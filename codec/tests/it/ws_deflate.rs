//! permessage-deflate: the table WSD of the known cases, and the numbered groups 12
//! and 13, with a client that calls the compression library by itself.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use seawall_codec::http::RequestParser;
use seawall_codec::ws::deflate::Options;
use seawall_codec::ws::handshake::Request;
use seawall_codec::ws::{Connection, Limits};

use crate::ws_echo::{Echo, Frame, fragments};

/// First bytes of compressed messages.
const TEXT: u8 = 0xC1;
const BINARY: u8 = 0xC2;

/// A client that negotiated what `offer` asks for, and the server that agreed.
struct Pair {
    server: Echo,
    /// Sec-WebSocket-Extensions of the response.
    agreed: String,
    deflate: Compress,
    inflate: Decompress,
}

impl Pair {
    fn new(offer: &str) -> Self {
        Self::with(offer, Options { min_len: 0, ..Options::default() })
    }

    fn with(offer: &str, options: Options) -> Self {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Extensions: {offer}\r\n\r\n"
        );
        let mut parser = RequestParser::default();
        let head = parser.parse(request.as_bytes()).expect("valid").expect("complete");
        let mut request = Request::new(&head).expect("right");
        let agreed = request.negotiate_deflate(&options).expect("acceptable");
        let mut connection = Connection::server(Limits::default());
        connection.set_deflate(agreed, options);

        let agreed = agreed.to_string();
        let bits = |name: &str| {
            let (_, rest) = agreed.split_once(name).unwrap_or(("", "=15"));
            rest[1..].split(';').next().and_then(|bits| bits.parse().ok()).expect("a number")
        };
        let client = bits("client_max_window_bits");
        let server = bits("server_max_window_bits");
        Self {
            server: Echo::with(connection),
            // Fast: what a client spends on compression is not what is tested here.
            deflate: Compress::new_with_window_bits(Compression::fast(), false, client),
            inflate: Decompress::new_with_window_bits(false, server),
            agreed,
        }
    }

    /// The payload that stands for `message`.
    fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if self.agreed.contains("client_no_context_takeover") {
            self.deflate.reset();
        }
        compress(&mut self.deflate, message, FlushCompress::Sync)
    }

    /// The message that the one frame in `frames` stands for.
    fn decompress(&mut self, frames: &[Frame]) -> (u8, Vec<u8>) {
        let [Frame(first, payload)] = frames else { panic!("one frame, not {frames:?}") };
        if first & 0x40 == 0 {
            return (*first, payload.clone());
        }
        if self.agreed.contains("server_no_context_takeover") {
            self.inflate.reset(false);
        }
        let input = [payload, &[0x00, 0x00, 0xFF, 0xFF][..]].concat();
        let mut message = Vec::with_capacity(1 << 20);
        let before = self.inflate.total_in();
        let status = self.inflate.decompress_vec(&input, &mut message, FlushDecompress::Sync);
        assert_eq!(status.expect("valid"), Status::Ok);
        assert_eq!(self.inflate.total_in() - before, input.len() as u64);
        (first & !0x40, message)
    }

    /// Sends `frames` and expects to get `message` back.
    #[track_caller]
    fn echoes(&mut self, frames: &[Frame], message: &[u8]) {
        for frame in frames {
            self.server.read(&frame.wire());
        }
        let replies = self.server.frames();
        let first = frames[0].0 & 0x0F | 0x80;
        assert!(self.decompress(&replies) == (first, message.to_vec()), "{replies:?}");
    }

    /// Sends `frames` and expects the connection to fail with `code`.
    #[track_caller]
    fn fails(mut self, frames: &[Frame], code: u16) {
        for frame in frames {
            self.server.read(&frame.wire());
        }
        let last = self.server.frames().pop().expect("a Close");
        assert_eq!((last.0, &last.1[..2]), (0x88, &code.to_be_bytes()[..]));
    }
}

fn compress(deflate: &mut Compress, message: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() * 2 + 100);
    deflate.compress_vec(message, &mut payload, flush).expect("room");
    if flush == FlushCompress::Sync {
        assert!(payload.ends_with(&[0x00, 0x00, 0xFF, 0xFF]));
        payload.truncate(payload.len() - 4);
    }
    payload
}

fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame(first, payload.as_ref().to_vec())
}

const PLAIN: &str = "permessage-deflate";

#[test]
fn wsd_01_02_reserved_bits() {
    for first in [0xC0, 0x40, 0xC8, 0xC9, 0xCA, 0xA1, 0x91, 0xE1] {
        Pair::new(PLAIN).fails(&[frame(0x01, "a"), frame(first, "")], 1002);
    }
    Pair::new(PLAIN).fails(&[frame(0xA1, "a")], 1002);
}

#[test]
fn wsd_03_compressed_or_not() {
    let mut pair = Pair::new(PLAIN);
    for i in 0..6 {
        let message = format!("message {i} message {i}");
        let compressed = pair.compress(message.as_bytes());
        pair.echoes(&[frame(TEXT, compressed)], message.as_bytes());
        pair.echoes(&[frame(0x81, &message)], message.as_bytes());
    }
}

#[test]
fn wsd_04_empty_messages() {
    let mut pair = Pair::new(PLAIN);
    for _ in 0..2 {
        for payload in [&[0x00][..], &[0x03, 0x00], &[0x02, 0x00]] {
            pair.echoes(&[frame(TEXT, payload)], b"");
            let message = b"and the stream goes on, and on";
            let compressed = pair.compress(message);
            pair.deflate.reset();
            pair.echoes(&[frame(TEXT, compressed)], message);
        }
    }
}

#[test]
fn wsd_05_blocks_of_every_kind() {
    let text = b"one two three one two three one two three".repeat(20);
    let mut pair = Pair::new(PLAIN);
    // The examples of RFC 7692 §7.2.3.
    pair.echoes(&[frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00")], b"Hello");
    pair.echoes(&[frame(TEXT, b"\xf2\x00\x11\x00\x00")], b"Hello"); // refers to the first
    pair.echoes(&[frame(TEXT, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")], b"Hello");
    pair.echoes(&[frame(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")], b"Hello"); // BFINAL
    pair.echoes(&[frame(TEXT, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")], b"Hello");
    // A dynamic block that ends the stream, and another stream behind it.
    let mut deflate = Compress::new(Compression::best(), false);
    let first = compress(&mut deflate, &text, FlushCompress::Finish);
    let mut deflate = Compress::new(Compression::none(), false);
    let second = compress(&mut deflate, b"stored", FlushCompress::Sync);
    let both = [&text[..], b"stored"].concat();
    pair.echoes(&[frame(TEXT, [first, second].concat())], &both);
    pair.echoes(&[frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00")], b"Hello");
}

#[test]
fn wsd_06_not_deflate_data() {
    let mut whole = Compress::new(Compression::best(), false);
    let text = b"some text that is long enough for a dynamic block? some text! ".repeat(9);
    let whole = compress(&mut whole, &text, FlushCompress::Sync);
    for payload in [
        &b""[..],
        b"\xff\xff\xff\xff",
        b"\x07",                         // block type 3
        b"\x02\x05",                     // a distance before the beginning
        b"\x00\x05\x00\xfa\x00Hello",    // a length that contradicts its complement
        b"\x00\x05\x00\xfa\xff\x48\x65", // a stored block cut short
        &whole[..whole.len() - 5],
        &whole[..whole.len() / 2],
    ] {
        for frames in [vec![frame(BINARY, payload)], fragments(BINARY, payload, 1)] {
            Pair::new(PLAIN).fails(&frames, 1007);
        }
    }
}

#[test]
fn wsd_07_fragments_and_control_frames_between() {
    let message = "compressed, then cut into frames of one byte ".repeat(3);
    let mut pair = Pair::new(PLAIN);
    for size in 1..9 {
        let compressed = pair.compress(message.as_bytes());
        pair.echoes(&fragments(TEXT, &compressed, size), message.as_bytes());
    }
    let compressed = pair.compress(message.as_bytes());
    pair.server.read(&frame(TEXT & 0x7F, &compressed[..3]).wire());
    pair.server.read(&frame(0x89, "?").wire());
    assert_eq!(pair.server.frames()[0].0, 0x8A);
    pair.server.read(&frame(0x00, "").wire());
    for byte in frame(0x80, &compressed[3..]).wire() {
        pair.server.read(&[byte]);
    }
    let replies = pair.server.frames();
    assert_eq!(pair.decompress(&replies), (0x81, message.into_bytes()));
}

#[test]
fn wsd_08_the_window_reaches_back_both_ways() {
    let message = text(1000);
    let mut pair = Pair::new(PLAIN);
    let mut sizes = vec![];
    for _ in 0..1000 {
        let compressed = pair.compress(&message);
        pair.server.read(&frame(TEXT, &compressed).wire());
        let replies = pair.server.frames();
        sizes.push((compressed.len(), replies[0].1.len()));
        assert_eq!(pair.decompress(&replies), (0x81, message.clone()));
    }
    assert!(sizes[0].0 > 300 && sizes[0].1 > 300, "{:?}", sizes[0]);
    assert!(sizes[1..].iter().all(|size| size.0 < 40 && size.1 < 40), "{:?}", sizes[1]);
}

#[test]
fn wsd_09_a_client_that_does_not_forget() {
    let mut pair = Pair::new("permessage-deflate; client_no_context_takeover");
    pair.echoes(&[frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00")], b"Hello");
    pair.fails(&[frame(TEXT, b"\xf2\x00\x11\x00\x00")], 1007);
}

#[test]
fn wsd_10_a_server_that_forgets() {
    let message = text(1000);
    let mut pair = Pair::new("permessage-deflate; server_no_context_takeover");
    for _ in 0..3 {
        let compressed = pair.compress(&message);
        pair.server.read(&frame(TEXT, compressed).wire());
        let replies = pair.server.frames();
        assert!(replies[0].1.len() > 300);
        assert_eq!(pair.decompress(&replies), (0x81, message.clone()));
    }
}

#[test]
fn wsd_11_windows() {
    // The second half repeats the first from afar, so that a window that is too
    // large would show.
    let noise = noise(40_000);
    let message = [&noise[..], &noise].concat();
    for bits in 9..=15 {
        let offer = format!(
            "permessage-deflate; server_max_window_bits={bits}; client_max_window_bits={bits}"
        );
        let mut pair = Pair::new(&offer);
        for len in [2, 600, 5000, message.len()] {
            let compressed = pair.compress(&message[..len]);
            pair.echoes(&[frame(BINARY, compressed)], &message[..len]);
        }
    }
}

#[test]
fn wsd_12_bombs() {
    let mut deflate = Compress::new(Compression::best(), false);
    let bomb = compress(&mut deflate, &vec![0; 8 << 20], FlushCompress::Sync);
    assert!(bomb.len() < 10_000);
    // By ratio, whole or in pieces.
    Pair::new(PLAIN).fails(&[frame(BINARY, &bomb)], 1009);
    Pair::new(PLAIN).fails(&fragments(BINARY, &bomb, 100), 1009);
    // By size, where the ratio is allowed.
    let options = Options { max_ratio: u32::MAX, ..Options::default() };
    let mut deflate = Compress::new(Compression::best(), false);
    let half = compress(&mut deflate, &vec![0; 9 << 20], FlushCompress::Sync);
    let again = compress(&mut deflate, &vec![0; 9 << 20], FlushCompress::Sync);
    let both = [&half[..], b"\x00\x00\xff\xff", &again].concat();
    Pair::with(PLAIN, options).fails(&[frame(BINARY, both)], 1009);
    // Up to the bound any ratio is right.
    let mut pair = Pair::new(PLAIN);
    let zeros = vec![0; 64 << 10];
    let compressed = pair.compress(&zeros);
    pair.echoes(&[frame(BINARY, compressed)], &zeros);
}

#[test]
fn wsd_13_text_that_is_seen_only_after_inflation() {
    let mut pair = Pair::new(PLAIN);
    let compressed = pair.compress(b"valid \xED\xA0\x80 not");
    Pair::new(PLAIN).fails(&[frame(TEXT, &compressed)], 1007);
    Pair::new(PLAIN).fails(&fragments(TEXT, &compressed, 1), 1007);
    let cut = pair.compress(b"ends within a code point \xE2\x82");
    Pair::new(PLAIN).fails(&[frame(TEXT, &cut)], 1007);
    Pair::new(PLAIN).echoes(&[frame(BINARY, &cut)], b"ends within a code point \xE2\x82");
}

#[test]
fn wsd_14_a_tail_that_was_not_left_out() {
    let mut pair = Pair::new(PLAIN);
    for _ in 0..3 {
        let mut compressed = pair.compress(b"with its tail");
        compressed.extend([0x00, 0x00, 0xFF, 0xFF]);
        pair.echoes(&[frame(TEXT, &compressed)], b"with its tail");
    }
}

#[test]
fn memory_given_back_does_not_disturb() {
    for offer in [PLAIN, "permessage-deflate; client_no_context_takeover"] {
        let mut pair = Pair::new(offer);
        let message = text(2000);
        for _ in 0..5 {
            let compressed = pair.compress(&message);
            pair.echoes(&[frame(TEXT, compressed)], &message);
            pair.server.shrink();
        }
        // In the middle of a message, too.
        let compressed = pair.compress(&message);
        let frames = fragments(TEXT, &compressed, 100);
        let (last, begin) = frames.split_last().expect("several");
        for frame in begin {
            pair.server.read(&frame.wire());
            pair.server.shrink();
        }
        pair.server.read(&last.wire());
        let replies = pair.server.frames();
        assert_eq!(pair.decompress(&replies), (0x81, message));
    }
}

#[test]
fn short_and_incompressible_messages_go_as_they_are() {
    let mut pair = Pair::with(PLAIN, Options { min_len: 100, ..Options::default() });
    for message in [vec![b'a'; 99], noise(5000)] {
        let compressed = pair.compress(&message);
        pair.server.read(&frame(BINARY, compressed).wire());
        let replies = pair.server.frames();
        assert_eq!(replies[0].0, 0x82);
        assert_eq!(replies[0].1, message);
    }
    // What was not sent compressed must not be referred to.
    let message = text(3000);
    for _ in 0..3 {
        let compressed = pair.compress(&message);
        pair.echoes(&[frame(BINARY, compressed)], &message);
    }
}

/// Bytes that no compressor gets hold of: a linear congruential generator.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_9ABC_DEF1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 40) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Words as in a JSON file: they compress to a fifth or so.
fn text(len: usize) -> Vec<u8> {
    let words =
        ["{\"id\":", "\"name\":\"", "\",\"value\":", "true", "null", "[", "],", "},\n", "0.5"];
    let mut text = Vec::with_capacity(len + 20);
    for byte in noise(len) {
        text.extend_from_slice(words[usize::from(byte) % words.len()].as_bytes());
        text.extend_from_slice(byte.to_string().as_bytes());
        if text.len() >= len {
            break;
        }
    }
    text.truncate(len);
    text
}

/// A slope with some noise on it, as in a photograph.
fn bitmap(len: usize) -> Vec<u8> {
    noise(len).into_iter().enumerate().map(|(i, noise)| (i / 512) as u8 ^ noise & 0x03).collect()
}

/// Text with an umlaut in every other word.
fn latin(len: usize) -> Vec<u8> {
    let words = ["über ", "die ", "schöne ", "Straße ", "geht ", "fünf ", "mal ", "wer "];
    let words = noise(len).into_iter().map(|byte| words[usize::from(byte) % 8]);
    words.collect::<String>().into_bytes()
}

/// Lengths and fragment sizes of the eighteen cases in each group.
const SIZES: [(usize, Option<usize>); 18] = [
    (16, None),
    (64, None),
    (256, None),
    (1024, None),
    (4096, None),
    (8192, None),
    (16384, None),
    (32768, None),
    (65536, None),
    (131_072, None),
    (8192, Some(256)),
    (16384, Some(256)),
    (32768, Some(256)),
    (65536, Some(256)),
    (131_072, Some(256)),
    (131_072, Some(1024)),
    (131_072, Some(4096)),
    (131_072, Some(32768)),
];

/// How many messages each case sends: as many as the numbered cases ask for where the
/// code is optimised, and few where they would take minutes.
const MESSAGES: usize = if cfg!(debug_assertions) { 3 } else { 1000 };

/// Sends a window that slides over `corpus`, so many times, and expects each back.
fn run_group(offer: &str, first: u8, corpus: &[u8]) {
    let twice = [corpus, corpus].concat();
    for (len, fragment) in SIZES {
        let mut pair = Pair::with(offer, Options::default());
        let mut start = 0;
        for _ in 0..MESSAGES {
            let mut message = twice[start..start + len].to_vec();
            if first == TEXT {
                // Whole code points.
                message = String::from_utf8_lossy(&message).into_owned().into_bytes();
            }
            start = (start + len) % corpus.len();
            let compressed = pair.compress(&message);
            let frames = match fragment {
                None => vec![frame(first, compressed)],
                Some(size) => fragments(first, &compressed, size),
            };
            pair.echoes(&frames, &message);
        }
    }
}

/// What the numbered cases offer.
const OFFER: &str = "permessage-deflate; client_no_context_takeover; client_max_window_bits";

/// A test for each row, so that they run side by side.
macro_rules! groups {
    ($($name:ident: $offer:expr, $first:expr, $corpus:expr;)*) => { $(
        #[test]
        fn $name() {
            run_group(&$offer, $first, &$corpus);
        }
    )* };
}

groups! {
    group_12_1_json: OFFER, TEXT, text(194_056);
    group_12_2_bitmap: OFFER, BINARY, bitmap(263_222);
    group_12_3_latin_as_binary: OFFER, BINARY, latin(30_000);
    group_12_4_latin: OFFER, TEXT, latin(30_000);
    group_12_5_noise: OFFER, BINARY, noise(300_000);
    group_13_1: with(""), TEXT, text(194_056);
    group_13_2: with("; server_no_context_takeover"), TEXT, text(194_056);
    group_13_3: with("; server_max_window_bits=9"), TEXT, text(194_056);
    group_13_4: with("; server_max_window_bits=15"), TEXT, text(194_056);
    group_13_5: with("; server_no_context_takeover; server_max_window_bits=9"), TEXT, text(194_056);
    group_13_6: with("; server_no_context_takeover; server_max_window_bits=15"), TEXT, text(194_056);
    group_13_7: alternatives(), TEXT, text(194_056);
}

fn with(params: &str) -> String {
    format!("{OFFER}{params}")
}

/// Three offers, the first of which is taken.
fn alternatives() -> String {
    let offers = [
        with("; server_no_context_takeover; server_max_window_bits=9"),
        with("; server_no_context_takeover"),
        with(""),
    ]
    .join(", ");
    let pair = Pair::new(&offers);
    assert!(pair.agreed.contains("server_max_window_bits=9"), "{}", pair.agreed);
    offers
}
