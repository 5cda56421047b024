//! What a request allocates once its connection has served a few: the handler's future, and what
//! the handler itself asks for. Counted in the thread of the test, which is the server's, too.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;
mod wire;

use std::sync::Arc;

use futures_lite::future;
use seawall_http_server::{Request, Response, Router, Status};

use counting::MADE;
use wire::Connection;

/// Requests that one read brings.
const DEPTH: usize = 16;

fn routes() -> Router {
    Router::new()
        .get("/hello", async |_: Request| "hello\n")
        .get("/users/{user}/posts/{post}", async |request: Request| {
            assert_eq!(request.param("post"), Some("9"));
            Status::NO_CONTENT
        })
        .get("/waits", async |_: Request| {
            future::yield_now().await;
            Response::ok("waited\n")
        })
}

#[test]
fn requests_allocate_what_their_handlers_need() {
    // The last: a future for what takes its time, in which the handler's lies.
    for (path, allocations) in [("/hello", 1), ("/users/7/posts/9", 1), ("/waits", 2)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
        let requests: Arc<[u8]> = request.repeat(DEPTH).into_bytes().into();
        let connection = Connection::new(routes());
        // What is made once: buffers and heads of the thread.
        let (len, _) = connection.ask(&requests, 1);
        connection.ask(&requests, len);
        let made = (0..5).map(|_| {
            let before = MADE.get();
            assert_eq!(connection.ask(&requests, len).0, len, "{path}");
            MADE.get() - before
        });
        // The least of them: a tick of the clock in between has a place made for the next one.
        assert_eq!(made.min(), Some(allocations * DEPTH), "{path}");
    }
}

#[test]
fn what_one_read_brings_is_answered_in_one_write() {
    let requests: Arc<[u8]> =
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n".repeat(DEPTH).into_bytes().into();
    let connection = Connection::new(routes());
    for _ in 0..3 {
        assert_eq!(connection.ask(&requests, 1).1, 1);
    }
}
