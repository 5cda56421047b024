//! What a server holds while it runs, and that all of it comes back: memory, threads, descriptors.
//!
//! One test: the counts are the whole process's.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use async_channel::{Receiver, bounded};
use async_executor::Executor;
use futures_lite::future;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use seawall_actor::Runtime;
use seawall_http_server::{
    Context, Event, Request, Response, Router, Running, Scope, Server, Status, Upgraded, blocking,
};

use seawall_tls::{Acceptor, Config, Identity};

use counting::BYTES;

const PATIENCE: Duration = Duration::from_secs(20);

/// Connections that are held at once to see what one costs.
const CONNECTIONS: usize = 300;

/// Bytes of an idle connection that has served a request, the actor and its places in all lists
/// included.
const BUDGET: isize = 1024;

/// Rounds of starting and stopping that must leave nothing.
const ROUNDS: usize = 100;

/// Requests that must leave nothing.
const REQUESTS: usize = 50_000;

/// Bytes that may be left of all rounds together: tables that have grown.
const SLACK: isize = 64 * 1024;

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn what_a_server_held_comes_back() {
    an_idle_connection_is_small();
    requests_leave_nothing(REQUESTS);
    starting_and_stopping_leaves_nothing(ROUNDS);
    a_server_without_descriptors_recovers();
}

/// H-02 at length; a few minutes.
#[test]
#[ignore = "slow: run alone with --ignored"]
fn thousands_of_rounds_leave_nothing() {
    starting_and_stopping_leaves_nothing(5000);
}

/// HTTP-06 at length; some minutes in an optimised build.
#[test]
#[ignore = "slow: run alone with --release and --ignored"]
fn tens_of_millions_of_requests_leave_nothing() {
    requests_leave_nothing(20_000_000);
}

/// What `/gate` waits for is a message, or the end of the sender.
fn routes(gate: Receiver<()>) -> Router {
    Router::new()
        .get("/gate", blocking(move |_: Request| gate.recv_blocking().map_or("closed", |()| "")))
        .get("/hello", async |_: Request| "hello\n")
        .get("/blocking", blocking(|_: Request| "hello\n"))
        .get("/crash", async |_: Request| -> &'static str {
            // As a panic, but without the hook that would write a backtrace each time.
            std::panic::resume_unwind(Box::new("as asked"))
        })
        .get("/big", async |_: Request| vec![b'x'; 16 << 20])
        .post("/count", async |mut request: Request| {
            request.content().await.map(|content| content.len().to_string())
        })
        .get("/hang", async |_: Request| std::future::pending::<Status>().await)
        .get("/stream", async |_: Request| {
            Response::new(Status::OK).stream("text/plain", async |mut sender| {
                while sender.send("more\n").await.is_ok() {}
            })
        })
        .get("/upgrade", async |_: Request| {
            Response::switching_protocols("wait", async |_: Upgraded, context: Context| {
                context.stopping().await;
            })
        })
}

fn serve(gate: Receiver<()>) -> (Runtime, Running) {
    let runtime = Runtime::new().unwrap();
    let running = serve_in(&runtime, gate);
    (runtime, running)
}

/// A gate that lets everybody pass.
fn open() -> Receiver<()> {
    bounded(1).1
}

fn serve_in(runtime: &Runtime, gate: Receiver<()>) -> Running {
    let address = ([127, 0, 0, 1], 0).into();
    let acceptor = Acceptor::new(Config::new(certified().0.clone())).unwrap();
    let server = Server::new(routes(gate)).listen(address).listen_tls(address, acceptor);
    server.start(runtime.scope()).unwrap()
}

/// An identity for `localhost`, and a client's configuration that trusts it.
fn certified() -> &'static (Identity, Arc<ClientConfig>) {
    static MADE: OnceLock<(Identity, Arc<ClientConfig>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let identity = Identity::text(made.cert.pem(), made.signing_key.serialize_pem());
        (identity, Arc::new(config))
    })
}

fn session() -> ClientConnection {
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::clone(&certified().1), name).unwrap()
}

fn connect(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    stream
}

/// Reads at least one octet of an answer.
fn answered(stream: &mut TcpStream) {
    assert!(stream.read(&mut [0; 256]).unwrap() > 0);
}

fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

/// HTTP-01, HTTP-04: what a connection is must fit into its actor, and be gone with it.
fn an_idle_connection_is_small() {
    let (runtime, running) = serve(open());
    let ask = |n: usize| -> Vec<TcpStream> {
        let mut streams: Vec<_> = (0..n).map(|_| connect(running.local_addr(), HELLO)).collect();
        streams.iter_mut().for_each(answered);
        streams
    };
    // What is made once: thread-local buffers, tables.
    let first = ask(CONNECTIONS);
    drop(first);
    until("connections end", || running.stats().active == 0);
    let before = BYTES.load(Ordering::SeqCst);
    let held = ask(CONNECTIONS);
    // The answer is out before the connection waits again.
    let cost = || (BYTES.load(Ordering::SeqCst) - before) / CONNECTIONS as isize;
    until("an idle connection is beyond its budget", || cost() <= BUDGET || cost_is_final(&cost));
    let cost = cost();
    println!("an idle connection holds {cost} bytes");
    assert!(cost <= BUDGET, "an idle connection holds {cost} bytes, more than {BUDGET}");
    drop(held);
    let _ = runtime.shutdown(PATIENCE);
}

/// Whether it has not changed for a while.
fn cost_is_final(cost: &impl Fn() -> isize) -> bool {
    let now = cost();
    thread::sleep(Duration::from_millis(200));
    now == cost()
}

