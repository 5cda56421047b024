use std::time::Instant;

use seawall_actor::Runtime;
use seawall_http_server::{Limits, Request, Router, Server, Status};
use seawall_ws_server::{Accept, Handler, Message, Receiver, Reject, Sender, WebSocket};

use crate::client::{Client, KEY, TEXT, close, frame, handshake};
use crate::{Fixture, PATIENCE, Told};

#[test]
fn the_accept_key_is_the_one_of_the_rfc() {
    let fixture = Fixture::new();
    let mut client = Client::connect(fixture.address());
    let head = client.send(handshake("/chat?room=7")).head();
    // RFC 6455 §1.3.
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    assert!(head.contains("Upgrade: websocket\r\n") && head.contains("Connection: Upgrade\r\n"));
    let Ok(Told::Open(target, _)) = fixture.told.recv_timeout(PATIENCE) else { panic!() };
    assert_eq!(target, "/chat?room=7");
}

#[test]
fn frames_that_come_with_the_handshake_are_not_lost() {
    let fixture = Fixture::new();
    let mut client = Client::connect(fixture.address());
    client.send([handshake("/").into_bytes(), frame(TEXT, "early")].concat());
    client.head();
    client.expect(TEXT, "early");
}

#[test]
fn what_on_connect_sends_comes_first() {
    let fixture = Fixture::new();
    Client::open(fixture.address(), "/greet").expect(TEXT, "welcome");
}

#[test]
fn what_is_no_handshake_is_answered_as_http() {
    let fixture = Fixture::new();
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (request, status, field) in [
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{KEY}{version}\r\n"), 426, "Upgrade: websocket"),
        (
            format!("GET / HTTP/1.1\r\nHost: h\r\n{upgrade}{KEY}Sec-WebSocket-Version: 99\r\n\r\n"),
            426,
            "Sec-WebSocket-Version: 13",
        ),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{upgrade}{version}\r\n"), 400, "Content-Length"),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: h\r\n{upgrade}{version}Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n"
            ),
            400,
            "Content-Length",
        ),
        (format!("POST / HTTP/1.1\r\nHost: h\r\n{upgrade}{KEY}{version}\r\n"), 405, "Allow"),
        (format!("GET / HTTP/1.0\r\nHost: h\r\n{upgrade}{KEY}{version}\r\n"), 426, "Upgrade"),
    ] {
        let mut client = Client::connect(fixture.address());
        let head = client.send(&request).head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert!(head.contains(field), "{head}");
    }
    assert!(fixture.is_silent(), "none of them is a connection");
}

/// Refuses in the way that the path names; being told of an end would be wrong.
struct Refuse;

impl Handler for Refuse {
    async fn on_connect(&mut self, request: &Request, _: &Sender) -> Result<Accept, Reject> {
        match request.path() {
            "/status" => Err(Reject::Status(Status::FORBIDDEN)),
            "/policy" => Err(Reject::Policy("é".repeat(100))),
            _ => panic!("no such refusal"),
        }
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {
        unreachable!("refused");
    }

    async fn on_close(&mut self, _: &seawall_ws_server::Closed) {
        std::process::abort();
    }
}

#[test]
fn a_refusal_is_a_status_or_a_close_and_no_connection() {
    let runtime = Runtime::new().unwrap();
    let server = Server::new(Router::new().get("/{kind}", WebSocket::new(|| Refuse)));
    let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
    let head = Client::connect(running.local_addr()).send(handshake("/status")).head();
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    let mut client = Client::open(running.local_addr(), "/policy");
    let reason = client.expect_close(1008);
    assert_eq!(reason, "é".repeat(61), "cut at 123 octets, and not within a character");
    client.send(close(1008, ""));
    assert!(client.is_closed());
    // A panic before the 101 is a panic of an HTTP handler.
    let head = Client::connect(running.local_addr()).send(handshake("/panic")).head();
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
}

/// A seat is a connection's until its end, though it speaks WebSocket by then.
#[test]
fn a_client_has_so_many_connections_at_once() {
    let runtime = Runtime::new().unwrap();
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let server = Server::new(WebSocket::from_fn(
        async |mut receiver: Receiver, _| {
            while receiver.recv().await.is_some() {}
        },
    ));
    let server = server.limits(limits).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    let open = || Client::open(running.local_addr(), "/");
    let (_first, mut second) = (open(), open());
    let head = Client::connect(running.local_addr()).send(handshake("/")).head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    second.send(close(1000, "")).expect_close(1000);
    assert!(second.is_closed());
    drop(second);
    let begun = Instant::now();
    while running.stats().active > 1 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", running.stats());
        std::thread::yield_now();
    }
    open();
}
