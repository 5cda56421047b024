use seawall_http_server::{BodySender, Request, Response, Router, Status, blocking};

use crate::Fixture;

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

fn number(request: &Request) -> usize {
    request.query_param("n").and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn routes() -> Router {
    crate::routes()
        .get("/panic", async |_: Request| -> &'static str { panic!("explicit") })
        .get("/match", async |request: Request| request.param("none").expect("match").to_owned())
        .get("/divide", async |request: Request| (1 / number(&request)).to_string())
        .get("/index", async |request: Request| [1, 2][number(&request) + 2].to_string())
        .get("/drop", async |_: Request| {
            let _grenade = Grenade;
            "a grenade goes off behind this\n"
        })
        .get("/blocking", blocking(|_: Request| -> &'static str { panic!("blocking") }))
        .get("/early", |_: Request| {
            if true {
                panic!("before the future");
            }
            async { "never" }
        })
        .get("/unstarted", async |_: Request| {
            Response::new(Status::OK).stream("text/plain", async |_: BodySender| -> () {
                panic!("before the first part");
            })
        })
        .get("/stream", async |_: Request| {
            Response::new(Status::OK).stream("text/plain", async |mut sender: BodySender| -> () {
                let _ = sender.send("the first part\n").await;
                panic!("in the stream");
            })
        })
}

/// HTTP-02, HTTP-05.
#[test]
fn every_kind_of_panic_is_a_500_and_nobody_else_notices() {
    let fixture = Fixture::serve(routes(), |server| server);
    let mut bystander = fixture.client();
    assert_eq!(bystander.get("/hello").status, 200);
    let paths =
        ["/panic", "/match", "/divide", "/index", "/drop", "/blocking", "/early", "/unstarted"];
    for path in paths {
        let mut client = fixture.client();
        let answer = client.get(path);
        assert_eq!(answer.status, 500, "{path}");
        assert!(answer.closes() && client.is_closed(), "{path}");
        assert_eq!(bystander.get("/hello").status, 200, "a connection from before {path}");
        assert_eq!(fixture.client().get("/hello").status, 200, "a connection after {path}");
    }
    drop(bystander);
    let events = fixture.events();
    assert_eq!(events.len(), paths.len(), "{events:?}");
    assert!(events.contains(&"crashed: explicit".to_owned()), "{events:?}");
    assert_eq!(fixture.running.stats().crashes, paths.len() as u64);
}

/// HTTP-02.
#[test]
fn a_panic_in_a_stream_cuts_it_off() {
    let fixture = Fixture::serve(routes(), |server| server);
    let mut client = fixture.client();
    client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.until(b"part\n\r\n"), b"f\r\nthe first part\n\r\n");
    // A reset, and no last chunk: nobody can take this for the whole.
    assert_eq!(client.rest(), Err(std::io::ErrorKind::ConnectionReset));
    // HTTP/1.0 has no chunks to miss: there the reset is the only sign.
    let mut old = fixture.client();
    old.send("GET /stream HTTP/1.0\r\n\r\n");
    assert_eq!(old.head().status, 200);
    assert_eq!(old.rest(), Err(std::io::ErrorKind::ConnectionReset));
    assert_eq!(fixture.events(), ["crashed: in the stream"; 2]);
}

#[test]
fn answers_before_a_crash_in_the_pipeline_arrive() {
    let fixture = Fixture::serve(routes(), |server| server);
    let mut client = fixture.client();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(get("/hello") + &get("/panic") + &get("/hello"));
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 500);
    assert!(client.is_closed(), "what came after the crash is not answered");
}
