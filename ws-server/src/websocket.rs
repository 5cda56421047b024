//! The opening handshake: from an HTTP request to a connection of its own kind.

use std::fmt;
use std::sync::Arc;

use seawall_codec::ws::CloseCode;
use seawall_codec::ws::handshake::{self, Refusal};
use seawall_http_server::{self as http, Answer, IntoResponse, Request, Response};

use crate::connection::{Connection, Opening};
use crate::deflate::{Compression, Deflate};
use crate::outbox::Outbox;
use crate::{Handler, Limits, Reject, Sender, Timeouts};

/// Makes connections of requests: a handler for `seawall-http-server`.
///
/// A request that is no right opening handshake is answered 400, 405 or 426 (RFC 6455 §4.2, §4.4).
pub struct WebSocket<F> {
    make: F,
    config: Arc<Config>,
}

/// What all connections of a route share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) compression: Option<Compression>,
}

impl<F, H> WebSocket<F>
where
    F: Fn() -> H + Send + Sync + 'static,
    H: Handler,
{
    /// Serves each connection with a handler that `make` makes for it.
    #[must_use]
    pub fn new(make: F) -> Self {
        Self { make, config: Arc::default() }
    }

    /// Sets how much a client may send, and how much may wait for it.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.config).limits = limits;
        self
    }

    /// Sets how long a client may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        Arc::make_mut(&mut self.config).timeouts = timeouts;
        self
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

impl<F, H> http::Handler for WebSocket<F>
where
    F: Fn() -> H + Send + Sync + 'static,
    H: Handler,
{
    fn handle(&self, request: Request) -> Answer {
        let handler = (self.make)();
        let config = Arc::clone(&self.config);
        Box::pin(open(request, handler, config))
    }
}

async fn open<H: Handler>(request: Request, mut handler: H, config: Arc<Config>) -> Response {
    let head = request.head();
    let mut handshake = match handshake::Request::new(&head) {
        Ok(handshake) => handshake,
        Err(refusal) => return refuse(refusal),
    };
    let compression = config.compression.as_ref();
    let deflate = compression.and_then(|wanted| Deflate::negotiate(&mut handshake, wanted));
    let outbox = Arc::new(Outbox::new(&config.limits, deflate.map(Deflate::encoder)));
    let sender = Sender { outbox };
    let opening = match handler.on_connect(&request, &sender).await {
        Ok(()) => Opening::Accepted(handler),
        Err(Reject::Status(status)) => {
            sender.outbox.close();
            return status.into_response();
        }
        Err(Reject::Policy(reason)) => Opening::Rejected(CloseCode::POLICY_VIOLATION, reason),
    };
    let response = Response::switching_protocols(handshake::PROTOCOL, move |upgraded, context| {
        Connection::new(upgraded, context, sender, config, deflate).run(opening)
    });
    // No subprotocol is selected, so none can be one that was not offered.
    handshake
        .fields(None)
        .into_iter()
        .flatten()
        .fold(response, |response, (name, value)| response.field(name, value.into_owned()))
}

fn refuse(refusal: Refusal) -> Response {
    let response = Response::new(refusal.status()).text(format!("{refusal}\n"));
    let fields = refusal.fields().iter();
    fields.fold(response, |response, (name, value)| response.field(*name, *value))
}

impl<F> fmt::Debug for WebSocket<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("config", &self.config).finish_non_exhaustive()
    }
}
