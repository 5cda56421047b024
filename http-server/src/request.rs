//! What came from the client: method, target, fields, content.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use seawall_actor::Scope;
use seawall_codec::http::{Field, Fields, RequestHead, RequestLayout, Version};
use seawall_tls::Info;

use crate::Error;
use crate::link::Source;

/// A request.
///
/// Its head is complete. Its content is read when the handler asks for it, and only within the
/// limit; a client that waits for 100 (Continue) gets it then.
pub struct Request {
    /// The head as received, and where its parts lie.
    bytes: Box<[u8]>,
    layout: RequestLayout,
    origin: Origin,
    params: Vec<(String, String)>,
    content: Content,
}

/// Where a request came from.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    /// Of its TLS handshake, if there was one.
    pub(crate) tls: Option<Arc<Info>>,
    pub(crate) scope: Scope,
}

/// Where the content is.
enum Content {
    /// In the connection, as far as it was not read yet; or there is none.
    Incoming(Arc<dyn Source>, u64),
    /// Here.
    Fetched(Vec<u8>),
}

impl Request {
    pub(crate) fn new(
        bytes: Box<[u8]>,
        layout: RequestLayout,
        origin: Origin,
        source: Option<(Arc<dyn Source>, u64)>,
    ) -> Self {
        let content = match source {
            Some((source, exchange)) => Content::Incoming(source, exchange),
            None => Content::Fetched(Vec::new()),
        };
        Self { bytes, layout, origin, params: Vec::new(), content }
    }

    /// The head, with all that is known about it.
    #[must_use]
    pub fn head(&self) -> RequestHead<'_> {
        self.layout.head(&self.bytes)
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
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(crate) fn set_params(&mut self, params: Vec<(String, String)>) {
        self.params = params;
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
        self.origin.peer
    }

    /// Whether the request came over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.origin.tls.is_some()
    }

    /// What the TLS handshake agreed on: version, names, the client's certificate. `None` if the
    /// connection is plain.
    #[must_use]
    pub fn tls(&self) -> Option<&Info> {
        self.origin.tls.as_deref()
    }

    /// The scope in which the connection's actor lives: where a handler spawns actors that are to
    /// be stopped with the server.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.origin.scope
    }

    /// Reads all of the content, at most [`Limits::body`](crate::Limits::body) octets.
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
        match &mut self.content {
            Content::Fetched(bytes) if bytes.is_empty() => Ok(None),
            Content::Fetched(bytes) => Ok(Some(std::mem::take(bytes))),
            Content::Incoming(source, exchange) => {
                let mut piece = Vec::new();
                let more = poll_fn(|cx| source.poll_content(*exchange, cx, &mut piece)).await?;
                Ok(more.then_some(piece))
            }
        }
    }

    /// Reads all of the content, and keeps it for [`take_content`](Self::take_content).
    pub(crate) async fn prefetch(&mut self) -> Result<(), Error> {
        if let Content::Incoming(source, exchange) = &self.content {
            let mut bytes = Vec::new();
            while poll_fn(|cx| source.poll_content(*exchange, cx, &mut bytes)).await? {}
            self.content = Content::Fetched(bytes);
        }
        Ok(())
    }

    /// Takes the content that was read already: in a [`blocking`](crate::blocking()) handler, all
    /// of it.
    #[must_use]
    pub fn take_content(&mut self) -> Vec<u8> {
        match &mut self.content {
            Content::Fetched(bytes) => std::mem::take(bytes),
            Content::Incoming(..) => Vec::new(),
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
