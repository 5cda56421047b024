//! Every limit of [`Limits`]: what is just allowed and what is just too much, by default and as
//! changed.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use async_executor::Executor;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::sim::Simulation;
use seawall_http_server::{Limits, Request, Running, Scope, Server, Timeouts, blocking};

use crate::pipe::{self, End};
use crate::{Fixture, PATIENCE};

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

/// `before` and `after` with as much between them as makes `len` octets of all.
fn filled(before: &str, after: &str, len: usize) -> String {
    let fill = "x".repeat(len - before.len() - after.len());
    format!("{before}{fill}{after}")
}

fn request_line(len: usize) -> String {
    filled("GET /hello?", " HTTP/1.1\r\n", len) + "Host: h\r\n\r\n"
}

fn field_line(len: usize) -> String {
    let line = filled("X: ", "\r\n", len);
    format!("GET /hello HTTP/1.1\r\nHost: h\r\n{line}\r\n")
}

/// In lines of 1000 octets, so that only their sum is much.
fn head(len: usize) -> String {
    let mut head = "GET /hello HTTP/1.1\r\nHost: h\r\n".to_owned();
    while head.len() + 1000 + 10 < len {
        head += &filled("X: ", "\r\n", 1000);
    }
    filled(&(head + "X: "), "\r\n\r\n", len)
}

fn fields(count: usize) -> String {
    let others = "X: y\r\n".repeat(count - 1);
    format!("GET /hello HTTP/1.1\r\nHost: h\r\n{others}\r\n")
}

fn body(len: usize) -> String {
    let content = "x".repeat(len);
    format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n{content}")
}

fn chunks(len: usize) -> String {
    let mut request =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let mut left = len;
    while left > 0 {
        let chunk = left.min(1000);
        request += &format!("{chunk:x}\r\n{}\r\n", "x".repeat(chunk));
        left -= chunk;
    }
    request + "0\r\n\r\n"
}

fn chunk_extension(len: usize) -> String {
    let extension = filled(";", "", len);
    format!(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1{extension}\r\nx\r\n0\r\n\r\n"
    )
}

fn trailers(len: usize) -> String {
    let trailers = filled("X: ", "\r\n\r\n", len);
    format!("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{trailers}")
}

/// H-01.
#[test]
fn each_size_is_allowed_up_to_its_limit() {
    let changed = Limits {
        request_line: 100,
        field_line: 2000,
        head: 3000,
        fields: 9,
        body: 5000,
        chunk_extension: 10,
        trailers: 50,
        ..Limits::default()
    };
    /// What is limited, a request that has so much of it, the limit, and what is beyond it.
    type Row = (&'static str, fn(usize) -> String, fn(&Limits) -> usize, u16);
    let table: [Row; 8] = [
        ("request line", request_line, |limits| limits.request_line, 414),
        ("field line", field_line, |limits| limits.field_line, 431),
        ("head", head, |limits| limits.head, 431),
        ("fields", fields, |limits| limits.fields, 431),
        ("body", body, |limits| limits.body as usize, 413),
        ("chunked body", chunks, |limits| limits.body as usize, 413),
        ("chunk extension", chunk_extension, |limits| limits.chunk_extension, 400),
        ("trailers", trailers, |limits| limits.trailers, 431),
    ];
    let documented = [8192, 8192, 16_384, 128, 1 << 20, 1 << 20, 256, 4096];
    for limits in [Limits::default(), changed] {
        let fixture = Fixture::with(|server| server.limits(limits.clone()));
        for ((what, request, limit, status), documented) in table.into_iter().zip(documented) {
            let limit_now = limit(&limits);
            if limits == Limits::default() {
                assert_eq!(limit_now, documented, "{what}");
            }
            let mut client = fixture.client();
            client.try_send(request(limit_now).as_bytes());
            assert_eq!(client.answer().status, 200, "{what}: {limit_now}");
            assert_eq!(client.get("/hello").status, 200, "{what}: the connection goes on");
            client.try_send(request(limit_now + 1).as_bytes());
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (status, true), "{what}: {limit_now} + 1");
            assert!(client.is_closed(), "{what}");
        }
    }
}

