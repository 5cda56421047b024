use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seawall_http_server::{
    Error, Handler, IntoResponse, Limits, Next, Request, Response, Router, Status, Timeouts,
    with_state,
};

use crate::{Fixture, PATIENCE};

async fn length(mut request: Request) -> Result<String, Error> {
    Ok(request.content().await?.len().to_string())
}

async fn never(_: Request) -> Status {
    std::future::pending().await
}

fn post(path: &str, len: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n{}", "x".repeat(len))
}

/// H-15.
#[test]
fn the_innermost_body_limit_counts() {
    let router = Router::new()
        .post("/default", length)
        .post("/large", length.body_limit(50))
        .post("/small", length.body_limit(5).body_limit(500));
    let fixture =
        Fixture::serve(router, |server| server.limits(Limits { body: 10, ..Limits::default() }));
    for (path, len, status) in [
        ("/default", 10, 200),
        ("/default", 11, 413),
        ("/large", 50, 200),
        ("/large", 51, 413),
        ("/small", 5, 200),
        ("/small", 6, 413),
    ] {
        let mut client = fixture.client();
        assert_eq!(client.ask(post(path, len)).status, status, "{path} {len}");
        // Chunks do not say beforehand how many octets there will be.
        let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", len, "x".repeat(len));
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(fixture.client().ask(head + &chunk).status, status, "{path} {len} in chunks");
    }
}

/// H-15, H-05.
#[test]
fn a_route_has_its_own_time() {
    let short = Duration::from_millis(30);
    let router = Router::new()
        .get("/short", never.timeout(short))
        .get("/inner", (async |request: Request| left(&request)).timeout(PATIENCE).timeout(short))
        .get("/forever", (async |request: Request| left(&request)).timeout(Duration::MAX))
        .get("/default", async |request: Request| left(&request));
    let fixture = Fixture::serve(router, |server| {
        server.timeouts(Timeouts { handler: PATIENCE / 2, ..Timeouts::default() })
    });
    let mut client = fixture.client();
    assert_eq!(client.get("/inner").text(), PATIENCE.as_secs().to_string());
    assert_eq!(client.get("/default").text(), (PATIENCE / 2).as_secs().to_string());
    assert_eq!(client.get("/forever").text(), "for ever");
    assert_eq!(client.get("/short").status, 504);
    assert!(client.is_closed());
    assert_eq!(fixture.events(), ["failed: the handler had not answered after its time"]);
}

/// The time that is left, in seconds, rounded up.
fn left(request: &Request) -> String {
    request.deadline().map_or_else(
        || "for ever".to_owned(),
        |deadline| {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            left.as_secs_f64().ceil().to_string()
        },
    )
}

#[test]
fn functions_around_a_handler_see_the_request_first_and_the_response_last() {
    async fn outer(request: Request, next: Next) -> Response {
        next.run(request).await.field("X-Order", "outer")
    }
    async fn inner(mut request: Request, next: Next) -> Response {
        if request.field("x-stop").is_some() {
            return Status::FORBIDDEN.into_response();
        }
        request.insert(1_u8);
        request.insert("a note");
        request.insert(2_u8);
        next.run(request).await.field("X-Order", "inner")
    }
    let calls = Arc::new(AtomicU32::new(0));
    let count = with_state(Arc::clone(&calls), async |calls: Arc<AtomicU32>, request: Request| {
        calls.fetch_add(1, Ordering::Relaxed);
        format!("{:?} {:?} {:?}", request.get::<u8>(), request.get::<&str>(), request.get::<u64>())
    });
    let router = Router::new().get("/x", count).wrap(inner).wrap(outer);
    let runtime = seawall_actor::Runtime::new().unwrap();
    let server = seawall_http_server::Server::new(router).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    let mut client = crate::Client::connect(running.local_addr());
    let answer = client.get("/x");
    assert_eq!(answer.text(), "Some(2) Some(\"a note\") None");
    let order: Vec<_> = answer.head.lines().filter(|line| line.starts_with("X-Order")).collect();
    assert_eq!(order, ["X-Order: inner", "X-Order: outer"]);
    let stopped = client.ask("GET /x HTTP/1.1\r\nHost: h\r\nX-Stop: 1\r\n\r\n");
    assert_eq!((stopped.status, stopped.field("x-order")), (403, Some("outer")));
    assert_eq!(calls.load(Ordering::Relaxed), 1, "a request that was stopped is not handled");
}

