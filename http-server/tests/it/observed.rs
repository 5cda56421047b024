//! One server, and after each thing that can happen to it: what it has counted, and what it told.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seawall_actor::Runtime;
use seawall_http_server::{
    Context, Event, Limits, Request, Response, Running, Server, Stats, Timeouts, Upgraded,
};
use seawall_tls::{Acceptor, Config, Identity};

use crate::{Client, PATIENCE};

struct Observed {
    running: Running,
    told: Arc<Mutex<Vec<String>>>,
    /// What should have been counted so far.
    expected: Stats,
    runtime: Runtime,
}

impl Observed {
    fn new() -> Self {
        let router = crate::routes()
            .get("/crash", async |_: Request| -> &'static str { panic!("as asked") })
            .get("/wait", async |_: Request| std::future::pending::<&str>().await)
            .get("/upgrade/{kind}", async |request: Request| {
                let late = request.param("kind") == Some("late");
                Response::switching_protocols("p", async move |_: Upgraded, _: Context| {
                    if late { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(()) }
                })
            });
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        let acceptor = Acceptor::new(Config::new(identity)).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&told);
        let runtime = Runtime::new().unwrap();
        let running = Server::new(router)
            .limits(Limits { connections_per_address: 1, ..Limits::default() })
            // Short enough to wait for; what else is asked comes whole, or is answered at once.
            .timeouts(Timeouts {
                head: Duration::from_millis(50),
                handler: Duration::from_millis(50),
                ..Timeouts::default()
            })
            .on_event(move |event| hear.lock().unwrap().push(text(event)))
            .listen(([127, 0, 0, 1], 0).into())
            .listen_tls(([127, 0, 0, 1], 0).into(), acceptor)
            .start(runtime.scope())
            .unwrap();
        Self { running, told, expected: Stats::default(), runtime }
    }

    /// Lets something happen to one connection, waits for its end, and compares.
    fn see(&mut self, what: &str, endpoint: SocketAddr, counts: fn(&mut Stats), tells: &[&str]) {
        let mut client = Client::connect(endpoint);
        client.send(what);
        let _ = client.rest(); // to its end, whatever that is
        drop(client);
        counts(&mut self.expected);
        self.compare(&what[..what.len().min(40)], tells);
    }

    fn compare(&mut self, what: &str, tells: &[&str]) {
        self.expected.accepted += 1;
        self.expected.closed += 1;
        let deadline = Instant::now() + PATIENCE;
        // The listeners are what stays.
        while self.runtime.scope().len() > 2 || self.running.stats().active > 0 {
            assert!(Instant::now() < deadline, "{what}: it does not end");
            std::thread::yield_now();
        }
        assert_eq!(self.running.stats(), self.expected, "{what}");
        assert_eq!(std::mem::take(&mut *self.told.lock().unwrap()), tells, "{what}");
    }
}

fn text(event: &Event<'_>) -> String {
    match event {
        Event::Answered { peer, method, target, status, .. } => {
            format!("answered {} {method} {target} {}", peer.ip(), status.code())
        }
        Event::Rejected { peer, status, error } => {
            format!("rejected {} {}: {error}", peer.ip(), status.code())
        }
        Event::Crashed { text, .. } => format!("crashed: {text}"),
        Event::ConnectionFailed { error, .. } => format!("failed: {error}"),
        Event::Refused { peer } => format!("refused {}", peer.ip()),
        other => format!("{other:?}"),
    }
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

/// H-04. What needs the whole process is elsewhere: an accept that fails in `tests/resources.rs`,
/// threads that block in `blocking.rs`.
#[test]
fn each_counter_and_each_event() {
    let mut server = Observed::new();
    let [plain, tls] = *server.running.local_addrs() else { panic!("two endpoints") };
    server.see(
        &get("/hello?x", ""),
        plain,
        |stats| stats.requests += 1,
        &["answered 127.0.0.1 GET /hello?x 200"],
    );
    server.see(
        &get("/status/404", ""),
        plain,
        |stats| {
            stats.requests += 1;
            stats.client_errors += 1;
        },
        &["answered 127.0.0.1 GET /status/404 404"],
    );
    server.see(
        &get("/status/503", ""),
        plain,
        |stats| {
            stats.requests += 1;
            stats.server_errors += 1;
        },
        &["answered 127.0.0.1 GET /status/503 503"],
    );
    server.see(
        &get("/crash", ""),
        plain,
        |stats| {
            stats.requests += 1;
            stats.server_errors += 1;
            stats.crashes += 1;
        },
        &["answered 127.0.0.1 GET /crash 500", "crashed: as asked"],
    );
    server.see(
        &get("/wait", ""),
        plain,
        |stats| {
            stats.requests += 1;
            stats.server_errors += 1;
            stats.timeouts += 1;
        },
        &[
            "answered 127.0.0.1 GET /wait 504",
            "failed: the handler had not answered after its time",
        ],
    );
    // What no handler sees is in the log all the same.
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(9000));
    for (request, status, why) in [
        ("bad\r\n\r\n", 400, "the client broke the protocol: malformed request line (RFC 9112 §3)"),
        (
            &long,
            414,
            "the client broke the protocol: request line over the size limit (RFC 9112 §3)",
        ),
        ("GET /hello HTTP/1.1\r\n", 408, "the client was too slow: a request head"),
    ] {
        if status == 408 {
            server.expected.timeouts += 1;
        }
        let tells = [format!("rejected 127.0.0.1 {status}: {why}"), format!("failed: {why}")];
        server.see(
            request,
            plain,
            |stats| {
                stats.request_errors += 1;
                stats.client_errors += 1;
            },
            &[&tells[0], &tells[1]],
        );
    }
    let upgrade = "Connection: upgrade\r\nUpgrade: p\r\n";
    server.see(
        &get("/upgrade/calm", upgrade),
        plain,
        |stats| {
            stats.requests += 1;
            stats.upgrades += 1;
        },
        &["answered 127.0.0.1 GET /upgrade/calm 101"],
    );
    // Time may run out after HTTP, too.
    server.see(
        &get("/upgrade/late", upgrade),
        plain,
        |stats| {
            stats.requests += 1;
            stats.upgrades += 1;
            stats.timeouts += 1;
        },
        &["answered 127.0.0.1 GET /upgrade/late 101", "failed: timed out"],
    );
    server.see(
        &get("/hello", ""),
        tls,
        |stats| stats.handshake_errors += 1,
        &["failed: the client spoke plain HTTP in place of TLS"],
    );
    let mut first = Client::connect(plain);
    assert_eq!(first.get("/hello").status, 200);
    let mut second = Client::connect(plain);
    assert_eq!(second.answer().status, 503);
    drop(first);
    server.expected.requests += 1;
    server.expected.refused += 1;
    server.expected.accepted += 1;
    server.expected.closed += 1;
    server.compare("one too many", &["answered 127.0.0.1 GET /hello 200", "refused 127.0.0.1"]);
}
