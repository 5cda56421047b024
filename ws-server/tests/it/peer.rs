//! A client in memory and in simulated time: when it talks, and how much it takes, is exact.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use seawall_actor::sim::Simulation;
use seawall_actor::{ExitReason, Scope, time};
use seawall_http_server::{Handler as Route, Server};

use crate::client::{Frame, handshake};

/// How a connection ended, and when.
pub(crate) struct Ended {
    pub(crate) reason: ExitReason,
    pub(crate) at: Instant,
}

/// Lets `test` talk to a server of `route`, until both are done. If neither can go on, it fails.
pub(crate) fn talk<T>(route: impl Route, test: impl AsyncFnOnce(&Peer, &Scope) -> T) -> (T, Ended) {
    talk_in_order(7, route, test)
}

/// The same, with everybody's turns in the order of this seed.
pub(crate) fn talk_in_order<T>(
    seed: u64,
    route: impl Route,
    test: impl AsyncFnOnce(&Peer, &Scope) -> T,
) -> (T, Ended) {
    let done = Simulation::new(seed).run(async |scope| {
        let running = Server::new(route).start_without_listener(scope);
        let peer = Peer::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let serving = async {
            let reason = running.serve_connection(peer.clone(), address).await;
            Ended { reason, at: time::now() }
        };
        let talking = async {
            peer.say(handshake("/"));
            peer.head().await;
            test(&peer, scope).await
        };
        future::zip(talking, serving).await
    });
    done.unwrap()
}

/// The client, and the stream that the server has of it.
#[derive(Clone, Default)]
pub(crate) struct Peer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    said: VecDeque<u8>,
    ended: Option<End>,
    heard: Vec<u8>,
    /// In how many writes that came, since somebody asked.
    writes: usize,
    /// Takes nothing for now.
    full: bool,
    server: Vec<Waker>,
    client: Option<Waker>,
}

/// How a client ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Fin,
    Reset,
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let woken = mem::take(&mut state.server);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn say(&self, octets: impl AsRef<[u8]>) {
        self.change(|state| state.said.extend(octets.as_ref()));
    }

    /// It will say nothing more.
    pub(crate) fn end(&self, end: End) {
        self.change(|state| state.ended = Some(end));
    }

    /// From here on it takes all that comes, or nothing.
    pub(crate) fn take(&self, all: bool) {
        self.change(|state| state.full = !all);
    }

    /// How much of what it has said is not read yet.
    pub(crate) fn unread(&self) -> usize {
        self.state().said.len()
    }

    /// How many writes came since this was asked.
    pub(crate) fn writes(&self) -> usize {
        mem::take(&mut self.state().writes)
    }

    async fn head(&self) {
        self.hear(|heard| {
            let end = heard.windows(4).position(|window| window == b"\r\n\r\n")?;
            heard.drain(..end + 4);
            Some(())
        })
        .await;
    }

    /// The next frame, which has to be shorter than 64 KiB.
    pub(crate) async fn frame(&self) -> Frame {
        self.hear(|heard| {
            let (start, len) = match *heard.get(1)? {
                126 => (4, usize::from(u16::from_be_bytes([*heard.get(2)?, *heard.get(3)?]))),
                len => (2, usize::from(len)),
            };
            let frame = Frame { first: heard[0], payload: heard.get(start..start + len)?.to_vec() };
            heard.drain(..start + len);
            Some(frame)
        })
        .await
    }

    /// The next frame is this one.
    pub(crate) async fn expect(&self, first: u8, payload: impl AsRef<[u8]>) {
        let expected = Frame { first, payload: payload.as_ref().to_vec() };
        assert_eq!(self.frame().await, expected);
    }

    async fn hear<T>(&self, mut parse: impl FnMut(&mut Vec<u8>) -> Option<T>) -> T {
        poll_fn(|cx| {
            let mut state = self.state();
            match parse(&mut state.heard) {
                Some(parsed) => Poll::Ready(parsed),
                None => {
                    state.client = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        let len = buf.len().min(state.said.len());
        if len > 0 {
            for (octet, said) in buf.iter_mut().zip(state.said.drain(..len)) {
                *octet = said;
            }
            return Poll::Ready(Ok(len));
        }
        match state.ended {
            Some(End::Fin) => Poll::Ready(Ok(0)),
            Some(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => {
                state.server.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.full {
            state.server.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.heard.extend(buf);
        state.writes += 1;
        if let Some(client) = state.client.take() {
            client.wake();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
