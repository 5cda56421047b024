//! The opening handshake on the server: the table WSH of the known cases.

use seawall_codec::http::{Limits, RequestParser};
use seawall_codec::ws::Misuse;
use seawall_codec::ws::handshake::{Refusal, Request};

/// A right handshake, as lines to change.
const LINES: [&str; 6] = [
    "GET /chat HTTP/1.1",
    "Host: example.org",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The handshake with the line that begins with `name` replaced by `lines`.
fn with(name: &str, lines: &str) -> String {
    let mut request = String::new();
    for line in LINES {
        let line = if line.starts_with(name) { lines } else { line };
        if !line.is_empty() {
            request.push_str(line);
            request.push_str("\r\n");
        }
    }
    request + "\r\n"
}

/// The 101 response to `request`.
fn answer(request: &str) -> Result<String, Refusal> {
    let mut parser = RequestParser::new(Limits::default());
    let head = parser.parse(request.as_bytes()).expect("a valid head").expect("a complete head");
    let request = Request::new(&head)?;
    let mut out = vec![];
    request.respond(request.select(&["chat", "soap"]), &mut out).expect("offered").end();
    Ok(String::from_utf8(out).expect("ASCII"))
}

#[test]
fn accepted() {
    for request in [
        with("GET", LINES[0]),
        with("Upgrade", "uPGRADE: WebSocket"),
        with("Upgrade", "Upgrade:\tWEBSOCKET \t"),
        with("Upgrade", "Upgrade: foo, websocket"),
        with("Upgrade", "Upgrade: foo\r\nUpgrade: websocket"),
        with("Connection", "Connection: keep-alive, Upgrade"),
        with("Connection", "connection: upgrade"),
        with("Connection", "Connection: keep-alive\r\nConnection: Upgrade"),
        with("Host", "Host: example.org\r\nOrigin: null"),
        with("Host", "Host: example.org\r\nSec-WebSocket-Extensions: x-unknown; a=b"),
        with("Host", "Host: example.org\r\nContent-Length: 0"),
        with("GET", "GET http://example.org/chat?a=%20 HTTP/1.1"),
    ] {
        let expected = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{ACCEPT}\r\n"
        );
        assert_eq!(answer(&request), Ok(expected), "{request}");
    }
}

#[test]
fn refused() {
    use Refusal::{Content, Extensions, Key, Method, NoUpgrade, Version};
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for (name, lines, refusal) in [
        ("Upgrade", "", NoUpgrade),
        ("Upgrade", "Upgrade: h2c", NoUpgrade),
        ("Upgrade", "Upgrade: websocket/13", NoUpgrade),
        ("Connection", "", NoUpgrade),
        ("Connection", "Connection: close", NoUpgrade),
        ("Connection", "Connection: keep-alive", NoUpgrade),
        ("Sec-WebSocket-Key", "", Key),
        ("Sec-WebSocket-Key", "Sec-WebSocket-Key:", Key),
        ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", Key),
        ("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA", Key),
        ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZS Bub25jZQ==", Key),
        ("Sec-WebSocket-Key", &format!("{key}\r\n{key}"), Key),
        ("Sec-WebSocket-Version", "", Version),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 12", Version),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013", Version),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13x", Version),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8", Version),
        (
            "Sec-WebSocket-Version",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
            Version,
        ),
        ("GET", "POST /chat HTTP/1.1", Method),
        ("GET", "HEAD /chat HTTP/1.1", Method),
        ("GET", "GET /chat HTTP/1.0", NoUpgrade),
        ("Host", "Host: h\r\nSec-WebSocket-Extensions: a b", Extensions),
        ("Host", "Host: h\r\nSec-WebSocket-Extensions: permessage-deflate;", Extensions),
        (
            "Host",
            "Host: h\r\nSec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b; =1",
            Extensions,
        ),
        ("Host", "Host: h\r\nContent-Length: 5", Content),
        ("Host", "Host: h\r\nTransfer-Encoding: chunked", Content),
    ] {
        assert_eq!(answer(&with(name, lines)), Err(refusal), "{lines}");
    }
}

#[test]
fn what_a_refusal_answers() {
    for (refusal, status, field) in [
        (Refusal::Content, "400 Bad Request", ""),
        (Refusal::Extensions, "400 Bad Request", ""),
        (Refusal::Key, "400 Bad Request", ""),
        (Refusal::Method, "405 Method Not Allowed", "Allow: GET"),
        (Refusal::NoUpgrade, "426 Upgrade Required", "Upgrade: websocket"),
        (Refusal::Version, "426 Upgrade Required", "Sec-WebSocket-Version: 13"),
    ] {
        let mut out = vec![];
        refusal.respond(&mut out).end();
        let out = String::from_utf8(out).expect("ASCII");
        assert!(out.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{out}");
        assert!(out.contains(field), "{out}");
        for (name, value) in refusal.fields() {
            assert!(out.contains(&format!("\r\n{name}: {value}\r\n")), "{out}");
        }
        assert!(refusal.to_string().contains("(RFC 6455 §"));
    }
}

#[test]
fn subprotocols() {
    let selected = |lines: &str| {
        let answer = answer(&with("Host", &format!("Host: h\r\n{lines}"))).expect("right");
        answer.split_once(ACCEPT).expect("there").1.trim().to_string()
    };
    assert_eq!(selected("Sec-WebSocket-Protocol: other"), "");
    assert_eq!(selected("Sec-WebSocket-Protocol: a, soap"), "Sec-WebSocket-Protocol: soap");
    assert_eq!(
        selected("Sec-WebSocket-Protocol: a,,soap\r\nSec-WebSocket-Protocol: chat, soap"),
        "Sec-WebSocket-Protocol: soap"
    );
    assert_eq!(selected("Sec-WebSocket-Protocol: SOAP"), "", "they are case-sensitive");

    let request = with("GET", LINES[0]);
    let mut parser = RequestParser::new(Limits::default());
    let head = parser.parse(request.as_bytes()).expect("valid").expect("complete");
    let request = Request::new(&head).expect("right");
    let mut out = vec![];
    assert_eq!(request.respond(Some("chat"), &mut out).map(drop), Err(Misuse::Subprotocol));
    assert_eq!(request.fields(Some("chat")).map(Iterator::count), Err(Misuse::Subprotocol));
    assert_eq!(out, b"");
}

#[test]
fn an_expectation_is_answered_first() {
    let answer = answer(&with("Host", "Host: h\r\nExpect: 100-continue")).expect("right");
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 "), "{answer}");
}
