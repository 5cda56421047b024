use seawall_http_server::{
    BodySender, ClientGone, Limits, Request, Response, Router, Status, blocking,
};

use crate::Fixture;

fn post(framing: &str, content: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n{content}")
}

#[test]
fn content_comes_back_however_it_is_framed() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for (framing, content, expected) in [
        ("Content-Length: 5", "hello", "hello"),
        ("Content-Length: 0", "", ""),
        ("X: no framing at all", "", ""),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("Transfer-Encoding: Chunked", "2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\nX-T: 1\r\n\r\n", "hello"),
        ("Transfer-Encoding: chunked", "0\r\n\r\n", ""),
    ] {
        let answer = client.ask(post(framing, content));
        assert_eq!((answer.status, answer.text()), (200, expected), "{framing}: {content:?}");
    }
}

#[test]
fn a_mebibyte_goes_both_ways() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let content = "0123456789abcdef".repeat(64 * 1024);
    let answer = client.ask(post(&format!("Content-Length: {}", content.len()), &content));
    assert_eq!(answer.status, 200);
    assert!(answer.content == content.as_bytes());
}

/// H-09.
#[test]
fn content_beyond_the_limit_is_413_also_when_it_is_chunked() {
    let fixture = Fixture::with(|server| server.limits(Limits { body: 10, ..Limits::default() }));
    for (framing, content) in
        [("Content-Length: 11", ""), ("Transfer-Encoding: chunked", "b\r\nhello worl\r\n")]
    {
        let mut client = fixture.client();
        let answer = client.ask(post(framing, content));
        assert_eq!(answer.status, 413, "{framing}");
        assert!(client.is_closed());
    }
    assert_eq!(fixture.client().ask(post("Content-Length: 10", "0123456789")).status, 200);
}

/// H-09. The answer must be readable although the server reads no more: a reset would take it away.
#[test]
fn an_early_refusal_reaches_a_client_that_goes_on_sending() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
    client.try_send(&vec![b'x'; 4_000_000]);
    assert_eq!(client.answer().status, 413);
    assert!(client.is_closed());
}

#[test]
fn content_that_nobody_reads_is_skipped_or_ends_the_connection() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let request = |len: usize| {
        let content = "x".repeat(len);
        format!("POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n{content}")
    };
    // Short: the next request on the connection is understood.
    assert!(!client.ask(request(60_000)).closes());
    assert_eq!(client.get("/hello").status, 200);
    // Long: the connection ends, and the answer says so.
    client.try_send(request(900_000).as_bytes());
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (200, true));
    assert!(client.is_closed());
}

/// H-08.
#[test]
fn a_client_that_waits_for_100_gets_it_when_the_content_is_wanted() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let expect = "Expect: 100-Continue\r\nContent-Length: 5";
    client.send(post(expect, ""));
    assert_eq!(client.head().status, 100);
    assert_eq!(client.ask("hello").text(), "hello");
    // Not wanted: the final answer comes at once, and the connection cannot go on.
    client.send(post(expect, "").replace("/echo", "/ignore"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (200, true));
    // Sent without waiting: 100 would say nothing new.
    let answer = fixture.client().ask(post(expect, "hello"));
    assert_eq!((answer.status, answer.text()), (200, "hello"));
}

/// H-08.
#[test]
fn head_and_bodiless_statuses_have_no_content() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let head = client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n").head();
    assert_eq!((head.status, head.field("content-length")), (200, Some("6")));
    for status in ["204", "304"] {
        let answer = client.get(&format!("/status/{status}"));
        assert_eq!(answer.field("content-length"), None, "{status}");
        assert_eq!(answer.field("transfer-encoding"), None, "{status}");
    }
    assert_eq!(client.get("/status/205").field("content-length"), Some("0"));
    // An octet too many above would have spoiled this.
    assert_eq!(client.get("/hello").text(), "hello\n");
    // Neither has a refusal, once the method is known.
    client.send("HEAD /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n");
    assert_eq!(client.head().status, 413);
    client.half_close();
    assert!(client.is_closed());
}

#[test]
fn an_interim_status_answers_nothing() {
    for status in ["100", "101", "103"] {
        let answer = Fixture::new().client().get(&format!("/status/{status}"));
        assert_eq!((answer.status, answer.closes()), (500, true), "{status}");
    }
}

fn streaming() -> Router {
    Router::new().get("/count", async |_: Request| {
        Response::new(Status::OK).stream("text/plain", async |mut sender: BodySender| {
            for n in 0..1000 {
                sender.send(format!("{n}\n")).await?;
            }
            Ok::<(), ClientGone>(())
        })
    })
}

