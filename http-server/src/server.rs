//! A server: what it answers with, where it listens, and how it is stopped.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::iter;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_lock::{Semaphore, SemaphoreGuardArc};
use futures_io::{AsyncRead, AsyncWrite};
use seawall_actor::net::TcpListener;
use seawall_actor::{self as actor, ExitReason, Scope, time};
use seawall_codec::http;
use seawall_tls::Acceptor;

use crate::error::Kind;
use crate::event::{self, Hook};
use crate::pool::Pool;
use crate::stats::Counters;
use crate::{Endpoint, Error, Event, Handler, Limits, Stats, Timeouts, foreign, listener};

/// How long a shutdown waits, after its deadline, for killed connections to be dropped.
const KILL_GRACE: Duration = Duration::from_millis(200);

/// An HTTP/1.1 server before it is started.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use seawall_actor::Runtime;
/// use seawall_http_server::{Request, Router, Server};
///
/// let runtime = Runtime::new()?;
/// let router = Router::new().get("/hello", async |_: Request| "hello\n");
/// let running = Server::new(router).listen(([127, 0, 0, 1], 0).into()).start(runtime.scope())?;
/// assert_ne!(running.local_addr().port(), 0);
/// let aborted = runtime.block_on(running.shutdown(Duration::from_secs(5)));
/// assert_eq!(aborted, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing listens before `start`"]
pub struct Server {
    handler: Arc<dyn Handler>,
    limits: Limits,
    timeouts: Timeouts,
    hook: Option<Hook>,
    endpoints: Vec<Endpoint>,
}

