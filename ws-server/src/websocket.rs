//! The opening handshake: from an HTTP request to a connection of its own kind.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use seawall_codec::ws;
use seawall_codec::ws::handshake::{self, Refusal};
use seawall_http_server::{self as http, Answer, IntoResponse, Request, Response, Status};

use crate::accepted::Accepted;
use crate::connection::{Connection, Life, Opening, Owner};
use crate::deflate::{Compression, Deflate};
use crate::function::Function;
use crate::origin::Origins;
use crate::sender::Ends;
use crate::stats::Counters;
use crate::{Handler, Limits, Overflow, Receiver, Reject, Sender, StatsReader, Timeouts};

/// Makes connections of requests: a handler for `seawall-http-server`, as a route or for every
/// path.
///
/// A request that is no right opening handshake is answered 400, 405 or 426 (RFC 6455 §4.2, §4.4),
/// one from a page of another host 403 (§10.2).
pub struct WebSocket<F, I = Infallible> {
    make: F,
    config: Arc<Config>,
    /// Messages of the type `I` are the handlers'.
    infos: PhantomData<fn(I)>,
}

/// What all connections of a route share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    /// What the codec has to know of them: once for all connections.
    pub(crate) codec_limits: Arc<ws::Limits>,
    pub(crate) timeouts: Timeouts,
    pub(crate) compression: Option<Compression>,
    pub(crate) overflow: Overflow,
    pub(crate) origins: Origins,
    pub(crate) counters: Arc<Counters>,
}

impl Config {
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.codec_limits = Arc::new(limits.for_codec());
        self.limits = limits;
    }
}

impl<F, H, I> WebSocket<F, I>
where
    F: Fn() -> H + Send + Sync + 'static,
    H: Handler<I>,
    I: Send + 'static,
{
    /// Serves each connection with a handler that `make` makes for it.
    #[must_use]
    pub fn new(make: F) -> Self {
        Self { make, config: Arc::default(), infos: PhantomData }
    }
}

impl WebSocket<()> {
    /// Serves each connection with an async function of its own.
    ///
    /// The function runs in an actor beside the connection's. One message waits for its
    /// [`recv`](Receiver::recv); the next one holds up the connection, as a callback that does not
    /// return ([`Handler`]): what others send still leaves, Pings and Pongs wait. When it returns,
    /// the connection closes with 1000; if it panics, with 1011. When the connection ends first,
    /// [`recv`](Receiver::recv) says so, and a function that has not returned once
    /// [`Timeouts::close`] has passed is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::Router;
    /// use seawall_ws_server::{Receiver, Sender, WebSocket};
    ///
    /// async fn shout(mut receiver: Receiver, sender: Sender) {
    ///     while let Some(message) = receiver.recv().await {
    ///         let Some(text) = message.as_text() else { break };
    ///         if sender.send(&*text.to_uppercase()).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    ///
    /// let router = Router::new().get("/shout", WebSocket::from_fn(shout));
    /// ```
    #[must_use]
    pub fn from_fn<G, Fut>(
        function: G,
    ) -> WebSocket<impl Fn() -> Function<G> + Send + Sync + 'static>
    where
        G: Fn(Receiver, Sender) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let function = Arc::new(function);
        WebSocket::new(move || Function::new(Arc::clone(&function)))
    }
}

impl<F, I> WebSocket<F, I> {
    /// Sets how much a client may send, and how much may wait for it.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.config).set_limits(limits);
        self
    }

    /// Sets how long a client may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        Arc::make_mut(&mut self.config).timeouts = timeouts;
        self
    }

    /// Sets what becomes of messages for a client that takes them too slowly.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        Arc::make_mut(&mut self.config).overflow = overflow;
        self
    }

    /// Lets pages of these origins connect, besides those of the host itself: each as a browser
    /// names it, `https://app.example.org`, with a port unless it is the scheme's own.
    ///
    /// Without this, a browser is answered 403 if its page is of another host. Clients that send
    /// no Origin, which no browser does, always pass.
    #[must_use]
    pub fn origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        let origins = origins.into_iter().map(Into::into).collect();
        Arc::make_mut(&mut self.config).origins = Origins::Also(origins);
        self
    }

    /// Lets pages of any origin connect: for what is public, and known to nobody by cookies.
    #[must_use]
    pub fn any_origin(mut self) -> Self {
        Arc::make_mut(&mut self.config).origins = Origins::Any;
        self
    }

    /// What the route counts, to be read after it was given away.
    #[must_use]
    pub fn stats(&self) -> StatsReader {
        StatsReader(Arc::clone(&self.config.counters))
    }

    /// Compresses messages for clients that offer it (permessage-deflate, RFC 7692). Without
    /// this, none is compressed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        Arc::make_mut(&mut self.config).compression = Some(compression);
        self
    }
}

impl<F, H, I> http::Handler for WebSocket<F, I>
where
    F: Fn() -> H + Send + Sync + 'static,
    H: Handler<I>,
    I: Send + 'static,
{
    fn handle(&self, request: Request) -> Answer {
        let handler = (self.make)();
        let config = Arc::clone(&self.config);
        Box::pin(open(request, handler, config))
    }
}

async fn open<H, I>(request: Request, mut handler: H, mut config: Arc<Config>) -> Response
where
    H: Handler<I>,
    I: Send + 'static,
{
    let head = request.head();
    let mut handshake = match handshake::Request::new(&head) {
        Ok(handshake) => handshake,
        Err(refusal) => return refuse(refusal),
    };
    if !config.origins.allow(&request) {
        config.counters.rejected.add();
        return Response::new(Status::FORBIDDEN).text("this origin may not connect\n");
    }
    let owner = Owner(Sender { ends: Arc::new(Ends::new(&config)) });
    let (opening, subprotocol) = match handler.on_connect(&request, &owner.0).await {
        Ok(accept) => {
            let subprotocol = accept.subprotocol().map(str::to_owned);
            if accept.differs() {
                accept.apply(Arc::make_mut(&mut config)); // this connection's own from here on
            }
            (Opening::Accepted(Accepted::new(handler, &config.counters)), subprotocol)
        }
        Err(Reject::Status(status)) => {
            config.counters.rejected.add();
            return status.into_response();
        }
        Err(Reject::Policy(reason)) => {
            config.counters.rejected.add();
            (Opening::Rejected(reason.into()), None)
        }
    };
    let forgets = config.overflow.drops_waiting();
    let deflate = config.compression.as_ref();
    let deflate = deflate.and_then(|wanted| Deflate::negotiate(&mut handshake, wanted, forgets));
    owner.0.outbox().settle(&config, deflate.map(Deflate::encoder));
    // `Accept::select` takes only what the client offers.
    let Ok(fields) = handshake.fields(subprotocol.as_deref()) else {
        return Status::INTERNAL_SERVER_ERROR.into_response();
    };
    let response = Response::switching_protocols(handshake::PROTOCOL, move |upgraded, context| {
        let connection = Connection::new(upgraded, context, owner, config, deflate);
        Box::new(Life::new(opening, connection)).run()
    });
    fields
        .into_iter()
        .fold(response, |response, (name, value)| response.field(name, value.into_owned()))
}

fn refuse(refusal: Refusal) -> Response {
    let response = Response::new(refusal.status()).text(format!("{refusal}\n"));
    let fields = refusal.fields().iter();
    fields.fold(response, |response, (name, value)| response.field(*name, *value))
}

impl<F, I> fmt::Debug for WebSocket<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("config", &self.config).finish_non_exhaustive()
    }
}