/// H-08.
#[test]
fn streams_are_chunked_or_end_with_the_connection() {
    let fixture = Fixture::serve(streaming(), |server| server);
    let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let mut client = fixture.client();
    let answer = client.get("/count");
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.text(), expected);
    // HTTP/1.0 knows no chunks (RFC 9112 §6.1).
    let head = client.send("GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head();
    assert_eq!(head.field("transfer-encoding"), None);
    assert!(head.closes());
    assert_eq!(client.rest().unwrap(), expected.as_bytes());
}

/// H-08.
#[test]
fn trailers_come_in_and_go_out_behind_the_content() {
    let router = Router::new().post("/sum", async |mut request: Request| {
        assert!(request.trailers().is_empty());
        let len = request.content().await.unwrap().len();
        let trailers = request.trailers();
        let text = format!("{len} {trailers:?} {}", request.fields().count());
        Response::new(Status::OK).stream("text/plain", async move |mut sender: BodySender| {
            sender.send(text).await?;
            sender.trailer("X-Sum", "7").await
        })
    });
    let late = router.get("/late", async |_: Request| {
        Response::new(Status::OK).stream("text/plain", async |mut sender: BodySender| {
            sender.send("x").await?;
            sender.trailer("Content-Length", "7").await
        })
    });
    let fixture = Fixture::serve(late, |server| server);
    let mut client = fixture.client();
    let head = "POST /sum HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{head}5\r\nhello\r\n0\r\nX-A: 1\r\nHost: 2\r\n\r\n"));
    assert_eq!(client.head().status, 200);
    let answer = client.until(b"\r\n0\r\nX-Sum: 7\r\n\r\n");
    let expected = r#"5 [("X-A", [49]), ("Host", [50])] 2"#;
    assert!(answer.starts_with(format!("{:x}\r\n{expected}", expected.len()).as_bytes()));
    // HTTP/1.0 has no place for them.
    let mut old = fixture.client();
    old.send("POST /sum HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
    assert!(old.head().closes());
    assert_eq!(old.rest().unwrap(), b"2 [] 1");
    // What frames the message came too late: cut off, with no last chunk.
    let mut cut = fixture.client();
    cut.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(cut.head().status, 200);
    assert_eq!(cut.exactly(6), b"1\r\nx\r\n");
    assert!(cut.rest().is_err());
}

/// HTTP-03, HTTP-07.
#[test]
fn blocking_handlers_have_the_content_and_block_nobody() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    let router = Router::new()
        .post("/length", blocking(|mut request: Request| request.take_content().len().to_string()))
        .get(
            "/block",
            blocking(move |_: Request| {
                let _ = blocked.lock().unwrap().recv();
                "released\n"
            }),
        )
        .get("/hello", async |_: Request| "hello\n");
    let fixture = Fixture::serve(router, |server| server);
    let mut waiting: Vec<_> = (0..8).map(|_| fixture.client()).collect();
    for client in &mut waiting {
        client.send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    let mut client = fixture.client();
    assert_eq!(client.get("/hello").text(), "hello\n");
    let length = client.ask("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(length.text(), "5");
    drop(release);
    for client in &mut waiting {
        assert_eq!(client.answer().text(), "released\n");
    }
}

#[test]
fn a_field_that_may_not_be_sent_is_500_and_nothing_of_it_goes_out() {
    let router = Router::new()
        .get("/split", async |_: Request| Response::ok("x").field("X", "a\r\nInjected: yes"))
        .get("/length", async |_: Request| Response::ok("x").field("Content-Length", "9"))
        .get("/connection", async |_: Request| Response::ok("x").field("Connection", "close"));
    let fixture = Fixture::serve(router, |server| server);
    for path in ["/split", "/length", "/connection"] {
        let mut client = fixture.client();
        let answer = client.get(path);
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.head.contains("Injected"));
        assert!(client.is_closed());
    }
    let events = fixture.events();
    assert!(events.iter().any(|event| event.contains("response field \"X\"")), "{events:?}");
}

/// A handler that returned its response while it read on was given a false end: what had come of
/// the content by then was dropped, and the client got back half of what it had sent, as a whole.
#[test]
fn content_is_read_while_the_response_streams() {
    async fn mirror(mut request: Request) -> Response {
        Response::new(Status::OK).stream("text/plain", async move |mut sender: BodySender| {
            while let Some(piece) = request.next_piece().await? {
                let _ = sender.send(piece).await; // an error: the client is gone
            }
            Ok::<_, seawall_http_server::Error>(())
        })
    }
    let fixture = Fixture::serve(Router::new().post("/echo", mirror), |server| server);
    for (framing, content, expected) in [
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n", "hello there"),
        ("Content-Length: 11", "hello there", "hello there"),
    ] {
        let answer = fixture.client().ask(post(framing, content));
        assert_eq!((answer.status, answer.text()), (200, expected), "{framing}");
    }
    let mut client = fixture.client();
    client.send(post("Content-Length: 5", "he"));
    client.send("llo"); // whether it comes with the rest or after it
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.ask(post("Content-Length: 2", "on")).text(), "on", "the connection goes on");
}
