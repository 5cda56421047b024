//! What came from the client: method, target, fields, content.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use seawall_actor::Scope;
use seawall_codec::http::{BodyFraming, Field, Fields, RequestHead, Version};
use seawall_tls::Info;

use crate::head::Head;
use crate::link::Source;
use crate::path_params::PathParams;
use crate::pool::Pool;
use crate::{Context, Error};

/// A request.
///
/// Its head is complete. Its content is read when the handler asks for it, and only within the
/// limit; a client that waits for 100 (Continue) gets it then.
pub struct Request {
    head: Head,
    /// The connection, and the number by which it knows this request.
    link: (Arc<dyn Source>, u64),
    content: Content,
    /// What middleware left for the handler: at most one of each type.
    notes: Vec<Box<dyn Any + Send + Sync>>,
}

/// Where the requests of a connection come from.
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    /// Of its TLS handshake, if there was one.
    pub(crate) tls: Option<Arc<Info>>,
    /// The connection's actor.
    pub(crate) context: Context,
}

/// Where the content is.
enum Content {
    /// In the connection, as far as it was not read yet.
    Incoming,
    /// Here; or there is none.
    Fetched(Vec<u8>),
}

impl Request {
    pub(crate) fn new(head: Head, link: (Arc<dyn Source>, u64)) -> Self {
        let content = match head.get().framing() {
            BodyFraming::None => Content::Fetched(Vec::new()),
            BodyFraming::Length(_) | BodyFraming::Chunked => Content::Incoming,
        };
        Self { head, link, content, notes: Vec::new() }
    }

