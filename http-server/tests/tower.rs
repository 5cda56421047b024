//! An `axum` router on this server, from outside.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Json, Path};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use seawall_actor::Runtime;
use seawall_http_server::{Running, Server, tower};

fn app() -> axum::Router {
    axum::Router::new()
        .route("/hello", get(async || "hello\n"))
        .route("/users/{id}", get(async |Path(id): Path<u32>| format!("user {id}\n")))
        .route(
            "/sum",
            post(async |Json(numbers): Json<Vec<u32>>| Json(numbers.iter().sum::<u32>())),
        )
        .route(
            "/peer",
            get(async |request: axum::extract::Request| {
                request.extensions().get::<SocketAddr>().map(|peer| peer.ip().to_string()).unwrap()
            }),
        )
        .route("/echo", post(async |body: Body| body))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route(
            "/trailers",
            post(async |body: Body| {
                let collected = body.collect().await.unwrap();
                format!("{:?}", collected.trailers().map(|trailers| trailers["x-sum"].len() * 7))
            }),
        )
        .route("/opaque", get(async || ([("x-opaque", http_value(b"\xff"))], "x").into_response()))
        .route("/crash", get(async || -> &'static str { panic!("in a service") }))
}

fn http_value(octets: &[u8]) -> http::HeaderValue {
    http::HeaderValue::from_bytes(octets).unwrap()
}

fn serve() -> (Runtime, Running) {
    let runtime = Runtime::new().unwrap();
    let server = Server::new(tower(app())).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    (runtime, running)
}

/// All that the server answers to `request`, which asks it to close.
fn ask(running: &Running, request: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(running.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_ref()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn text(running: &Running, line: &str, rest: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{rest}");
    ask(running, request).escape_ascii().to_string().replace("\\r\\n", "\n").replace("\\n", "\n")
}

#[test]
fn an_axum_router_is_served() {
    let (runtime, running) = serve();
    let post = |content: &str| {
        format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}",
            content.len()
        )
    };
    for (line, rest, status, end) in [
        ("GET /hello", "\r\n".to_owned(), "200", "Content-Length: 6\nConnection: close\n\nhello\n"),
        ("GET /users/7", "\r\n".to_owned(), "200", "\nuser 7\n"),
        ("GET /users/x", "\r\n".to_owned(), "400", ""),
        ("GET /none", "\r\n".to_owned(), "404", "Content-Length: 0\nConnection: close\n\n"),
        ("POST /sum", post("[1,2,3]"), "200", "\n\n6"),
        ("POST /sum", post("[1,2"), "400", ""),
        ("PUT /sum", post("[]"), "405", ""),
        ("GET /peer", "\r\n".to_owned(), "200", "\n127.0.0.1"),
        ("HEAD /hello", "\r\n".to_owned(), "200", "Content-Length: 6\nConnection: close\n\n"),
        ("GET /opaque", "\r\n".to_owned(), "200", "\n\nx"),
        ("GET /crash", "\r\n".to_owned(), "500", ""),
    ] {
        let answer = text(&running, line, &rest);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert!(answer.ends_with(end), "{line}: {answer}");
        assert_eq!(answer.matches("\nDate: ").count(), 1, "{line}: {answer}");
    }
    assert!(text(&running, "GET /opaque", "\r\n").contains("x-opaque: \\xff"));
    // Counted when the connection has ended.
    assert_eq!(runtime.block_on(running.shutdown(Duration::from_secs(20))), 0);
    assert_eq!(running.stats().crashes, 1);
}

#[test]
fn content_streams_through_both_ways() {
    let (_runtime, running) = serve();
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let echo =
        text(&running, "POST /echo", &format!("{chunked}5\r\nhello\r\n3\r\n, w\r\n0\r\n\r\n"));
    assert!(echo.contains("Transfer-Encoding: chunked") && echo.ends_with("\n0\n\n"), "{echo}");
    assert!(echo.contains("hello"), "{echo}");
    let trailers = format!("{chunked}1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n");
    assert!(text(&running, "POST /trailers", &trailers).ends_with("Some(7)"));
    let len = 700_000;
    let head = format!(
        "POST /length HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n"
    );
    let answer = ask(&running, [head.into_bytes(), vec![b'x'; len]].concat());
    assert!(answer.ends_with(b"700000"));
}

#[test]
fn content_beyond_the_limit_is_an_error_of_the_body() {
    let (_runtime, running) = serve();
    let answer = text(&running, "POST /length", "Content-Length: 9999999\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(running.stats().request_errors, 1);
}
