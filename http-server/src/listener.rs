//! The accept loop: one actor for each endpoint. It ends when it is told to, and for no other
//! reason.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_lock::SemaphoreGuardArc;
use futures_lite::{AsyncWriteExt, future};
use seawall_actor::net::{TcpListener, TcpStream};
use seawall_actor::{Context, ExitReason, Mailbox, Scope, time};
use seawall_codec::http::{Exchange, ResponseWriter, Status};
use seawall_tls::{Acceptor, Stream};

use crate::server::{Seat, Shared};
use crate::{Event, connection, handshake};

/// The pause after an accept that failed for want of descriptors or memory: long enough not to
/// spin, short enough to be back soon after one is free.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the accept loop of one endpoint.
pub(crate) fn spawn(
    scope: &Scope,
    address: SocketAddr,
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    shared: &Arc<Shared>,
) {
    let endpoint = Endpoint { listener, acceptor, shared: Arc::clone(shared) };
    scope
        .actor()
        .label(format!("listener {address}"))
        .mailbox(1)
        .spawn(|_: Mailbox<Infallible>, context: Context| endpoint.run(context));
}

struct Endpoint {
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    shared: Arc<Shared>,
}

impl Endpoint {
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
        // At the limit this waits, and new connections queue in the system: memory does not grow.
        let permit = self.shared.connections.acquire_arc().await;
        match self.listener.accept().await {
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

    async fn admit(
        &self,
        scope: &Scope,
        mut stream: TcpStream,
        peer: SocketAddr,
        permit: SemaphoreGuardArc,
    ) {
        let Some(seat) = self.shared.seat(peer, permit) else {
            self.shared.refuse(peer);
            if self.acceptor.is_none() {
                // A fresh connection's send buffer takes this at once; if not, it is not worth a wait.
                let _ = future::poll_once(stream.write(&refusal())).await;
            }
            return;
        };
        let connection =
            Connection { acceptor: self.acceptor.clone(), shared: Arc::clone(&self.shared), peer };
        scope
            .actor()
            .label(format!("connection {peer}"))
            .mailbox(1)
            .spawn(|_: Mailbox<Infallible>, context| connection.run(stream, seat, context));
    }
}

/// What a connection beyond the limit for its address hears.
pub(crate) fn refusal() -> Vec<u8> {
    let mut out = Vec::new();
    let mut head = ResponseWriter::new(Status::SERVICE_UNAVAILABLE, &mut out);
    // A 503 may be framed, always.
    let _ = Exchange::unknown().frame(Some(0), &mut head);
    head.end();
    out
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
    shared: Arc<Shared>,
    peer: SocketAddr,
}

impl Connection {
    async fn run(self, stream: TcpStream, seat: Seat, context: Context) -> ExitReason {
        let _seat = seat;
        // Answers leave in whole writes already; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = match &self.acceptor {
            None => Stream::Plain(stream),
            // Boxed: the state of a handshake is large, and gone with it.
            Some(acceptor) => {
                match Box::pin(handshake::run(acceptor, stream, &self.shared, &context)).await {
                    Ok(Some(stream)) => stream,
                    Ok(None) => return ExitReason::Normal,
                    Err(error) => return connection::failed(error),
                }
            }
        };
        let tls = stream.info().map(Arc::new);
        connection::serve(stream, tls, self.peer, self.shared, context).await
    }
}