    /// The head, with all that is known about it.
    #[must_use]
    pub fn head(&self) -> RequestHead<'_> {
        self.head.get()
    }

    /// The method. Its case matters.
    #[must_use]
    pub fn method(&self) -> &str {
        self.head().method()
    }

    /// The target as received.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head().target()
    }

    /// The path as received, percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head().path()
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.head().version()
    }

    /// The query as received, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head().query()
    }

    /// The first value of `name` in a query of the form `a=1&b=2`, decoded.
    #[must_use]
    pub fn query_param(&self, name: &str) -> Option<String> {
        self.query_params().get(name).map(Cow::into_owned)
    }

    /// What the segment `{name}` of the route's pattern matched, as received.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.head.params().get(name, self.path())
    }

    /// What the rest at the end of the route's pattern matched, as received.
    #[cfg(unix)]
    pub(crate) fn rest(&self) -> Option<&str> {
        self.head.params().iter(self.path()).next_back().map(|(_, value)| value)
    }

    pub(crate) fn take_params(&mut self) -> PathParams {
        std::mem::take(self.head.params_mut())
    }

    pub(crate) fn set_params(&mut self, params: PathParams) {
        *self.head.params_mut() = params;
    }

    /// The fields in the order received.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        self.head().fields()
    }

    /// The first value of the field `name`, in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.head().field(name)
    }

    /// The client's address.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.link.0.origin().peer
    }

    /// Whether the request came over TLS of this server's own. Not known, and false, of TLS that a
    /// proxy has ended, or that lies beneath a stream given to
    /// [`Running::serve_connection`](crate::Running::serve_connection).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.link.0.origin().tls.is_some()
    }

    /// What the TLS handshake agreed on: version, names, the client's certificate. `None` unless
    /// [`is_secure`](Self::is_secure).
    #[must_use]
    pub fn tls(&self) -> Option<&Info> {
        self.link.0.origin().tls.as_deref()
    }

    /// The scope in which the connection's actor lives: where a handler spawns actors that are to
    /// be stopped with the server.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.link.0.origin().context.scope()
    }

    /// Reads all of the content, at most [`Limits::body`](crate::Limits::body) octets, or what
    /// [`set_body_limit`](Self::set_body_limit) says.
    ///
    /// # Errors
    ///
    /// If the client breaks the protocol or the limit, is too slow, or leaves. The error makes a
    /// fitting response; whatever the handler answers, the connection is closed then.
    pub async fn content(&mut self) -> Result<Vec<u8>, Error> {
        self.prefetch().await?;
        Ok(self.take_content())
    }

    /// Reads on, and gives the next piece of the content, or `None` at its end.
    ///
    /// # Errors
    ///
    /// As [`content`](Self::content).
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Content::Fetched(bytes) = &mut self.content {
            return Ok((!bytes.is_empty()).then(|| std::mem::take(bytes)));
        }
        let mut piece = Vec::new();
        let more = self.read(&mut piece).await?;
        Ok(more.then_some(piece))
    }

    /// The server's threads for what blocks; `None` if the connection is gone.
    pub(crate) fn pool(&self) -> Option<Arc<Pool>> {
        self.link.0.pool()
    }

    /// As [`next_piece`](Self::next_piece), for those that can only be polled.
    #[cfg(feature = "tower")]
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Option<Vec<u8>>, Error>> {
        match &mut self.content {
            Content::Fetched(bytes) if bytes.is_empty() => Poll::Ready(Ok(None)),
            Content::Fetched(bytes) => Poll::Ready(Ok(Some(std::mem::take(bytes)))),
            Content::Incoming => {
                let mut piece = Vec::new();
                let more = task::ready!(self.link.0.poll_content(self.link.1, cx, &mut piece))?;
                Poll::Ready(Ok(more.then_some(piece)))
            }
        }
    }

    /// Name and value of each trailer field, in the order received, once the content was read to
    /// its end; none before. They are never merged into [`fields`](Self::fields): what a proxy in
    /// front has checked there, it has not checked here (RFC 9110 §6.5.1).
    #[must_use]
    pub fn trailers(&self) -> Vec<(String, Vec<u8>)> {
        self.link.0.trailers(self.link.1)
    }

    /// Waits until the client has left: it closed its connection, or at least its sending side,
    /// which from here looks the same. Also ready when the request is answered.
    ///
    /// Nothing is cancelled by it: whether an answer is still worth its cost, the handler decides.
    /// The future is to be polled in the handler's own task. A client that has sent more than 16
    /// KiB behind this request, content or further requests, is not seen leaving before that is
    /// read.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_lite::future;
    /// use seawall_http_server::{Request, Response, Status};
    /// # async fn search() -> Response { Response::ok("found\n") }
    ///
    /// async fn handler(request: Request) -> Response {
    ///     let gone = async {
    ///         request.gone().await;
    ///         Response::new(Status::REQUEST_TIMEOUT) // to nobody
    ///     };
    ///     future::or(search(), gone).await
    /// }
    /// ```
    pub fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let (link, exchange) = (Arc::clone(&self.link.0), self.link.1);
        poll_fn(move |cx| link.poll_gone(exchange, cx))
    }

    /// When the handler's time is over, after which its client gets 504; `None` is never. The time
    /// that the client takes to send content does not count, so reading content moves this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.link.0.deadline(self.link.1)
    }

    /// Gives this request's handler another time than [`Timeouts::handler`](crate::Timeouts::handler),
    /// from now on. For a route: [`Handler::timeout`](crate::Handler::timeout).
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.link.0.set_timeout(self.link.1, timeout);
    }

    /// Allows this request another number of octets of content than
    /// [`Limits::body`](crate::Limits::body). Without effect once reading has begun. For a route:
    /// [`Handler::body_limit`](crate::Handler::body_limit).
    pub fn set_body_limit(&mut self, octets: u64) {
        self.link.0.set_body_limit(self.link.1, octets);
    }

    /// Leaves `note` for those who get the request next, in place of one of the same type.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Next, Request, Response};
    ///
    /// struct User(String);
    ///
    /// async fn authenticate(mut request: Request, next: Next) -> Response {
    ///     request.insert(User("ada".to_owned()));
    ///     next.run(request).await
    /// }
    ///
    /// async fn hello(request: Request) -> String {
    ///     let user = request.get::<User>().map_or("stranger", |user| &user.0);
    ///     format!("hello {user}\n")
    /// }
    /// ```
    pub fn insert<T: Send + Sync + 'static>(&mut self, note: T) {
        self.notes.retain(|known| !known.is::<T>());
        self.notes.push(Box::new(note));
    }

    /// The note of this type, if one was left.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.notes.iter().find_map(|note| note.downcast_ref())
    }

    /// Reads all of the content, and keeps it for [`take_content`](Self::take_content).
    pub(crate) async fn prefetch(&mut self) -> Result<(), Error> {
        if let Content::Incoming = &self.content {
            let mut bytes = Vec::new();
            while self.read(&mut bytes).await? {}
            self.content = Content::Fetched(bytes);
        }
        Ok(())
    }

    /// Appends the next piece of the content that is to come; `false` at its end.
    fn read<'a>(&'a self, out: &'a mut Vec<u8>) -> Reading<'a> {
        Reading { link: &*self.link.0, exchange: self.link.1, out, waits: false }
    }

    /// Takes the content that was read already: in a [`blocking`](crate::blocking()) handler, all
    /// of it.
    #[must_use]
    pub fn take_content(&mut self) -> Vec<u8> {
        match &mut self.content {
            Content::Fetched(bytes) => std::mem::take(bytes),
            Content::Incoming => Vec::new(),
        }
    }
}

/// Waits for a piece of content.
struct Reading<'a> {
    link: &'a dyn Source,
    exchange: u64,
    out: &'a mut Vec<u8>,
    /// Nothing was there when it was last polled.
    waits: bool,
}

impl Future for Reading<'_> {
    type Output = Result<bool, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Self { link, exchange, out, .. } = &mut *self;
        let polled = link.poll_content(*exchange, cx, out);
        self.waits = polled.is_pending();
        polled
    }
}

impl Drop for Reading<'_> {
    /// A handler that gives up waiting for its client goes on in its own time.
    fn drop(&mut self) {
        if self.waits {
            self.link.leave_off(self.exchange);
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &self.target())
            .field(
                "fields",
                &self.fields().map(|field: Field<'_>| field.to_string()).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}
