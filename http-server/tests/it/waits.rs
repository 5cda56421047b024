//! Every wait for a client or a handler ends when [`Timeouts`] say, by default and as changed.
//!
//! Time is simulated: it passes when nobody can run, so that each end is exact and takes no time.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::sim::Simulation;
use seawall_actor::time;
use seawall_http_server::{
    Error, Request, Response, Router, Running, Server, Stats, Status, Timeouts,
};

use crate::pipe::{self, End};

const SECOND: Duration = Duration::from_secs(1);

/// How often spans are lengthened: 1 is the default.
type Factor = u32;

/// Every span longer by a factor, and the rate as much lower.
fn timeouts(factor: Factor) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        handshake: default.handshake * factor,
        first_byte: default.first_byte * factor,
        head: default.head * factor,
        keep_alive: default.keep_alive * factor,
        progress: default.progress * factor,
        min_rate: default.min_rate / factor,
        handler: default.handler * factor,
        linger: default.linger * factor,
    }
}

fn routes() -> Router {
    crate::routes()
        .get("/hang", async |_: Request| std::future::pending::<&str>().await)
        .get("/big", async |_: Request| vec![b'x'; BIG])
        .post("/pause", async |mut request: Request| {
            let first = request.next_piece().await?;
            time::sleep(20 * SECOND).await;
            Ok::<_, Error>(
                [first, request.next_piece().await?]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .concat(),
            )
        })
        .post("/give-up", async |mut request: Request| {
            let _ = time::timeout(SECOND, request.next_piece()).await;
            future::pending::<&str>().await
        })
        .post("/forget", async |mut request: Request| {
            let mut reading = pin!(request.next_piece());
            let _ = future::poll_once(&mut reading).await;
            future::pending::<&str>().await
        })
}

/// More than the connection in memory holds, so that it must be read.
const BIG: usize = 256 * 1024;

/// What became of a connection.
struct Served<T> {
    /// What the client made of it.
    client: T,
    /// When the connection had ended, on both sides, after it began.
    lasted: Duration,
    stats: Stats,
}

/// Serves one connection in simulated time.
fn serve<T>(timeouts: Timeouts, client: impl AsyncFnOnce(End) -> T) -> Served<T> {
    serve_with(routes(), timeouts, client)
}

fn serve_with<T>(
    router: Router,
    timeouts: Timeouts,
    client: impl AsyncFnOnce(End) -> T,
) -> Served<T> {
    let done = Simulation::new(7).run(async |scope| {
        let server = Server::new(router).timeouts(timeouts);
        let running: Running = server.start_without_listener(scope);
        let (end, stream) = pipe::pair(&[]);
        let began = time::now();
        let serving = running.serve_connection(stream, SocketAddr::from(([127, 0, 0, 1], 7)));
        let (client, _) = future::zip(client(end), serving).await;
        Served { client, lasted: time::now() - began, stats: running.stats() }
    });
    done.unwrap()
}

/// A client that sends `start`, then `drip` every `pause`, and reads until the end: what came, and
/// when it ended.
async fn talk(end: End, start: &str, drip: &str, pause: Duration) -> (String, Duration) {
    let began = time::now();
    let (mut reader, mut writer) = futures_lite::io::split(end);
    let writing = async {
        let mut sent = writer.write_all(start.as_bytes()).await;
        while sent.is_ok() {
            time::sleep(pause).await;
            sent = writer.write_all(drip.as_bytes()).await;
        }
        future::pending().await
    };
    let reading = async {
        let mut read = String::new();
        reader.read_to_string(&mut read).await.unwrap();
        (read, time::now() - began)
    };
    future::or(reading, writing).await
}

