//! What a server holds while it runs, and that all of it comes back: memory, threads, descriptors.
//!
//! One test: the counts are the whole process's.

#[path = "../../actor/tests/counting/mod.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use async_executor::Executor;
use futures_lite::future;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seawall_actor::Runtime;
use seawall_http_server::{
    Context, Request, Response, Router, Running, Scope, Server, Status, Upgraded, blocking,
};

use counting::BYTES;

const PATIENCE: Duration = Duration::from_secs(20);

/// Connections that are held at once to see what one costs.
const CONNECTIONS: usize = 300;

/// Bytes of an idle connection that has served a request, the actor and its places in all lists
/// included.
const BUDGET: isize = 2560;

/// Rounds of starting and stopping that must leave nothing.
const ROUNDS: usize = 200;

/// Bytes that may be left of all rounds together: tables that have grown.
const SLACK: isize = 64 * 1024;

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn what_a_server_held_comes_back() {
    an_idle_connection_is_small();
    starting_and_stopping_leaves_nothing(ROUNDS);
    a_server_without_descriptors_recovers();
}

/// H-02 at length; a few minutes.
#[test]
#[ignore = "slow: run alone with --ignored"]
fn thousands_of_rounds_leave_nothing() {
    starting_and_stopping_leaves_nothing(5000);
}

fn routes() -> Router {
    Router::new()
        .get("/hello", async |_: Request| "hello\n")
        .get("/blocking", blocking(|_: Request| "hello\n"))
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

fn serve() -> (Runtime, Running) {
    let runtime = Runtime::new().unwrap();
    let server = Server::new(routes()).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    (runtime, running)
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

fn an_idle_connection_is_small() {
    let (runtime, running) = serve();
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
    let (runtime, running) = serve();
    let address = running.local_addr();
    let get = |path: &str, fields: &str| {
        connect(address, format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes())
    };
    let mut idle = connect(address, HELLO);
    answered(&mut idle);
    let mut plain = get("/blocking", "");
    answered(&mut plain);
    let mut stream = get("/stream", "");
    answered(&mut stream);
    let mut upgraded = get("/upgrade", "Connection: upgrade\r\nUpgrade: wait\r\n");
    answered(&mut upgraded);
    let busy = get("/hang", "");
    let partial = connect(address, b"GET /hello HT");
    until("requests arrive", || running.stats().requests == 5 && running.stats().active == 6);
    // Streams, handlers and half a head never end by themselves: they are killed.
    runtime.block_on(running.shutdown(Duration::from_millis(5)));
    drop(running);
    let _ = runtime.shutdown(PATIENCE);
    drop((idle, plain, stream, upgraded, busy, partial));
}

/// H-11: without descriptors the server waits, and serves again as soon as there are some.
fn a_server_without_descriptors_recovers() {
    const CLIENTS: usize = 40;
    // On an executor that does not run yet: the clients connect before anything is accepted.
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let server = Server::new(routes()).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(&scope).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(running.local_addr(), HELLO)).collect();
    let limit = getrlimit(Resource::Nofile);
    // Enough for half of the server's ends, and a few for whatever drives sockets and timers.
    let lowered = (descriptors() + CLIENTS / 2) as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(lowered), ..limit }).unwrap();
    let (stop, stopped) = async_channel::bounded::<()>(1);
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
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
