//! The HTTP resources of the subject contract.

use std::hint::black_box;
use std::io::ErrorKind;
use std::iter;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::fault::{Fault, Faults};
use super::file;
use super::head::Head;
use super::response::{Content, Response};
use super::session::Kind;

/// The WebSocket at this path, if there is one.
pub(super) fn web_socket(head: &Head) -> Option<Kind> {
    match &*head.target.path {
        "/ws/echo" => Some(Kind::Echo),
        "/ws/crash" => Some(Kind::Crash),
        "/ws/push" => Some(Kind::Push {
            count: head.target.number("n").unwrap_or(0),
            pause: Duration::from_millis(head.target.number("ms").unwrap_or(0)),
        }),
        "/ws/reject" => Some(Kind::Reject),
        _ => None,
    }
}

/// Answers a request, or never does: what hangs is ended by the caller. What sleeps or computes for longer than
/// `limit` is answered 504 then.
///
/// # Panics
///
/// On `/crash`: that is what it is for.
pub(super) fn respond(
    head: &Head,
    content: Vec<u8>,
    client: &TcpStream,
    faults: &Faults,
    limit: Option<Duration>,
) -> Option<Response> {
    let misled = misled(head, faults).or_else(|| file::misled(head, faults));
    if let Some(response) = misled.or_else(|| by_method(head, &content, faults)) {
        return Some(response);
    }
    let number = |name, default| head.target.number(name).unwrap_or(default);
    let pause = Duration::from_millis(number("ms", 0));
    Some(match &*head.target.path {
        "/" | "/hello" => Response::ok("text/plain", "hello\n"),
        "/health" if faults.has(Fault::HealthFails) => Response::of(500),
        "/health" => Response::ok("application/json", r#"{"status":"ok"}"#),
        "/echo" => Response::ok("application/octet-stream", echo(content, faults)),
        "/fields" => fields(head),
        "/crash" => crash(head.target.argument("kind").unwrap_or("panic")),
        "/hang" => return None,
        "/spin" => {
            let whole = head.target.number("ms").map(Duration::from_millis);
            let (within, is_late) = cut(whole, limit);
            spin(within, client);
            if is_late { Response::of(504) } else { Response::ok("text/plain", "spun\n") }
        }
        "/sleep" => {
            let (within, is_late) = cut(Some(pause), limit);
            thread::sleep(within.unwrap_or_default());
            if is_late { Response::of(504) } else { Response::ok("text/plain", "slept\n") }
        }
        "/bytes" => {
            let max = if faults.has(Fault::BytesCut) { 65_535 } else { u64::MAX };
            Response::ok("application/octet-stream", bytes(number("n", 0).min(max)))
        }
        "/stream" => {
            let chunks = number("chunks", 1) - u64::from(faults.has(Fault::LastPieceLost));
            stream(chunks, number("size", 1), pause)
        }
        "/file" => file::respond(head, faults),
        _ => Response::of(404),
    })
}

/// What planted faults answer in place of the resource.
fn misled(head: &Head, faults: &Faults) -> Option<Response> {
    let path = &*head.target.path;
    if faults.has(Fault::PathTraversal) && path.contains("..") {
        return Some(Response::ok("text/plain", "root:x:0:0:root:/root:/bin/sh\n"));
    }
    if faults.has(Fault::DoubleSlashRedirects) && path.starts_with("//") {
        return Some(Response::of(301).with("Location", path));
    }
    if faults.has(Fault::PathReflected) && path.contains('\n') {
        return Some(Response::of(404).with("X-Path", path));
    }
    let accepts = faults.has(Fault::ConnectAccepted) || faults.has(Fault::ConnectAnywhere);
    let trace = head.method == "TRACE" && faults.has(Fault::TraceEchoes);
    if trace || head.method == "CONNECT" && accepts {
        let lines = head.fields.iter().flat_map(|(name, value)| [&name[..], b": ", value, b"\r\n"]);
        return Some(Response::ok("message/http", lines.flatten().copied().collect::<Vec<_>>()));
    }
    let may_carry = matches!(&*head.method, "POST" | "PUT" | "PATCH" | "DELETE" | "QUERY");
    let carries =
        head.values("Content-Length").chain(head.values("Transfer-Encoding")).next().is_some();
    (faults.has(Fault::BodylessMethodRefused) && may_carry && !carries).then(|| Response::of(400))
}

/// What is answered whatever the path, or because the path does not know the method.
fn by_method(head: &Head, content: &[u8], faults: &Faults) -> Option<Response> {
    let allow = match &*head.target.path {
        "/echo" | "/fields" => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    };
    match &*head.method {
        "HEAD" if faults.has(Fault::HeadUnsupported) => Some(Response::of(501)),
        "GET" | "HEAD" => None,
        "CONNECT" => Some(Response::of(501)),
        "TRACE" if faults.has(Fault::TraceAsGet) => None,
        "TRACE" if !content.is_empty() => Some(Response::of(400)),
        "TRACE" => Some(Response::of(405).with("Allow", allow)),
        "OPTIONS" if head.target.path == "*" => Some(Response::of(204)),
        _ if matches!(&*head.target.path, "/echo" | "/fields") => None,
        "OPTIONS" => Some(Response::of(204).with("Allow", allow)),
        "POST" | "PUT" | "PATCH" | "DELETE" => Some(Response::of(405).with("Allow", allow)),
        _ if faults.has(Fault::UnknownMethodAsGet) => None,
        _ => Some(Response::of(if faults.has(Fault::UnknownMethodBadRequest) { 400 } else { 501 })),
    }
}

fn echo(mut content: Vec<u8>, faults: &Faults) -> Vec<u8> {
    if faults.has(Fault::EchoTrimsBody) {
        content = content.trim_ascii().to_vec();
    }
    if faults.has(Fault::EchoCutsBody) {
        content.truncate(1024);
    }
    content
}

/// The fields as they came, an octet above 0x7F as the code point of that number.
fn fields(head: &Head) -> Response {
    let latin = |octets: &[u8]| octets.iter().copied().map(char::from).collect::<String>();
    let pairs: Vec<_> =
        head.fields.iter().map(|(name, value)| json!([latin(name), latin(value)])).collect();
    Response::ok("application/json", json!(pairs).to_string())
}

fn crash(kind: &str) -> Response {
    match kind {
        "match" => {
            let nothing: Option<u8> = black_box(None);
            nothing.expect("/crash?kind=match");
        }
        "divide" => drop(black_box(1) / black_box(0)),
        "index" => drop(black_box([1])[black_box(1)]),
        "stream" => {
            let pieces = [true, false].into_iter().map(|first| {
                assert!(first, "/crash?kind=stream");
                b"the first part".to_vec()
            });
            let mut response = Response::ok("text/plain", "");
            response.content = Content::Pieces(Box::new(pieces));
            return response;
        }
        "drop" => drop(Fragile),
        _ => {}
    }
    panic!("/crash?kind={kind}");
}

struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("/crash?kind=drop");
    }
}

