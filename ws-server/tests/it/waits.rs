//! Every wait for a client ends when [`Timeouts`] say.
//!
//! Time is simulated: it passes when nobody can run, so that each end is exact and takes no time.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::{Sender as Report, channel};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{io, mem};

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use seawall_actor::sim::Simulation;
use seawall_actor::time;
use seawall_http_server::{Request, Router, Server};
use seawall_ws_server::{
    Accept, CloseCode, Closed, Handler, Message, Reject, Sender, Timeouts, WebSocket,
};

const SECOND: Duration = Duration::from_secs(1);

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The stream of a client that says nothing after its opening handshake.
struct Silent {
    /// What of the handshake is not read yet.
    handshake: &'static [u8],
    /// Whether it takes what comes after the answer to that.
    takes: bool,
    written: usize,
}

impl AsyncRead for Silent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.handshake.is_empty() {
            return Poll::Pending;
        }
        let len = buf.len().min(self.handshake.len());
        let (now, later) = mem::take(&mut self.handshake).split_at(len);
        buf[..len].copy_from_slice(now);
        self.handshake = later;
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Silent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.written > 0 && !self.takes {
            return Poll::Pending;
        }
        self.written += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Hands out its sender, and tells when it is told of the end.
struct Clock {
    senders: Report<Sender>,
    end: Report<Instant>,
}

impl Handler for Clock {
    async fn on_connect(&mut self, _: &Request, sender: &Sender) -> Result<Accept, Reject> {
        self.senders.send(sender.clone()).unwrap();
        Ok(Accept::new())
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}

    async fn on_close(&mut self, _: &Closed) {
        self.end.send(time::now()).unwrap();
    }
}

/// How long a connection lasts, to whose sender something is done after ten seconds.
fn lasts(timeouts: Timeouts, takes: bool, then: fn(&Sender)) -> Duration {
    let done = Simulation::new(7).run(async |scope| {
        let ((senders, opened), (end, ended)) = (channel(), channel());
        let reports = Mutex::new((senders, end));
        let websocket = WebSocket::new(move || {
            let (senders, end) = reports.lock().unwrap().clone();
            Clock { senders, end }
        });
        let router = Router::new().get("/", websocket.timeouts(timeouts));
        let running = Server::new(router).start_without_listener(scope);
        let stream = Silent { handshake: HANDSHAKE.as_bytes(), takes, written: 0 };
        let began = time::now();
        let serving = running.serve_connection(stream, SocketAddr::from(([127, 0, 0, 1], 7)));
        let beside = async {
            time::sleep(10 * SECOND).await;
            then(&opened.try_recv().unwrap());
        };
        future::zip(serving, beside).await;
        ended.try_recv().unwrap() - began
    });
    done.unwrap()
}

#[test]
fn each_wait_for_a_client_ends_when_it_should() {
    let timeouts = Timeouts::default();
    assert_eq!(lasts(timeouts.clone(), true, |_| ()), timeouts.ping + timeouts.pong);
    let close = |sender: &Sender| sender.close(CloseCode::NORMAL, "");
    assert_eq!(lasts(timeouts.clone(), true, close), 10 * SECOND + timeouts.close);
    // Whoever takes nothing has had its time: what waits is not tried once more, for as long as a Close may take.
    let short = Timeouts { write: 3 * SECOND, ..timeouts.clone() };
    let send = |sender: &Sender| sender.try_send("hello").unwrap();
    assert_eq!(lasts(short, false, send), 13 * SECOND);
    let close = |sender: &Sender| sender.close(CloseCode::NORMAL, "");
    assert_eq!(lasts(timeouts.clone(), false, close), 10 * SECOND + timeouts.close);
}
