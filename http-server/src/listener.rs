//! The accept loop: one actor for each endpoint. It ends when it is told to, and for no other
//! reason.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_lock::SemaphoreGuardArc;
use futures_lite::future;
use seawall_actor::net::{TcpListener, TcpStream};
use seawall_actor::{Context, ExitReason, Scope, time};
use seawall_tls::{Acceptor, Stream};

use crate::server::{Seat, Shared};
use crate::serving::{Serving, Speaking};
use crate::{Endpoint, Event, connection, handshake, proxied, refusal};

/// The pause after an accept that failed for want of descriptors or memory: long enough not to
/// spin, short enough to be back soon after one is free.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the accept loop of one endpoint.
pub(crate) fn spawn(
    scope: &Scope,
    endpoint: Endpoint,
    listener: TcpListener,
    shared: &Arc<Shared>,
) {
    let label = format!("listener {}", endpoint.address);
    let door = Door { endpoint, listener, shared: Arc::clone(shared) };
    scope.actor().label(label).spawn_without_mailbox(|context| door.run(context));
}

/// Where connections come in.
struct Door {
    endpoint: Endpoint,
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Door {
    async fn run(self, context: Context) {
        let stopping = pin!(async {
            context.stopping().await;
        });
        let serving = pin!(async {
            loop {
                self.accept_one(context.scope()).await;
            }
        });
        future::or(stopping, serving).await;
    }

    async fn accept_one(&self, scope: &Scope) {
        let (permit, accepted) = self.accept().await;
        match accepted {
            Ok((stream, peer)) => {
                self.shared.counters.accepted.add();
                self.admit(scope, stream, peer, permit).await;
                // A flood of connections must not keep the worker from serving them.
                future::yield_now().await;
            }
            Err(error) => {
                self.shared.counters.accept_errors.add();
                self.shared.report(&Event::AcceptFailed { error: &error });
                if !concerns_one_connection(&error) {
                    time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The next connection, with its place among those that may be open. At the limit this waits,
    /// and new connections queue in the system: memory does not grow.
    async fn accept(&self) -> (SemaphoreGuardArc, io::Result<(TcpStream, SocketAddr)>) {
        let places = &self.shared.connections;
        loop {
            let accepted = future::poll_fn(|cx| match places.try_acquire_arc() {
                // Whoever waits for a client keeps no place that one of another endpoint may need.
                Some(permit) => self.listener.poll_accept(cx).map(|done| Some((permit, done))),
                None => Poll::Ready(None),
            });
            match accepted.await {
                Some(accepted) => return accepted,
                None => drop(places.acquire_arc().await),
            }
        }
    }

    async fn admit(
        &self,
        scope: &Scope,
        stream: TcpStream,
        peer: SocketAddr,
        permit: SemaphoreGuardArc,
    ) {
        let Endpoint { acceptor, proxies, .. } = &self.endpoint;
        let seat = match proxies {
            None => self.shared.seat(peer, permit),
            Some(proxies) if proxies.contains(peer.ip()) => Some(self.shared.seat_of_proxy(permit)),
            // Whoever that is, it has nothing to say about clients.
            Some(_) => {
                self.shared.counters.closed.add();
                return self.shared.refuse(peer);
            }
        };
        let Some(seat) = seat else {
            self.shared.refuse(peer);
            if acceptor.is_none() {
                refusal::turn_away(stream).await;
            }
            return;
        };
        let connection = Connection {
            acceptor: acceptor.clone(),
            proxied: proxies.is_some(),
            shared: Arc::clone(&self.shared),
            peer,
        };
        scope
            .actor()
            .label(connection::label(peer))
            .spawn_without_mailbox(|context| connection.run(stream, seat, context));
    }
}

/// Whether the fault is of the connection that was to be accepted, which the system then has
/// already dropped, and not of the process or the system.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}

/// A connection before its first octet.
struct Connection {
    acceptor: Option<Acceptor>,
    /// Whether a proxy is to say whose it is.
    proxied: bool,
    shared: Arc<Shared>,
    peer: SocketAddr,
}

impl Connection {
    /// Serves it.
    fn run(self, stream: TcpStream, seat: Seat, context: Context) -> Serving {
        // Answers leave in whole writes already; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        if self.proxied || self.acceptor.is_some() {
            return Serving::prepare(Box::pin(self.prepare(stream, seat, context)));
        }
        let peer = self.peer;
        Serving::speak(self.speak(Stream::Plain(stream), peer, context), seat)
    }

    /// Does what comes before HTTP; an error is how the connection ended there.
    async fn prepare(
        self,
        mut stream: TcpStream,
        mut seat: Seat,
        context: Context,
    ) -> Result<(Speaking, Seat), ExitReason> {
        let mut peer = self.peer;
        if self.proxied {
            match proxied::client(&mut stream, self.peer, &self.shared, &context).await {
                Ok(Some(client)) => peer = client,
                Ok(None) => return Err(ExitReason::Normal),
                Err(error) => return Err(connection::failed(error)),
            }
            if !seat.claim(peer.ip()) {
                self.shared.refuse(peer);
                if self.acceptor.is_none() {
                    refusal::turn_away(stream).await;
                }
                return Err(ExitReason::Normal);
            }
        }
        let stream = match &self.acceptor {
            None => Stream::Plain(stream),
            Some(acceptor) => {
                match handshake::run(acceptor, stream, &self.shared, &context).await {
                    Ok(Some(stream)) => stream,
                    Ok(None) => return Err(ExitReason::Normal),
                    Err(error) => return Err(connection::failed(error)),
                }
            }
        };
        Ok((self.speak(stream, peer, context), seat))
    }

    fn speak(self, stream: Stream<TcpStream>, peer: SocketAddr, context: Context) -> Speaking {
        let tls = stream.info().map(Arc::new);
        connection::speak(stream, tls, peer, self.shared, context)
    }
}
