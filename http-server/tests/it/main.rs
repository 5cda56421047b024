//! The server from outside, over raw sockets: what goes over the wire is what is checked.

mod blocking; // threads that are taken, stuck, replaced
mod client; // a client that knows nothing but octets
mod clients; // clients that no one here wrote: curl, reqwest
mod contents; // content in and out: lengths, chunks, Expect, HEAD, streams
mod crashes; // panics of every kind, and who notices
mod ends; // how connections and servers end: keep-alive, limits, timeouts, lingering, shutdown
mod files; // files, conditions, ranges
mod foreign; // foreign executors, streams that are no sockets of ours
mod forms; // content as text, JSON, forms
mod handovers; // Upgrade
mod leaving; // clients that leave while they are answered
mod limits; // sizes and counts: just allowed, and just too much
mod machine; // whatever comes, in whatever pieces
mod observed; // counters and events, each of them
mod pipe; // a connection in memory
mod proxies; // who the client is behind a proxy, and who is believed
mod requests; // heads that are refused, heads that are not
mod routes; // limits for a route, nesting, middleware, state
mod secure; // the same over TLS, and clients that do not get that far
mod waits; // timeouts, in simulated time

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall_actor::Runtime;
use seawall_http_server::{Error, Event, Request, Response, Router, Running, Server, Status};

use client::Client;

/// A failed expectation ends a test long before this; a hang ends it here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with its runtime. Dropping it stops both.
struct Fixture {
    running: Running,
    events: Arc<Mutex<Vec<String>>>,
    runtime: Runtime,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|server| server)
    }

    /// Serves [`routes`], set up by `setup`.
    fn with(setup: impl FnOnce(Server) -> Server) -> Self {
        Self::serve(routes(), setup)
    }

    fn serve(router: Router, setup: impl FnOnce(Server) -> Server) -> Self {
        let runtime = Runtime::new().unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let server = setup(Server::new(router)).on_event(move |event| {
            heard.lock().unwrap().push(match event {
                Event::Answered { .. } | Event::Rejected { .. } => return,
                Event::Crashed { text, .. } => format!("crashed: {text}"),
                Event::ConnectionFailed { error, .. } => format!("failed: {error}"),
                other => format!("{other:?}"),
            });
        });
        let running = server.listen(([127, 0, 0, 1], 0).into()).start(runtime.scope()).unwrap();
        Self { running, events, runtime }
    }

    fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// Waits until all connections have ended, then gives what was reported.
    fn events(&self) -> Vec<String> {
        self.until(|| self.runtime.scope().len() == 1); // the listener
        self.events.lock().unwrap().clone()
    }

    /// Waits for something that the server does by itself.
    fn until(&self, done: impl Fn() -> bool) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !done() {
            assert!(std::time::Instant::now() < deadline, "it does not happen");
            std::thread::yield_now();
        }
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

fn routes() -> Router {
    Router::new()
        .get("/hello", async |_: Request| "hello\n")
        .any("/echo", async |mut request: Request| Ok::<_, Error>(request.content().await?))
        .post("/ignore", async |_: Request| "ignored\n")
        .get("/users/{id}", async |request: Request| {
            request.param("id").unwrap_or_default().to_owned()
        })
        .get("/status/{code}", async |request: Request| {
            let code = request.param("code").and_then(|code| code.parse().ok());
            Response::new(code.and_then(Status::new).unwrap_or(Status::BAD_REQUEST))
        })
}
