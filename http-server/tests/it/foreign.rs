use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_executor::Executor;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::time;
use seawall_http_server::{Limits, Running, Scope, Server, Timeouts};

use crate::pipe::{self, End};
use crate::{PATIENCE, routes};

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 7);

/// A server on an executor that knows nothing of ours, driven by the thread of the test.
fn on_one_thread<T>(
    setup: impl FnOnce(Server) -> Server,
    test: impl AsyncFnOnce(&Executor<'static>, &Running) -> T,
) -> T {
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let running = setup(Server::new(routes())).start_without_listener(&scope);
    future::block_on(executor.run(test(&executor, &running)))
}

/// A stream that always has something to read, and takes whatever is written.
struct Endless {
    start: &'static [u8],
    /// When the test gives up.
    until: Instant,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if Instant::now() > self.until {
            return Poll::Ready(Ok(0));
        }
        if self.start.is_empty() {
            buf.fill(b'x');
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.start).poll_read(cx, buf)
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Streams of others know nothing of turns: one that was always ready held its thread for ever,
/// beyond every timeout.
#[test]
fn a_stream_that_is_always_ready_is_cut_off() {
    on_one_thread(
        |server| {
            server.timeouts(Timeouts { linger: Duration::from_millis(50), ..Timeouts::default() })
        },
        async |_, running| {
            let until = Instant::now() + PATIENCE;
            let stream = Endless { start: b"bad\r\n\r\n", until };
            let reason = running.serve_connection(stream, SocketAddr::from(PEER)).await;
            assert!(reason.is_abnormal(), "{reason}");
            assert!(Instant::now() < until, "it was read for ever");
        },
    );
}

async fn ask(client: &mut End, request: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello\n") {
        let mut piece = [0; 100];
        let len = client.read(&mut piece).await.unwrap();
        assert!(len > 0, "closed after {:?}", answer.escape_ascii().to_string());
        answer.extend_from_slice(&piece[..len]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_connection_in_memory_is_served_by_a_foreign_executor() {
    let hello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    on_one_thread(
        |server| server,
        async |executor, running| {
            let (mut client, stream) = pipe::pair(&[]);
            let serving = executor.spawn(running.serve_connection(stream, SocketAddr::from(PEER)));
            for _ in 0..2 {
                assert!(ask(&mut client, hello).await.starts_with("HTTP/1.1 200 OK\r\n"));
            }
            // Shutdown reaches it like any other.
            assert_eq!(running.stats().active, 1);
            assert_eq!(running.shutdown(Duration::from_secs(9)).await, 0);
            assert!(!serving.await.is_abnormal());
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            let stats = running.stats();
            assert_eq!((stats.accepted, stats.requests, stats.active), (1, 2, 0));
        },
    );
}

#[test]
fn limits_hold_and_whoever_does_not_wait_ends_the_connection() {
    on_one_thread(
        |server| server.limits(Limits { connections_per_address: 1, ..Limits::default() }),
        async |executor, running| {
            let (mut first, stream) = pipe::pair(&[]);
            let serving = executor.spawn(running.serve_connection(stream, SocketAddr::from(PEER)));
            ask(&mut first, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").await;
            let (mut second, stream) = pipe::pair(&[]);
            running.serve_connection(stream, SocketAddr::from(PEER)).await;
            let mut answer = String::new();
            second.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            assert_eq!(serving.cancel().await.map(|reason| reason.to_string()), None);
            assert_eq!(first.read(&mut [0]).await.unwrap(), 0, "ended with its future");
        },
    );
}

#[test]
fn a_tokio_program_serves_sockets_of_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_io().build();
    let runtime = runtime.unwrap();
    let handle = runtime.handle().clone();
    let scope = Scope::foreign(move |task| drop(handle.spawn(task)));
    let running = Server::new(routes()).start_without_listener(&scope);
    let address = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = running.clone();
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let stream = async_compat::Compat::new(stream);
                tokio::spawn(running.serve_connection(stream, peer));
            }
        });
        address
    });
    let mut client = crate::Client::connect(address);
    assert_eq!(client.get("/hello").text(), "hello\n");
    // Timers of ours work on their threads.
    let waited = runtime.block_on(time::timeout(Duration::from_millis(1), future::pending::<()>()));
    assert!(waited.is_err());
    assert_eq!(runtime.block_on(running.shutdown(Duration::from_secs(9))), 0);
    assert!(client.is_closed());
}