/// HTTP-06: however many requests, and connections, the server holds what it held after the first, and what its workers
/// keep of read buffers, as many as each may (`actor/src/buffer.rs`).
fn requests_leave_nothing(requests: usize) {
    /// What a connection may ask by default: the last answer ends it.
    const EACH: usize = 1000;
    const WORKERS: NonZero<usize> = NonZero::new(2).unwrap();
    const KEPT: isize = WORKERS.get() as isize * 32 * 16 * 1024;
    let runtime = Runtime::builder().workers(WORKERS).build().unwrap();
    let running = serve_in(&runtime, open());
    let all = HELLO.repeat(EACH);
    let ask = || {
        let mut answers = Vec::new();
        connect(running.local_addr(), &all).read_to_end(&mut answers).unwrap();
        let greetings = answers.windows(6).filter(|octets| octets == b"hello\n").count();
        assert_eq!(greetings, EACH);
    };
    let idle = || until("connections end", || running.stats().active == 0);
    ask();
    idle();
    let before = BYTES.load(Ordering::SeqCst);
    for _ in 0..requests / EACH {
        ask();
    }
    idle();
    let grown = BYTES.load(Ordering::SeqCst) - before;
    println!("{requests} requests left {grown} bytes");
    assert!(grown <= KEPT + SLACK, "{requests} requests left {grown} bytes");
    let _ = runtime.shutdown(PATIENCE);
}

/// H-02.
fn starting_and_stopping_leaves_nothing(rounds: usize) {
    for _ in 0..10 {
        round();
    }
    let before = (threads(), descriptors(), BYTES.load(Ordering::SeqCst));
    for _ in 0..rounds {
        round();
    }
    until("threads are left", || threads() <= before.0);
    assert!(descriptors() <= before.1, "{} descriptors, {} before", descriptors(), before.1);
    let grown = BYTES.load(Ordering::SeqCst) - before.2;
    println!("{rounds} rounds left {grown} bytes");
    assert!(grown <= SLACK, "{rounds} rounds left {grown} bytes");
}

/// Starts a server, has connections of every kind, and stops it.
fn round() {
    let (release, gate) = bounded(1);
    let (runtime, running) = serve(gate);
    let [plain, secure] = *running.local_addrs() else { panic!("two endpoints") };
    let get = |path: &str, fields: &str| {
        connect(plain, format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes())
    };
    // A crash ends its connection; who held it open would be lingered for.
    answered(&mut get("/crash", ""));
    // Idle, after requests of two kinds; and while a response streams, or a protocol took over.
    let mut answered_by = [
        connect(plain, HELLO),
        get("/blocking", ""),
        get("/stream", ""),
        get("/upgrade", "Connection: upgrade\r\nUpgrade: wait\r\n"),
    ];
    answered_by.iter_mut().for_each(answered);
    // Handlers that do not end, a client that does not read, and halves of all that can be cut.
    let mut unanswered = [
        get("/gate", ""),
        get("/hang", ""),
        get("/big", ""),
        connect(plain, b""),
        connect(plain, b"GET /hello HT"),
        connect(plain, b"POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\nhalf"),
        connect(secure, b"\x16\x03\x01\x00"),
    ];
    let mut idle = StreamOwned::new(session(), connect(secure, b""));
    idle.write_all(HELLO).unwrap();
    assert!(idle.read(&mut [0; 256]).unwrap() > 0);
    let mut hello = Vec::new();
    session().write_tls(&mut hello).unwrap();
    let mut undecided = connect(secure, &hello);
    answered(&mut undecided);
    until("requests arrive", || running.stats().requests == 10 && running.stats().active == 13);
    // Streams, handlers and halves never end by themselves: they are killed.
    runtime.block_on(running.shutdown(Duration::from_millis(5)));
    // The function is still at it, and its client need not wait for it.
    let closed = unanswered[0].read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(closed, Ok(0) | Err(ErrorKind::ConnectionReset)), "{closed:?}");
    drop(release);
    drop(running);
    let _ = runtime.shutdown(PATIENCE);
    drop((answered_by, unanswered, idle, undecided));
}

/// H-11, HTTP-06: without descriptors the server waits, and serves again as soon as there are some.
fn a_server_without_descriptors_recovers() {
    const CLIENTS: usize = 40;
    // On an executor that does not run yet: the clients connect before anything is accepted.
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let told = Arc::new(AtomicU64::new(0));
    let tell = Arc::clone(&told);
    let server =
        Server::new(routes(open())).listen(([127, 0, 0, 1], 0).into()).on_event(move |event| {
            if let Event::AcceptFailed { .. } = event {
                tell.fetch_add(1, Ordering::SeqCst);
            }
        });
    let running = server.start(&scope).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(running.local_addr(), HELLO)).collect();
    let limit = getrlimit(Resource::Nofile);
    // Enough for half of the server's ends, and a few for whatever drives sockets and timers.
    let lowered = (descriptors() + CLIENTS / 2) as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(lowered), ..limit }).unwrap();
    let (stop, stopped) = bounded::<()>(1);
    let serving = thread::spawn(move || future::block_on(executor.run(stopped.recv())));
    until("accepting fails", || running.stats().accept_errors > 0);
    // Those that it has are served, and the others once some of them have gone.
    let rest = clients.split_off(1);
    answered(&mut clients[0]);
    drop(clients);
    for mut client in rest {
        answered(&mut client);
    }
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(future::block_on(running.shutdown(PATIENCE)), 0);
    drop(stop);
    let _ = serving.join().unwrap();
    assert_eq!(told.load(Ordering::SeqCst), running.stats().accept_errors);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