/// H-06.
#[test]
fn each_wait_for_a_client_ends_when_it_should() {
    let hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    let length = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello";
    let chunks = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let ignored = "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello";
    let chunk = format!("a\r\n{}\r\n", "x".repeat(10));
    // What is sent, what follows each second, when the end comes by default, and the last answer.
    for (start, drip, seconds, status, is_timeout) in [
        ("", "", 10, None, true),
        ("G", "", 10, Some(408), true),
        ("GET /hello HTTP/1.1\r\nX: ", "y", 10, Some(408), true),
        ("GET /hello HTTP/1.1\r\n", "X: y\r\n", 10, Some(408), true),
        (hello, "", 60, Some(200), false),
        (length, "", 5, Some(408), true),
        (length, "x", 5, Some(408), true),
        (chunks, "", 5, Some(408), true),
        (chunks, &chunk, 5, Some(408), true),
        (ignored, "", 5, Some(200), true),
        ("GET /hang HTTP/1.1\r\nHost: h\r\n\r\n", "", 30, Some(504), true),
    ] {
        for factor in [1, 2] {
            let served =
                serve(timeouts(factor), async |end| talk(end, start, drip, SECOND * factor).await);
            let (read, ended) = served.client;
            assert_eq!(ended, factor * seconds * SECOND, "{start:?}, {drip:?}");
            let last = read.rfind("HTTP/1.1 ").map(|at| &read[at + 9..at + 12]);
            assert_eq!(last, status.map(|status: u16| status.to_string()).as_deref(), "{start:?}");
            assert_eq!(served.stats.timeouts, u64::from(is_timeout), "{start:?}");
        }
    }
}

/// H-06. 5 s for free, then a second for each KiB: half of that lasts not twice as long.
#[test]
fn content_must_flow_at_the_minimum_rate() {
    let head =
        "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 102400\r\n\r\n";
    for (min_rate, octets, status, seconds) in [
        (1024, 512, "408", 9),
        // Longer than any handler may take, whose time does not run while it waits for the client.
        (1024, 2048, "200", 50),
        (512, 512, "200", 200),
        (4096, 2048, "408", 9),
        (0, 10, "200", 10_240),
    ] {
        let timeouts = Timeouts { min_rate, ..Timeouts::default() };
        let served =
            serve(timeouts, async |end| talk(end, head, &"x".repeat(octets), SECOND).await);
        let (read, ended) = served.client;
        assert_eq!((&read[9..12], ended), (status, seconds * SECOND), "{octets} of {min_rate}");
    }
}

/// H-05. Whoever waits for the client does not spend the handler's time; who has given up waiting
/// does. The time of those who had once waited never ended.
#[test]
fn a_handler_that_waits_for_content_no_more_has_its_deadline() {
    // The second is the one that it waited; the five are those that a client may stand still.
    for (path, seconds) in [("/give-up", 31), ("/forget", 35)] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
        let served = serve(Timeouts::default(), async |end| talk(end, &head, "", SECOND).await);
        let (read, ended) = served.client;
        assert_eq!((&read[9..12], ended), ("504", seconds * SECOND), "{path}");
    }
}

/// H-06. A client cannot make content flow that nobody takes.
#[test]
fn the_time_that_a_handler_takes_between_two_reads_is_not_the_clients() {
    let head = "POST /pause HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
    // When what is missing comes, which is wanted from the 22nd second on. The client is waited for
    // from the start to the second second, and has three left.
    for (second, status, ends) in [(23, "200", 23), (24, "200", 24), (26, "408", 25)] {
        let served = serve(Timeouts::default(), async |mut end: End| {
            let began = time::now();
            end.write_all(head.as_bytes()).await.unwrap();
            time::sleep(2 * SECOND).await;
            end.write_all(b"hello").await.unwrap();
            let (read, _) = talk(end, "", "world", (second - 2) * SECOND).await;
            (read, time::now() - began)
        });
        let (read, ended) = served.client;
        assert_eq!((&read[9..12], ended), (status, ends * SECOND), "{second}");
    }
}

/// Reads `octets` every second until the end; how many there were.
async fn sip(mut end: End, octets: usize) -> usize {
    end.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut total = 0;
    let mut piece = vec![0; octets];
    loop {
        time::sleep(SECOND).await;
        let len = if octets == 0 { 0 } else { end.read(&mut piece).await.unwrap() };
        total += len;
        if len == 0 {
            return total;
        }
    }
}

