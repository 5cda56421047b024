//! The server from outside, over raw sockets: the client writes its frames octet by octet, so that
//! a fault which both ends of the codec share cannot hide here.

mod accepts; // what one connection may have in place of its route's
mod batches; // what leaves in one write
mod busy; // handlers that take their time, in simulated time
mod client; // a client that knows nothing but frames
mod closes; // who closes, with which code, and who is told
#[cfg(feature = "deflate")]
mod deflate; // compression: what is agreed, both directions, violations
mod groups; // many clients at once, and how they leave
mod handlers; // all that a handler is told, and the plain form
mod handshakes; // from HTTP to WebSocket, and refusals
mod messages; // echoes, fragments, control frames, violations
mod origins; // which pages may connect
mod overflows; // clients that take less than is sent to them
mod panics; // a panic in each callback
mod peer; // a client in memory, in simulated time
mod senders; // sending from elsewhere, and what bounds it
mod waits; // how long a client may leave us waiting, in simulated time

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender as Report, channel};
use std::time::Duration;

use seawall_actor::Runtime;
use seawall_http_server::{Request, Router, Running, Server};
use seawall_ws_server::{Accept, Closed, Handler, Message, Reject, Sender, WebSocket};

use client::Client;

/// A failed expectation ends a test long before this; a hang ends it here.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a [`Probe`] reports to its test.
enum Told {
    /// Connected: its path and its sender.
    Open(String, Sender),
    Dropped(u64),
    Writable,
    Closed(Closed),
}

/// Echoes; does on request what a handler should not; and tells its test what it is told.
struct Probe {
    report: Report<Told>,
}

impl Handler for Probe {
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        self.report.send(Told::Open(request.target().to_owned(), sender.clone())).unwrap();
        if request.path().ends_with("greet") {
            sender.send("welcome").await.unwrap();
        }
        Ok(Accept::new())
    }

    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        match message {
            Message::Text("crash") => panic!("as asked"),
            Message::Text("close") => {
                sender.close(seawall_ws_server::CloseCode::new(4000).unwrap(), "done");
            }
            Message::Text("quiet") => {}
            message => drop(sender.send(message).await),
        }
    }

    async fn on_dropped(&mut self, messages: u64, _: &Sender) {
        let _ = self.report.send(Told::Dropped(messages));
    }

    async fn on_writable(&mut self, _: &Sender) {
        let _ = self.report.send(Told::Writable);
    }

    async fn on_close(&mut self, closed: &Closed) {
        let _ = self.report.send(Told::Closed(closed.clone()));
    }
}

/// A server whose every path is a [`Probe`]. Dropping it stops it.
struct Fixture {
    running: Running,
    told: Receiver<Told>,
    runtime: Runtime,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|probe| probe)
    }

    fn with(
        setup: impl FnOnce(
            WebSocket<Box<dyn Fn() -> Probe + Send + Sync>>,
        ) -> WebSocket<Box<dyn Fn() -> Probe + Send + Sync>>,
    ) -> Self {
        let (report, told) = channel();
        let report = Mutex::new(report);
        let make: Box<dyn Fn() -> Probe + Send + Sync> =
            Box::new(move || Probe { report: report.lock().unwrap().clone() });
        let router = Router::new().get("/{*path}", setup(WebSocket::new(make)));
        let runtime = Runtime::new().unwrap();
        let server = Server::new(router).listen(([127, 0, 0, 1], 0).into());
        let running = server.start(runtime.scope()).unwrap();
        Self { running, told, runtime }
    }

    fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    /// A connection after its opening handshake, and the sender of its other end.
    fn open(&self) -> (Client, Sender) {
        let client = Client::open(self.address(), "/");
        match self.told.recv_timeout(PATIENCE) {
            Ok(Told::Open(_, sender)) => (client, sender),
            _ => panic!("not told of the connection"),
        }
    }

    /// What the next connection that ended told its handler.
    fn closed(&self) -> Closed {
        loop {
            match self.told.recv_timeout(PATIENCE) {
                Ok(Told::Closed(closed)) => return closed,
                Ok(Told::Dropped(_) | Told::Writable) => {}
                _ => panic!("not told of the end"),
            }
        }
    }

    /// Nobody was told anything more.
    fn is_silent(&self) -> bool {
        self.told.try_recv().is_err()
    }
}