impl Server {
    /// A server that answers with `handler`, usually a [`Router`](crate::Router).
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Arc::new(handler),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            hook: None,
            endpoints: Vec::new(),
        }
    }

    /// Sets how much a client may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long a client or a handler may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Where events go. The hook runs in the actor that has something to report: it must be quick.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Serves `http` on `address`; port 0 lets the system choose one. May be called several times.
    pub fn listen(self, address: SocketAddr) -> Self {
        self.listen_on(Endpoint::new(address))
    }

    /// Serves `https` on `address`.
    pub fn listen_tls(self, address: SocketAddr, acceptor: Acceptor) -> Self {
        self.listen_on(Endpoint::new(address).tls(acceptor))
    }

    /// Serves as `endpoint` says.
    pub fn listen_on(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Listens, and serves inside `scope` until it or the server is stopped.
    ///
    /// # Errors
    ///
    /// If one of the addresses cannot be listened on, or there is none. Then nothing is served.
    pub fn start(self, scope: &Scope) -> Result<Running, Error> {
        if self.endpoints.is_empty() {
            return Err(Error::new(Kind::NoAddress));
        }
        self.start_with_endpoints(scope)
    }

    /// Serves what is given to [`Running::serve_connection`] and listens nowhere itself: for
    /// connections that another listener accepted, over whatever transport. Endpoints that were
    /// given all the same are ignored.
    #[must_use = "what is not given connections serves none"]
    pub fn start_without_listener(mut self, scope: &Scope) -> Running {
        self.endpoints.clear();
        let shared = Arc::new(Shared::new(self.handler, self.limits, self.timeouts, self.hook));
        Running { scope: shared.scope_below(scope), addresses: Vec::new(), shared }
    }

    fn start_with_endpoints(self, scope: &Scope) -> Result<Running, Error> {
        let mut bound = Vec::new();
        let mut addresses = Vec::new();
        for endpoint in self.endpoints {
            let address = endpoint.address;
            let bind = |source| Error::new(Kind::Bind { address, source });
            let listener = TcpListener::bind(address).map_err(bind)?;
            addresses.push(listener.local_addr().map_err(bind)?);
            bound.push((listener, endpoint));
        }
        let shared = Arc::new(Shared::new(self.handler, self.limits, self.timeouts, self.hook));
        let scope = shared.scope_below(scope);
        for ((listener, endpoint), address) in bound.into_iter().zip(&addresses) {
            listener::spawn(&scope, Endpoint { address: *address, ..endpoint }, listener, &shared);
        }
        Ok(Running { scope, addresses, shared })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A server that runs. Cheap to clone; dropping it stops nothing.
#[derive(Clone)]
pub struct Running {
    scope: Scope,
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

impl Running {
    /// The address of the first endpoint, with the port that the system chose.
    ///
    /// # Panics
    ///
    /// If the server listens nowhere: after
    /// [`start_without_listener`](Server::start_without_listener).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        *self.addresses.first().expect("the server listens nowhere")
    }

    /// The addresses of all endpoints, in the order in which they were given.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let load = self.shared.pool.load();
        Stats {
            blocking_queued: load.queued as u64,
            blocking_stuck: load.stuck as u64,
            blocking_refused: load.refused,
            ..self.shared.counters.snapshot()
        }
    }

    /// Serves a connection that somebody else has accepted, or made, as one more of this server:
    /// under the same limits, timeouts and counters, and ended by the same shutdown. It lives in
    /// an actor of the server's scope; `peer` is what its requests tell as their client's address.
    ///
    /// Returns when the connection has ended, with the reason. Dropping the future ends it at
    /// once; whoever does not want to wait lets another task do it. At
    /// [`Limits::connections`] it waits for a place.
    ///
    /// What lies beneath the stream is not known here: over TLS of the caller's own,
    /// [`Request::is_secure`](crate::Request::is_secure) is false all the same.
    ///
    /// A connection whose response is cut off is dropped without being closed: over a transport
    /// that makes an orderly end of that, a client that speaks HTTP/1.0 cannot tell that something
    /// is missing.
    ///
    /// # Examples
    ///
    /// On an executor of the caller's, over a Unix socket:
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::sync::Arc;
    ///
    /// use async_executor::Executor;
    /// use async_io::Async;
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt, future::block_on};
    /// use seawall_http_server::{Request, Router, Scope, Server};
    ///
    /// let executor = Arc::new(Executor::new());
    /// let spawner = Arc::clone(&executor);
    /// let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    /// let router = Router::new().get("/hello", async |_: Request| "hello\n");
    /// let running = Server::new(router).start_without_listener(&scope);
    ///
    /// let (mut client, server) = Async::<UnixStream>::pair()?;
    /// let answer = block_on(executor.run(async {
    ///     let peer = ([127, 0, 0, 1], 0).into();
    ///     let serving = executor.spawn(running.serve_connection(server, peer));
    ///     client.write_all(b"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await?;
    ///     let mut answer = String::new();
    ///     client.read_to_string(&mut answer).await?;
    ///     assert!(!serving.await.is_abnormal());
    ///     Ok::<_, std::io::Error>(answer)
    /// }))?;
    /// assert!(answer.ends_with("hello\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_connection<S>(
        &self,
        stream: S,
        peer: SocketAddr,
    ) -> impl Future<Output = ExitReason> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        foreign::serve(self.scope.clone(), Arc::clone(&self.shared), stream, peer)
    }

    /// Accepts no more, closes idle connections, lets requests in flight finish, and tells
    /// upgraded connections to end. What is left after `deadline` is killed; their number is
    /// returned.
    ///
    /// There is no default: how long a service manager waits before it kills the process, only the
    /// caller knows. Handlers have 30 s without any setup
    /// ([`Timeouts::handler`](crate::Timeouts::handler)), so that less may cut one off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.scope.stop();
        if time::timeout(deadline, self.scope.ended()).await.is_ok() {
            return 0;
        }
        let left = self.scope.len();
        self.scope.kill();
        let _ = time::timeout(KILL_GRACE, self.scope.ended()).await;
        left
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// What all connections of a server share. Nothing in it is locked while a request is served.
pub(crate) struct Shared {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) limits: Limits,
    pub(crate) head_limits: http::Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) counters: Counters,
    /// One permit for each connection that may be open.
    pub(crate) connections: Arc<Semaphore>,
    /// One permit for each TLS handshake that may be under way.
    pub(crate) handshakes: Semaphore,
    /// Threads for what blocks; also held by streams that read files.
    pub(crate) pool: Arc<Pool>,
    /// Connections open, by [`client_of`].
    by_address: Mutex<HashMap<IpAddr, usize>>,
    hook: Option<Hook>,
}