/// H-06.
#[test]
fn an_answer_must_be_taken_at_the_minimum_rate() {
    for factor in [1, 2] {
        let deaf = serve(timeouts(factor), async |mut end: End| {
            end.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
            // The connection is cut although it is held: the handle must outlive it.
            time::sleep(5 * factor * SECOND + SECOND).await;
        });
        assert_eq!(deaf.stats.timeouts, 1);
        assert_eq!(deaf.lasted, 5 * factor * SECOND + SECOND, "the server does not wait for more");
        let slow = serve(timeouts(factor), async |end| sip(end, 400 / factor as usize).await);
        assert!(slow.client < BIG, "cut off");
        assert_eq!(slow.stats.timeouts, 1);
        let fast = serve(timeouts(factor), async |end| sip(end, 4096).await);
        assert!(fast.client > BIG, "all of it, with its head");
        assert_eq!(fast.stats.timeouts, 0);
    }
}

/// H-09. What makes content without end goes no further than a client that does not read lets it,
/// until that is cut off.
#[test]
fn a_client_that_does_not_read_stops_what_is_made_for_it() {
    const PIECE: usize = 1024;
    let made = Arc::new(AtomicUsize::new(0));
    let making = Arc::clone(&made);
    let router = Router::new().get("/endless", move |_: Request| {
        let making = Arc::clone(&making);
        async move {
            Response::new(Status::OK).stream("text/plain", async move |mut sender| {
                while sender.send([b'x'; PIECE]).await.is_ok() {
                    making.fetch_add(PIECE, Ordering::Relaxed);
                }
            })
        }
    });
    let served = serve_with(router, Timeouts::default(), async |mut end: End| {
        end.write_all(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        time::sleep(SECOND).await;
        let soon = made.load(Ordering::Relaxed);
        time::sleep(5 * SECOND).await;
        (soon, made.load(Ordering::Relaxed), end)
    });
    let (soon, late, _) = served.client;
    // What is gathered leaves before more is: here it fills what may be on its way, save for a rest.
    // Beside that there is a piece at each end of the channel between.
    let bound = pipe::ROOM + 2 * PIECE;
    assert!((pipe::ROOM / 2..=bound).contains(&soon), "{soon} octets, the bound is {bound}");
    assert_eq!(soon, late);
    assert_eq!((served.stats.timeouts, served.lasted), (1, 6 * SECOND));
}

/// The client has its answer at once, and as long as this to read it.
#[test]
fn a_refused_connection_lingers() {
    for factor in [1, 2] {
        let served = serve(timeouts(factor), async |mut end: End| {
            end.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let began = time::now();
            let mut read = String::new();
            end.read_to_string(&mut read).await.unwrap();
            assert!(read.starts_with("HTTP/1.1 400 "), "{read}");
            assert_eq!(time::now(), began);
            // Kept open: what ends the connection is the server.
            end
        });
        assert_eq!(served.lasted, 2 * factor * SECOND);
        drop(served.client);
    }
}

/// What is left after its deadline is killed; nothing else waits.
#[test]
fn a_shutdown_waits_for_as_long_as_it_is_told() {
    for (path, seconds, killed) in [("/hang", 9, 1), ("/hello", 0, 0)] {
        let done = Simulation::new(7).run(async |scope| {
            let timeouts = Timeouts { handler: 1000 * SECOND, ..Timeouts::default() };
            let running = Server::new(routes()).timeouts(timeouts).start_without_listener(scope);
            let (mut end, stream) = pipe::pair(&[]);
            let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
            end.write_all(request.as_bytes()).await.unwrap();
            let serving = running.serve_connection(stream, SocketAddr::from(([127, 0, 0, 1], 7)));
            let stopping = async {
                time::sleep(SECOND).await;
                let began = time::now();
                let left = running.shutdown(9 * SECOND).await;
                (left, time::now() - began)
            };
            future::zip(serving, stopping).await.1
        });
        assert_eq!(done.unwrap(), (killed, seconds * SECOND), "{path}");
    }
}
