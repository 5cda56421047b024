use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::time;
use seawall_http_server::{Handler, Limits, Request, Response, Status, blocking};

use crate::{Client, Fixture, PATIENCE, pipe};

const BLOCK: &str = "GET /block HTTP/1.1\r\nHost: h\r\n\r\n";

struct Blocked {
    fixture: Fixture,
    /// What `/block` waits for: a message for each, or the end of this.
    release: Sender<()>,
    /// Told by each `/block` that has begun.
    entered: Receiver<()>,
}

fn serve(limits: Limits) -> Blocked {
    let (release, gate): (_, Receiver<()>) = channel();
    let (enter, entered) = channel();
    let gate = Mutex::new(gate);
    let block = blocking(move |_: Request| {
        let _ = enter.send(());
        let _ = gate.lock().unwrap().recv();
        "released\n"
    });
    let (release_stuck, stuck_gate): (_, Receiver<()>) = channel();
    let stuck_gate = Mutex::new(stuck_gate);
    std::mem::forget(release_stuck); // never used: what waits for it waits until the process ends
    let stick = blocking(move |_: Request| {
        let _ = stuck_gate.lock().unwrap().recv();
        "never\n"
    });
    let router = crate::routes()
        .get("/block", block)
        .get("/stick", stick.timeout(Duration::from_millis(30)))
        .get("/plain", blocking(|_: Request| "plain\n"));
    let fixture = Fixture::serve(router, |server| server.limits(limits));
    Blocked { fixture, release, entered }
}

/// HTTP-03, HTTP-07.
#[test]
fn beyond_threads_and_queue_the_answer_is_503_and_the_rest_goes_on() {
    let Blocked { fixture, release, entered } =
        serve(Limits { blocking_threads: 1, blocking_queue: 1, ..Limits::default() });
    let queued = |n| fixture.until(|| fixture.running.stats().blocking_queued == n);
    let mut running = fixture.client();
    running.send(BLOCK);
    entered.recv_timeout(PATIENCE).unwrap();
    let mut waiting = fixture.client();
    waiting.send(BLOCK);
    queued(1);
    let refused = fixture.client().get("/plain");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.field("retry-after"), Some("1"));
    assert!(!refused.closes(), "nothing is wrong with the connection");
    assert_eq!(fixture.client().get("/hello").status, 200, "async handlers notice nothing");
    drop(release);
    for client in [&mut running, &mut waiting] {
        assert_eq!(client.answer().text(), "released\n");
    }
    assert_eq!(fixture.client().get("/plain").status, 200);
    assert_eq!(fixture.running.stats().blocking_refused, 1);
}

/// H-05: a blocking handler that never returns must not take capacity away for good.
#[test]
fn handlers_that_never_return_leave_the_server_its_threads() {
    let Blocked { fixture, .. } =
        serve(Limits { blocking_threads: 2, blocking_stuck: 6, ..Limits::default() });
    // What is over before a busy machine has begun with it holds no thread, and does not count.
    let missing = || 6 - fixture.running.stats().blocking_stuck;
    while missing() > 0 {
        let mut clients: Vec<Client> = (0..missing().min(2)).map(|_| fixture.client()).collect();
        for client in &mut clients {
            client.send("GET /stick HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.answer().status, 504);
        }
    }
    assert_eq!(fixture.running.stats().blocking_refused, 0);
    assert_eq!(fixture.client().get("/plain").text(), "plain\n");
}

/// H-03. Nothing stops a plain function, and it holds its request, by which it once held the
/// connection, too: the client of one that was killed waited until the function returned.
#[test]
fn a_shutdown_closes_what_a_blocking_handler_still_works_for() {
    let Blocked { fixture, release, entered } = serve(Limits::default());
    let mut client = fixture.client();
    client.send(BLOCK);
    entered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(fixture.block_on(fixture.running.shutdown(Duration::from_millis(50))), 1);
    assert!(client.is_closed());
    drop(release);
}

/// The same where whoever gave us the connection ends it.
#[test]
fn a_dropped_connection_closes_although_a_blocking_handler_still_works_for_it() {
    let Blocked { fixture, release, entered } = serve(Limits::default());
    let (mut client, stream) = pipe::pair(&[]);
    let serving = fixture.running.serve_connection(stream, ([127, 0, 0, 1], 7).into());
    fixture.block_on(async {
        let asking = async {
            client.write_all(BLOCK.as_bytes()).await.unwrap();
            entered.recv_timeout(PATIENCE).unwrap();
            None
        };
        let ended = future::or(async { Some(serving.await) }, asking).await;
        assert!(ended.is_none(), "{ended:?}");
        let closed = time::timeout(PATIENCE, client.read(&mut [0])).await;
        assert_eq!(closed.expect("it stays open").unwrap(), 0);
    });
    drop(release);
}

/// H-05, HTTP-07. The same for async handlers, and code that makes content, which hold the threads of the runtime
/// itself: whatever they block on, others are served meanwhile, as often as they like.
#[test]
fn async_handlers_that_block_their_threads_leave_the_server_others() {
    // More than there are workers, of each kind.
    let each = std::thread::available_parallelism().map_or(8, |cores| cores.get() + 2);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let wait = move |gate: &(Mutex<bool>, Condvar)| {
        drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
    };
    let (in_handler, in_stream) = (Arc::clone(&gate), Arc::clone(&gate));
    let router = crate::routes()
        .get("/block", move |_: Request| {
            let gate = Arc::clone(&in_handler);
            async move {
                wait(&gate);
                "released\n"
            }
        })
        .get("/stream", move |_: Request| {
            let gate = Arc::clone(&in_stream);
            async move {
                Response::new(Status::OK).stream("text/plain", async move |mut sender| {
                    wait(&gate);
                    sender.send("released\n").await
                })
            }
        });
    let fixture = Fixture::serve(router, |server| server);
    let mut held: Vec<Client> = Vec::new();
    for path in ["/block", "/stream"] {
        for _ in 0..each {
            let mut client = fixture.client();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            held.push(client);
        }
    }
    for _ in 0..100 {
        assert_eq!(fixture.client().get("/hello").status, 200);
    }
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for client in &mut held {
        assert_eq!(client.answer().text(), "released\n");
    }
}