impl Shared {
    fn new(
        handler: Arc<dyn Handler>,
        limits: Limits,
        timeouts: Timeouts,
        hook: Option<Hook>,
    ) -> Self {
        Self {
            handler,
            head_limits: limits.for_codec(),
            counters: Counters::default(),
            connections: Arc::new(Semaphore::new(limits.connections)),
            handshakes: Semaphore::new(limits.handshakes),
            pool: Arc::new(Pool::new(limits.for_pool(&timeouts))),
            timeouts,
            by_address: Mutex::new(HashMap::new()),
            hook,
            limits,
        }
    }

    /// A scope whose crashes and failures are counted and reported here.
    fn scope_below(self: &Arc<Self>, scope: &Scope) -> Scope {
        let reporter = Arc::clone(self);
        scope.child_with_events(move |event| reporter.actor_event(event))
    }

    /// Counts and reports a connection beyond the limit for its address.
    pub(crate) fn refuse(&self, peer: SocketAddr) {
        self.counters.refused.add();
        self.report(&Event::Refused { peer });
    }

    /// Whether anybody listens to events.
    pub(crate) fn reports(&self) -> bool {
        self.hook.is_some()
    }

    pub(crate) fn report(&self, event: &Event<'_>) {
        event::report(self.hook.as_ref(), event);
    }

    /// Takes a place for a connection from `peer`, or `None` if that address has too many.
    pub(crate) fn seat(
        self: &Arc<Self>,
        peer: SocketAddr,
        permit: SemaphoreGuardArc,
    ) -> Option<Seat> {
        let mut seat = self.seat_of_proxy(permit);
        seat.claim(peer.ip()).then_some(seat)
    }

    /// Takes a place for a connection whose client is yet to be named.
    pub(crate) fn seat_of_proxy(self: &Arc<Self>, permit: SemaphoreGuardArc) -> Seat {
        self.counters.active.add();
        Seat { shared: Arc::clone(self), ip: None, _permit: permit }
    }

    /// The exit of a connection's actor is where its failure is counted and reported.
    fn actor_event(&self, event: &actor::Event<'_>) {
        let actor::Event::Crashed { label, reason } = event else { return };
        match reason {
            ExitReason::Panicked(text) => {
                self.counters.crashes.add();
                self.report(&Event::Crashed { label, text });
            }
            ExitReason::Failed(error) => {
                if is_timeout(&**error) {
                    self.counters.timeouts.add();
                }
                self.report(&Event::ConnectionFailed { label, error: &**error });
            }
            ExitReason::Normal
            | ExitReason::Shutdown
            | ExitReason::Killed
            | ExitReason::NoProcess => {}
        }
    }
}

/// Whether time ran out: by our word, or, of what drove an upgraded connection, by the system's.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<Error>() {
        return error.is_timeout();
    }
    let mut causes = iter::successors(Some(error), |error| error.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// A connection's place among those that may be open; given back when dropped.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    /// The client it counts for, once that is known.
    ip: Option<IpAddr>,
    _permit: SemaphoreGuardArc,
}

impl Seat {
    /// Counts it for an address; `false` if that has too many.
    pub(crate) fn claim(&mut self, ip: IpAddr) -> bool {
        let ip = client_of(ip);
        let mut by_address = self.shared.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let open = by_address.get(&ip).copied().unwrap_or_default();
        let free = open < self.shared.limits.connections_per_address;
        if free {
            by_address.insert(ip, open + 1);
            self.ip = Some(ip);
        }
        free
    }
}

/// What stands for one client among addresses: of IPv4 the address, however it is written; of IPv6
/// the first 64 bits, since who has one address there has all of that network (RFC 6177).
fn client_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_address = self.shared.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ip) = self.ip
            && let Some(open) = by_address.get_mut(&ip)
        {
            *open -= 1;
            if *open == 0 {
                by_address.remove(&ip);
            }
        }
        drop(by_address);
        self.shared.counters.closed.add();
        self.shared.counters.active.sub();
    }
}
