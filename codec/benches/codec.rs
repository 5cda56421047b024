//! How long the hot paths take. `cargo bench -p seawall-codec`.
//!
//! Each benchmark checks its answer once before it is timed, so that a fast wrong
//! path does not pass for progress.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seawall_codec::http::{
    Body, BodyFraming, Content, Limits as HttpLimits, RequestParser, ResponseWriter, Status,
    chunked,
};
use seawall_codec::ws::utf8::Validator;
use seawall_codec::ws::{Connection, Event, Header, Limits, Opcode, Role, frame, mask};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masking(c: &mut Criterion) {
    let mut group = c.benchmark_group("mask");
    for len in [16, 128, 1 << 10, 16 << 10, 1 << 20] {
        let mut payload = vec![0x2A; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(len.to_string(), |b| {
            b.iter(|| mask::apply(black_box(KEY), black_box(&mut payload)));
        });
    }
    group.finish();
}

fn header(c: &mut Criterion) {
    let mut group = c.benchmark_group("header");
    for (name, len) in [("7 bits", 20), ("16 bits", 1000), ("64 bits", 100_000)] {
        let header = Header { mask: Some(KEY), ..Header::new(Opcode::Text, len) };
        let mut wire = Vec::new();
        header.encode(&mut wire);
        assert_eq!(Header::decode(&wire, Role::Client, false), Ok(Some((header, wire.len()))));
        group.bench_function(format!("decode {name}"), |b| {
            b.iter(|| Header::decode(black_box(&wire), Role::Client, false));
        });
        group.bench_function(format!("encode {name}"), |b| {
            b.iter(|| {
                wire.clear();
                black_box(header).encode(&mut wire);
            });
        });
    }
    group.finish();
}

/// Bursts of text messages as a server reads them, each echoed into one buffer.
fn echo(c: &mut Criterion) {
    let mut group = c.benchmark_group("echo");
    for (count, len) in [(1, 20), (16, 20), (16, 1 << 10), (1, 16 << 10)] {
        let mut wire = Vec::new();
        for _ in 0..count {
            frame::encode(Opcode::Text, true, Some(KEY), &vec![b'a'; len], &mut wire);
        }
        let mut connection = Connection::server(Limits::default());
        let mut out = Vec::with_capacity(wire.len());
        assert_eq!(echo_all(&mut connection, &mut wire.clone(), &mut out), count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} x {len}"), |b| {
            b.iter_batched_ref(
                || wire.clone(),
                |read| {
                    out.clear();
                    echo_all(&mut connection, black_box(read), &mut out)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn echo_all(connection: &mut Connection, read: &mut [u8], out: &mut Vec<u8>) -> usize {
    let mut input = read;
    let mut count = 0;
    while let Some(event) = connection.recv(&mut input).expect("valid") {
        if let Event::Text(text) = event {
            connection.send_text(&text, out).expect("open");
            count += 1;
        }
    }
    count
}

fn utf8(c: &mut Criterion) {
    let mut group = c.benchmark_group("utf8");
    let ascii = "The quick brown fox jumps over the lazy dog. ".repeat(400);
    let mixed = "Über den Wölken – κόσμε 日本語 😀 ".repeat(400);
    for (name, text) in [("ascii", &ascii), ("mixed", &mixed)] {
        for len in [20, 1 << 10, 16 << 10] {
            let end = (0..=len).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let bytes = &text.as_bytes()[..end];
            assert_eq!(Validator::default().push(bytes).map(|piece| piece.text.len()), Ok(end));
            group.throughput(Throughput::Bytes(end as u64));
            group.bench_function(format!("{name} {len}"), |b| {
                b.iter(|| Validator::default().push(black_box(bytes)).is_ok());
            });
        }
    }
    group.finish();
}

const SHORT: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: server\r\nAccept: */*\r\n\
Connection: keep-alive\r\n\r\n";

const BROWSER: &[u8] =
    b"GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n\
Host: www.kittyhell.com\r\n\
User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; ja-JP-mac; rv:1.9.2.3) Gecko/20100401 \
Firefox/3.6.3 Pathtraq/0.9\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: ja,en-us;q=0.7,en;q=0.3\r\n\
Accept-Encoding: gzip,deflate\r\n\
Accept-Charset: Shift_JIS,utf-8;q=0.7,*;q=0.7\r\n\
Keep-Alive: 115\r\n\
Connection: keep-alive\r\n\
Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; \
__utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; \
__utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|\
utmcmd=referral\r\n\r\n";

fn head(c: &mut Criterion) {
    let mut group = c.benchmark_group("head");
    for (name, request) in [("short", SHORT), ("browser", BROWSER)] {
        let mut parser = RequestParser::new(HttpLimits::default());
        let head = parser.parse(request).expect("valid").expect("complete");
        assert_eq!(head.len(), request.len());
        group.throughput(Throughput::Bytes(request.len() as u64));
        group.bench_function(format!("parse {name}"), |b| {
            b.iter(|| parser.parse(black_box(request)).is_ok_and(|head| head.is_some()));
        });
    }
    let mut out = Vec::with_capacity(256);
    group.bench_function("write", |b| {
        b.iter(|| {
            out.clear();
            let mut head = ResponseWriter::new(Status::OK, &mut out);
            head.field("Server", "seawall").expect("legal");
            head.field("Date", "Sun, 06 Nov 1994 08:49:37 GMT").expect("legal");
            head.field("Content-Type", "text/plain").expect("legal");
            head.content_length(black_box(13)).expect("once");
            head.end();
        });
    });
    group.finish();
}

fn chunks(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunked");
    for (count, len) in [(1, 64 << 10), (64, 1 << 10), (1000, 1)] {
        let mut wire = Vec::new();
        for _ in 0..count {
            chunked::encode(&vec![b'a'; len], &mut wire);
        }
        chunked::end(&mut wire);
        assert_eq!(content_len(&wire), count * len);
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(format!("decode {count} x {len}"), |b| {
            b.iter(|| content_len(black_box(&wire)));
        });
    }
    group.finish();
}

fn content_len(mut wire: &[u8]) -> usize {
    let mut body = Body::new(BodyFraming::Chunked, u64::MAX, &HttpLimits::default())
        .expect("no length is declared");
    let mut len = 0;
    while let Some(Content::Data(data)) = body.recv(&mut wire).expect("valid") {
        len += data.len();
    }
    len
}

criterion_group!(benches, masking, header, echo, utf8, head, chunks);
criterion_main!(benches);
