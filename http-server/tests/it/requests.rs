use crate::Fixture;

/// H-01. Each is a whole request whose fault must be answered with one of the statuses, and by closing,
/// with nothing after it answered.
#[test]
fn faults_are_refused_and_end_the_connection() {
    let fixture = Fixture::new();
    let table: &[(&str, u16)] = &[
        // Request line: RFC 9112 §3.
        ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\rHost: h\r\n\r\n", 400),
        ("GET /pa th HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("(GET) / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("CONNECT h:0 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        // Version: §2.3.
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400),
        // Host: §3.2.
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: user@h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", 400),
        // Field lines: §5.
        ("GET / HTTP/1.1\r\nHost: h\r\nX : v\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nNoColon\r\n\r\n", 400),
        // Framing: §6.
        ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello", 400),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            400,
        ),
        ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", 413),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        // Chunks: §7.1.
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
            413,
        ),
        // Expectations: RFC 9110 §10.1.1.
        ("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", 417),
    ];
    for (request, status) in table {
        let mut client = fixture.client();
        client.try_send(request.as_bytes());
        client.try_send(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.status, *status, "{request:?}: {}", answer.head);
        assert!(answer.closes(), "{request:?}: {}", answer.head);
        assert!(client.is_closed(), "{request:?} is followed by something");
    }
    assert_eq!(fixture.events().len(), table.len(), "each is reported once");
    assert_eq!(fixture.running.stats().request_errors, table.len() as u64);
}

/// H-01.
#[test]
fn sizes_beyond_the_limits_have_statuses_of_their_own() {
    let fixture = Fixture::new();
    let long = "x".repeat(9000);
    let many = "X: y\r\n".repeat(129);
    let wide = format!("X: {}\r\n", "y".repeat(4000)).repeat(5);
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{wide}\r\n"), 431),
    ] {
        let mut client = fixture.client();
        client.try_send(request.as_bytes());
        let answer = client.answer();
        assert_eq!(answer.status, status, "{}", &request[..40]);
        assert!(client.is_closed());
    }
}

#[test]
fn what_is_right_is_answered_and_the_connection_goes_on() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for request in [
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /hello HTTP/1.2\r\nhOsT:\th\t\r\nX:\r\n!#$%&'*+-.^_`|~: tchars\r\n\r\n",
        "GET http://h/hello HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET /hello?a=b HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 005\r\n\r\nhello",
    ] {
        let answer = client.ask(request);
        assert_eq!((answer.status, answer.text()), (200, "hello\n"), "{request:?}");
        assert!(!answer.closes(), "{request:?}");
        assert!(answer.field("date").is_some_and(|date| date.ends_with(" GMT")));
    }
}

/// H-15.
#[test]
fn the_router_answers_for_paths_and_methods() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for (request, status, allow) in [
        ("GET /nowhere", 404, None),
        ("DELETE /hello", 405, Some("GET, HEAD, OPTIONS")),
        ("GET /ignore", 405, Some("OPTIONS, POST")),
        ("OPTIONS /hello", 204, Some("GET, HEAD, OPTIONS")),
        ("FOOBAR /hello", 501, Some("GET, HEAD, OPTIONS")),
        ("get /hello", 501, Some("GET, HEAD, OPTIONS")),
        ("TRACE /echo", 405, Some("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")),
        ("PATCH /echo", 200, None),
        ("GET /users/7", 200, None),
    ] {
        let answer = client.ask(format!("{request} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((answer.status, answer.field("allow")), (status, allow), "{request}");
    }
    assert_eq!(client.get("/users/a%20b").text(), "a%20b");
    let server_wide = client.ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(server_wide.status, 204);
}

#[test]
fn every_split_of_a_request_is_the_same_request() {
    let fixture = Fixture::new();
    let request = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;x=y\r\nhello\r\n0\r\n\r\n";
    let mut client = fixture.client();
    for at in 1..request.len() {
        // One connection: a leftover of one request would spoil the next.
        client.send(&request[..at]);
        std::thread::yield_now();
        let answer = client.ask(&request[at..]);
        assert_eq!((answer.status, answer.text()), (200, "hello"), "split at {at}");
    }
}
