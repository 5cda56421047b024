//! What is allocated, counted: nothing for the usual message, and otherwise no more
//! than a small multiple of the bytes that arrived.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use seawall_codec::http::{
    Body, BodyFraming, Content, Limits as HttpLimits, RequestParser, ResponseWriter, Status,
    chunked,
};
use seawall_codec::ws::{self, Connection, Event, Opcode, frame};

thread_local! {
    /// Allocations by this thread, and the bytes it holds now and held at most.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(allocations: usize, bytes: isize) {
    // A thread that ends frees after its cells are gone; that is of no interest.
    let _ = COUNT.try_with(|count| count.set(count.get() + allocations));
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `work`: how often it allocated, and how many bytes more than before it held
/// at most.
fn measure<T>(work: impl FnOnce() -> T) -> (usize, isize) {
    let (count, held) = (COUNT.get(), HELD.get());
    PEAK.set(held);
    let kept = work();
    let measured = (COUNT.get() - count, PEAK.get() - held);
    drop(kept);
    measured
}

const KEY: [u8; 4] = [1, 2, 3, 4];

#[test]
fn the_allocator_counts() {
    assert_eq!(measure(|| vec![0u8; 1000]), (1, 1000));
    assert_eq!(measure(|| ()), (0, 0));
}

#[test]
fn a_message_that_lies_whole_in_the_buffer_costs_nothing() {
    let mut connection = Connection::server(ws::Limits::default());
    let mut out = Vec::with_capacity(1 << 20);
    for len in [0, 20, 125, 126, 65_536] {
        let mut wire = vec![];
        frame::encode(Opcode::Text, true, Some(KEY), &vec![b'a'; len], &mut wire);
        frame::encode(Opcode::Binary, true, Some(KEY), &vec![b'a'; len], &mut wire);
        frame::encode(Opcode::Ping, true, Some(KEY), b"ping", &mut wire);
        let (allocations, _) = measure(|| {
            let mut input = &mut wire[..];
            while let Some(event) = connection.recv(&mut input).expect("valid") {
                match event {
                    Event::Text(text) => connection.send_text(&text, &mut out),
                    Event::Binary(bytes) => connection.send_binary(&bytes, &mut out),
                    Event::Ping(payload) => connection.send_pong(&payload, &mut out),
                    other => panic!("{other:?}"),
                }
                .expect("open");
            }
        });
        assert_eq!(allocations, 0, "{len} bytes");
    }
}

/// Bytes that a connection needs while a frame or a message is half received, besides its content.
const HALF_RECEIVED: isize = 200;

#[test]
fn a_declared_length_costs_nothing() {
    let mut connection = Connection::server(ws::Limits::default());
    let mut wire = *b"\x82\xFF\0\0\0\0\x01\0\0\0\x01\x02\x03\x04abc"; // 16 MiB
    let (_, peak) = measure(|| connection.recv(&mut &mut wire[..]));
    assert!(peak < HALF_RECEIVED, "{peak} bytes for 3 that arrived");
}

#[test]
fn a_message_in_pieces_costs_what_arrived() {
    let payload = vec![b'a'; 1 << 20];
    for opcode in [Opcode::Text, Opcode::Binary] {
        let mut wire = vec![];
        frame::encode(opcode, true, Some(KEY), &payload, &mut wire);
        let mut connection = Connection::server(ws::Limits::default());
        let mut arrived = 0;
        for piece in wire.chunks_mut(4096) {
            arrived += piece.len();
            let held = HELD.get();
            let event = connection.recv(&mut &mut piece[..]).expect("valid");
            drop(event);
            let grown = HELD.get() - held;
            assert!(grown <= arrived as isize + 4096, "{grown} bytes at {arrived}");
        }
        assert!(connection.is_between_messages());
    }
}

#[test]
fn an_idle_connection_holds_nothing() {
    let (_, held) = measure(|| {
        let mut connection = Connection::server(ws::Limits::default());
        let mut wire = *b"\x01\x83\0\0\0\0abc\x80\x83\0\0\0\0def";
        let before = HELD.get();
        let mut input = &mut wire[..];
        while let Some(event) = connection.recv(&mut input).expect("valid") {
            drop(event);
        }
        assert_eq!(HELD.get(), before);
        connection
    });
    assert!(held < HALF_RECEIVED, "{held} bytes");
}

#[test]
fn heads_and_content_cost_nothing_once_the_parser_is_warm() {
    let request = b"POST /a?b HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    let mut content = vec![];
    chunked::encode(b"hello", &mut content);
    chunked::end(&mut content);
    let mut parser = RequestParser::new(HttpLimits::default());
    assert!(parser.parse(request).expect("valid").is_some());
    let mut out = Vec::with_capacity(4096);
    let (allocations, _) = measure(|| {
        for _ in 0..3 {
            let head = parser.parse(request).expect("valid").expect("complete");
            assert_eq!(head.fields().count(), 5);
            assert_eq!(head.framing(), BodyFraming::Chunked);
            let mut body =
                Body::new(head.framing(), 100, &HttpLimits::default()).expect("no length");
            let mut input = &content[..];
            while let Some(Content::Data(data)) = body.recv(&mut input).expect("valid") {
                assert_eq!(data, b"hello");
            }
            let mut head = ResponseWriter::new(Status::NOT_FOUND, &mut out);
            head.field("Server", "seawall").expect("legal");
            head.content_length(0).expect("once");
            head.end();
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn whatever_arrives_the_memory_stays_in_proportion() {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as u8
    };
    for round in 0..2000 {
        // Bytes that look like frames for a while: small opcodes, masked, small lengths.
        let bytes: Vec<u8> = (0..200)
            .map(|i| match i % 7 {
                0 => [0x01, 0x00, 0x80, 0x82, 0x89, 0x8A, 0x02][usize::from(next() % 7)],
                1 => 0x80 | (next() % 4),
                2..6 => 0,
                _ => next() % 128,
            })
            .collect();
        let (_, peak) = measure(|| {
            let mut bytes = bytes.clone();
            let mut connection = Connection::server(ws::Limits::default());
            for piece in bytes.chunks_mut(1 + round % 9) {
                let mut input = &mut piece[..];
                while let Ok(Some(event)) = connection.recv(&mut input) {
                    drop(event);
                }
            }
            connection
        });
        // The copy of the input, and at most twice the bytes that arrived.
        assert!(peak <= 3 * 200 + 64, "{peak} bytes");

        let (_, peak) = measure(|| {
            let mut parser = RequestParser::new(HttpLimits::default());
            let _ = parser.parse(&bytes);
            parser
        });
        assert!(peak <= 1024, "{peak} bytes");
    }
}