/// How much of this time there is, and whether that is less.
fn cut(whole: Option<Duration>, limit: Option<Duration>) -> (Option<Duration>, bool) {
    match (whole, limit) {
        (Some(whole), Some(limit)) => (Some(whole.min(limit)), whole > limit),
        (None, Some(limit)) => (Some(limit), true),
        (whole, None) => (whole, false),
    }
}

/// Computes for so long, or until the client leaves: the cores are wanted for the cases that follow.
fn spin(span: Option<Duration>, client: &TcpStream) {
    let end = span.map(|span| Instant::now() + span);
    while end.is_none_or(|end| Instant::now() < end) && !has_left(client) {
        black_box((0..100_000_u32).map(black_box).fold(0, u32::wrapping_add));
    }
}

fn has_left(client: &TcpStream) -> bool {
    let peeked = client.set_nonblocking(true).and_then(|()| client.peek(&mut [0]));
    let is_open = match peeked {
        Ok(count) => count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    };
    client.set_nonblocking(false).is_err() || !is_open
}

/// Octet `i` is `i` modulo 251.
fn bytes(count: u64) -> Vec<u8> {
    let count = usize::try_from(count).unwrap_or(0);
    let mut content = (0..251).collect::<Vec<u8>>().repeat(count.div_ceil(251));
    content.truncate(count);
    content
}

fn stream(chunks: u64, size: u64, pause: Duration) -> Response {
    let mut sent = 0;
    let pieces = iter::from_fn(move || {
        if sent > 0 && sent < chunks {
            thread::sleep(pause);
        }
        sent += 1;
        (sent <= chunks).then(|| vec![b'x'; usize::try_from(size).unwrap_or(0)])
    });
    let mut response = Response::ok("text/plain", "");
    response.content = Content::Pieces(Box::new(pieces));
    response
}