#[test]
fn a_connection_has_a_thousand_requests() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for n in 1..=1000 {
        let answer = client.get("/hello");
        assert_eq!((answer.status, answer.closes()), (200, n == 1000), "{n}");
    }
    assert!(client.is_closed());
}

/// A client at an address of its own, which has asked once.
async fn connect(running: &Running, address: u32) -> (End, impl Future<Output = ()> + use<>) {
    let (mut client, stream) = pipe::pair(&[]);
    let peer = SocketAddr::from((address.to_be_bytes(), 7));
    let serving = running.serve_connection(stream, peer);
    client.write_all(HELLO.as_bytes()).await.unwrap();
    (client, async { drop(serving.await) })
}

async fn read_some(client: &mut End) -> String {
    let mut piece = [0; 200];
    let len = client.read(&mut piece).await.unwrap();
    String::from_utf8_lossy(&piece[..len]).into_owned()
}

/// H-06. 20 000 in all, the next waits; 1 000 from one address, the next is told so.
#[test]
fn connections_are_counted_in_all_and_by_address() {
    let done = Simulation::new(3).run(async |scope| {
        let running = Server::new(crate::routes()).start_without_listener(scope);
        let executor = Executor::new();
        let test = async {
            let mut clients = Vec::new();
            for n in 0..20_000 {
                let (client, serving) = connect(&running, n % 20).await;
                executor.spawn(serving).detach();
                clients.push(client);
            }
            for client in &mut clients {
                assert!(read_some(client).await.starts_with("HTTP/1.1 200 "));
            }
            assert_eq!(running.stats().active, 20_000);
            let (mut next, serving) = connect(&running, 99).await;
            executor.spawn(serving).detach();
            // Its turn comes when another ends, and not before.
            assert_eq!(future::poll_once(read_some(&mut next)).await, None);
            future::yield_now().await;
            assert_eq!(running.stats().accepted, 20_000);
            drop(clients.remove(20));
            assert!(read_some(&mut next).await.starts_with("HTTP/1.1 200 "));
            // One more has left; the first of the addresses has its thousand still, but one.
            drop(clients.remove(20));
            let (mut refused, serving) = connect(&running, 2).await;
            executor.spawn(serving).detach();
            let answer = read_some(&mut refused).await;
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            assert_eq!((running.stats().accepted, running.stats().refused), (20_002, 1));
        };
        executor.run(test).await;
    });
    done.unwrap();
}

/// A gate at which threads wait.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

/// 256 threads for what blocks, 1 024 requests that wait for one, and 503 for the next.
#[test]
fn blocking_handlers_have_threads_and_a_queue() {
    let gate = Arc::new(Gate::default());
    let wait = Arc::clone(&gate);
    let router = crate::routes().get(
        "/wait",
        blocking(move |_: Request| {
            wait.wait();
            "done\n"
        }),
    );
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let timeouts = Timeouts { handler: PATIENCE * 3, ..Timeouts::default() };
    let running = Server::new(router).timeouts(timeouts).start_without_listener(&scope);
    let wait = HELLO.replace("/hello", "/wait");
    let ask = async |n: u32| {
        let (mut client, stream) = pipe::pair(&[]);
        let peer = SocketAddr::from((n.to_be_bytes(), 7));
        executor.spawn(running.serve_connection(stream, peer)).detach();
        client.write_all(wait.as_bytes()).await.unwrap();
        client
    };
    let test = async {
        let queued = async |requests, queued| {
            while (running.stats().requests, running.stats().blocking_queued) != (requests, queued)
            {
                seawall_actor::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let mut clients = Vec::new();
        // What waits for a thread that is about to start waits in the queue, too.
        for n in 0..256 {
            clients.push(ask(n).await);
        }
        queued(256, 0).await;
        for n in 0..1024 {
            clients.push(ask(256 + n).await);
        }
        queued(256 + 1024, 1024).await;
        assert_eq!(running.stats().blocking_refused, 0);
        let answer = read_some(&mut ask(9999).await).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        gate.open();
        for client in &mut clients {
            assert!(read_some(client).await.starts_with("HTTP/1.1 200 "));
        }
    };
    future::block_on(executor.run(test));
}