#[test]
fn nested_routers_have_their_paths_below_a_prefix() {
    let named = |name: &'static str| {
        move |request: Request| {
            let id = request.param("id").map(str::to_owned).unwrap_or_default();
            let rest = request.param("rest").map(str::to_owned).unwrap_or_default();
            async move { format!("{name} {id} {rest}") }
        }
    };
    let posts = Router::new().get("", named("posts")).get("/{*rest}", named("post"));
    let user = Router::new()
        .get("", named("user"))
        .put("", named("put"))
        .nest("/posts", posts)
        .fallback(named("no such thing of a user"));
    let router = Router::new()
        .get("/", named("home"))
        .nest("/users/{id}", user)
        .post("/users/{id}", named("post user"))
        .fallback(named("no such thing"));
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    for (path, text) in [
        ("/", "home  "),
        ("/users/7", "user 7 "),
        ("/users/7/posts", "posts 7 "),
        ("/users/7/posts/9/a", "post 7 9/a"),
        ("/users/7/unknown", "no such thing of a user 7 "),
        ("/unknown", "no such thing  "),
    ] {
        assert_eq!(client.get(path).text(), text, "{path}");
    }
    let refused = client.ask("DELETE /users/7 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(
        (refused.status, refused.field("allow")),
        (405, Some("GET, HEAD, OPTIONS, POST, PUT"))
    );
}

/// H-15. The most specific pattern that has the method answers; 405 says that none has it, and `Allow`
/// which methods the resource supports (RFC 9110 §15.5.6), by whichever pattern.
#[test]
fn a_method_that_a_pattern_lacks_is_answered_by_the_next_that_matches() {
    // Says who answers, and what it is told.
    let named = |who: &'static str| {
        move |request: Request| {
            let told = request.param("path").or(request.param("name")).unwrap_or("-");
            let text = format!("{who} {told}");
            async move { text }
        }
    };
    let rest = |router: Router| router.get("/files/{*path}", named("rest"));
    let name = |router: Router| router.put("/files/{name}", named("name"));
    let exact = |router: Router| router.delete("/files/index", named("exact"));
    let any = |router: Router| router.any("/any/{*path}", named("any")).get("/any/x", named("x"));
    let in_order = any(exact(name(rest(Router::new()))));
    let in_reverse = rest(name(exact(any(Router::new()))));
    for router in [in_order, in_reverse] {
        let fixture = Fixture::serve(router.fallback(named("fallback")), |server| server);
        let mut client = fixture.client();
        for (request, status, said) in [
            ("GET /files/a", 200, "rest a"),
            ("PUT /files/a", 200, "name a"),
            ("GET /files/a/b", 200, "rest a/b"),
            ("PUT /files/a/b", 405, "GET, HEAD, OPTIONS"),
            ("DELETE /files/a", 405, "GET, HEAD, OPTIONS, PUT"),
            ("OPTIONS /files/a", 204, "GET, HEAD, OPTIONS, PUT"),
            ("DELETE /files/index", 200, "exact -"),
            ("GET /files/index", 200, "rest index"),
            ("PUT /files/index", 200, "name index"),
            ("PATCH /files/index", 405, "DELETE, GET, HEAD, OPTIONS, PUT"),
            ("GET /any/x", 200, "x -"),
            ("PUT /any/x", 200, "any x"),
            ("TRACE /any/x", 405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
            ("PUT /elsewhere", 200, "fallback -"),
        ] {
            let answer = client.ask(format!("{request} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let heard = answer.field("allow").unwrap_or(answer.text());
            assert_eq!((answer.status, heard), (status, said), "{request}");
        }
        client.send("HEAD /files/a HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.head().status, 200, "HEAD is answered where GET is");
    }
}
