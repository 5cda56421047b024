//! HTTP/1.1: request heads and the chunked coding.

use std::hint::black_box;
use std::mem::MaybeUninit;

use seawall_codec::http::{Body, BodyFraming, Content, Limits, RequestParser, chunked};

use crate::contest::Row;

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        heads("short", vec![SHORT.to_vec()]),
        heads("browser", vec![BROWSER.to_vec()]),
        heads("256 that differ", (0..256).map(|_| any_head()).collect()),
    ];
    for (count, len) in [(1, 64 << 10), (64, 1 << 10), (1000, 1)] {
        rows.push(chunks(count, len));
    }
    rows
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

/// A request like many, and like no other: what the processor learns of one head helps
/// little with the next.
fn any_head() -> Vec<u8> {
    let word =
        |len| (0..fastrand::usize(len)).map(|_| fastrand::alphanumeric()).collect::<String>();
    let mut head = format!("GET /{}/{}.{} HTTP/1.1\r\n", word(2..20), word(2..30), word(2..5));
    let mut fields = vec![format!("Host: {}.example.org", word(2..12))];
    for name in ["Accept", "User-Agent", "Accept-Language", "Referer", "Cookie", "X-Request-Id"] {
        if fastrand::bool() {
            fields.push(format!("{name}: {}", word(3..80)));
        }
    }
    fastrand::shuffle(&mut fields);
    for field in fields {
        head += &field;
        head += "\r\n";
    }
    (head + "\r\n").into()
}

/// As many fields as we allow: what a server that is to serve the same would reserve.
const MAX_FIELDS: usize = 128;

/// Heads in turn; the answer is the length of all and the number of all fields.
fn heads(name: &str, heads: Vec<Vec<u8>>) -> Row {
    let heads: &[Vec<u8>] = heads.leak();
    let lines = heads.iter().flatten().filter(|byte| **byte == b'\n').count();
    let len = heads.iter().map(Vec::len).sum::<usize>();
    let answer = Some((len, lines - 2 * heads.len()));
    let mut row = Row::new(format!("request head, {name}, {} B", len / heads.len()));
    row.per = heads.len();

    let mut parser = RequestParser::new(Limits::default());
    row = row.with("seawall", &answer, move || {
        sum(heads, |request| {
            let head = parser.parse(request).ok()??;
            Some((head.len(), head.fields().len()))
        })
    });
    row = row.with("httparse, uninitialised", &answer, move || {
        sum(heads, |request| {
            let mut headers = [const { MaybeUninit::uninit() }; MAX_FIELDS];
            let mut head = httparse::Request::new(&mut []);
            let status = head.parse_with_uninit_headers(request, &mut headers).ok()?;
            Some((complete(status)?, head.headers.len()))
        })
    });
    row = row.with("httparse, 16 empty", &answer, move || {
        sum(heads, |request| {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut head = httparse::Request::new(&mut headers);
            let status = head.parse(request).ok()?;
            Some((complete(status)?, head.headers.len()))
        })
    });
    row.with("httparse, 128 empty", &answer, move || {
        sum(heads, |request| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
            let mut head = httparse::Request::new(&mut headers);
            let status = head.parse(request).ok()?;
            Some((complete(status)?, head.headers.len()))
        })
    })
}

fn sum(
    requests: &[Vec<u8>],
    mut parse: impl FnMut(&[u8]) -> Option<(usize, usize)>,
) -> Option<(usize, usize)> {
    requests.iter().try_fold((0, 0), |(len, fields), request| {
        let (more_len, more_fields) = parse(black_box(request))?;
        Some((len + more_len, fields + more_fields))
    })
}

fn complete(status: httparse::Status<usize>) -> Option<usize> {
    match status {
        httparse::Status::Complete(len) => Some(len),
        httparse::Status::Partial => None,
    }
}

fn chunks(count: usize, len: usize) -> Row {
    let mut wire = Vec::new();
    for _ in 0..count {
        chunked::encode(&vec![b'a'; len], &mut wire);
    }
    chunked::end(&mut wire);
    let wire: &[u8] = wire.leak();
    let answer = Some(count * len);
    Row::new(format!("chunked, {count} × {len} B"))
        .with("seawall", &answer, move || {
            let mut input = black_box(wire);
            let limits = Limits::default();
            let mut body = Body::new(BodyFraming::Chunked, u64::MAX, &limits).ok()?;
            let mut total = 0;
            while let Content::Data(data) = body.recv(&mut input).ok()?? {
                total += black_box(data).len();
            }
            Some(total)
        })
        .with("httparse", &answer, move || {
            let mut input = black_box(wire);
            let mut total = 0;
            loop {
                let (at, size) = match httparse::parse_chunk_size(input).ok()? {
                    httparse::Status::Complete((at, size)) => (at, size as usize),
                    httparse::Status::Partial => return None,
                };
                let data = input.get(at..at.checked_add(size)?)?;
                input = input.get(at + size..)?.strip_prefix(b"\r\n")?;
                if size == 0 {
                    return Some(total);
                }
                total += black_box(data).len();
            }
        })
}
