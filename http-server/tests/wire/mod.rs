//! A connection in memory that is asked the same again and again, for what is counted or timed: the
//! server's own work, without sockets, threads or clocks that others have a share in.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_executor::Executor;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use seawall_http_server::{Limits, Router, Scope, Server};

/// One connection of a server, and the executor on which it lives.
pub(crate) struct Connection {
    executor: Arc<Executor<'static>>,
    wire: Wire,
}

impl Connection {
    /// To a server with these routes, and every limit but the one on requests for a connection.
    pub(crate) fn new(router: Router) -> Self {
        let executor = Arc::new(Executor::new());
        let spawner = Arc::clone(&executor);
        let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
        let limits = Limits { requests_per_connection: u32::MAX, ..Limits::default() };
        let running = Server::new(router).limits(limits).start_without_listener(&scope);
        let wire = Wire::default();
        let serving = running.serve_connection(wire.clone(), ([127, 0, 0, 1], 7).into());
        executor.spawn(serving).detach();
        let connection = Self { executor, wire };
        while connection.executor.try_tick() {}
        connection
    }

    /// Sends `requests` in one piece, and gives how many octets came back, in how many writes, once
    /// there are `len` at least.
    pub(crate) fn ask(&self, requests: &Arc<[u8]>, len: usize) -> (usize, usize) {
        let waker = {
            let mut lane = self.wire.lane();
            lane.input = Some((Arc::clone(requests), 0));
            (lane.written, lane.writes) = (0, 0);
            lane.reader.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        loop {
            while self.executor.try_tick() {}
            let lane = self.wire.lane();
            if lane.written >= len {
                return (lane.written, lane.writes);
            }
            drop(lane);
            future::block_on(self.executor.tick()); // a thread of the server's is at work
        }
    }
}

/// The server's end.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Lane>>);

#[derive(Default)]
struct Lane {
    /// What is sent to the server, and how much of it has been read.
    input: Option<(Arc<[u8]>, usize)>,
    reader: Option<Waker>,
    /// Octets.
    written: usize,
    writes: usize,
}

impl Wire {
    fn lane(&self) -> std::sync::MutexGuard<'_, Lane> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut lane = self.lane();
        if let Some((input, read)) = &mut lane.input
            && *read < input.len()
        {
            let len = buf.len().min(input.len() - *read);
            buf[..len].copy_from_slice(&input[*read..*read + len]);
            *read += len;
            return Poll::Ready(Ok(len));
        }
        lane.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut lane = self.lane();
        lane.written += buf.len();
        lane.writes += 1;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
