//! What a handler answers a client that asks for a connection.

use seawall_codec::http;
use seawall_http_server::{Request, Status};

use crate::deflate::Compression;
use crate::websocket::Config;
use crate::{Limits, Overflow, Timeouts};

/// How a connection is accepted: as its route says, unless this says otherwise.
///
/// # Examples
///
/// ```
/// use seawall_http_server::Request;
/// use seawall_ws_server::{Accept, Handler, Limits, Message, Reject, Sender};
///
/// struct Feed;
///
/// impl Handler for Feed {
///     async fn on_connect(&mut self, request: &Request, _: &Sender) -> Result<Accept, Reject> {
///         let accept = Accept::new().select(request, &["feed.v2", "feed.v1"]);
///         if accept.subprotocol().is_none() {
///             return Err(Reject::Policy("speak feed.v1 or feed.v2".into()));
///         }
///         // This client has nothing to say that would be longer.
///         Ok(accept.limits(Limits { message: 1024, ..Limits::default() }))
///     }
///
///     async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accept {
    subprotocol: Option<String>,
    limits: Option<Limits>,
    timeouts: Option<Timeouts>,
    compression: Choice,
    overflow: Option<Overflow>,
}

/// Whether messages are compressed for clients that offer it.
#[derive(Clone, Debug, Default)]
enum Choice {
    #[default]
    AsTheRoute,
    Never,
    #[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "nothing to choose"))]
    Like(Compression),
}

impl Accept {
    /// Accepts without a subprotocol.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects the first of the client's subprotocols that is among `supported`, if one is
    /// (RFC 6455 §4.2.2).
    #[must_use]
    pub fn select(mut self, request: &Request, supported: &[&str]) -> Self {
        let head = request.head();
        let selected = head
            .values("sec-websocket-protocol")
            .flat_map(http::list)
            .find_map(|offered| supported.iter().find(|name| name.as_bytes() == offered));
        self.subprotocol = selected.map(|name| (*name).to_owned());
        self
    }

    /// The subprotocol that was selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Sets how much this client may send, and how much may wait for it.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets how long this client may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// Sets what becomes of messages for this client if it takes them too slowly.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Compresses messages for this client if it offers it.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Choice::Like(compression);
        self
    }

    /// Compresses nothing for this client, even if the route does: where secrets are sent beside
    /// text of others.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.compression = Choice::Never;
        self
    }

    /// Whether anything differs from the route.
    pub(crate) fn differs(&self) -> bool {
        self.limits.is_some()
            || self.timeouts.is_some()
            || self.overflow.is_some()
            || !matches!(self.compression, Choice::AsTheRoute)
    }

    /// Makes the route's configuration this connection's.
    pub(crate) fn apply(self, config: &mut Config) {
        if let Some(limits) = self.limits {
            config.set_limits(limits);
        }
        if let Some(timeouts) = self.timeouts {
            config.timeouts = timeouts;
        }
        if let Some(overflow) = self.overflow {
            config.overflow = overflow;
        }
        match self.compression {
            Choice::AsTheRoute => {}
            Choice::Never => config.compression = None,
            Choice::Like(compression) => config.compression = Some(compression),
        }
    }
}

/// How a connection is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reject {
    /// By an HTTP status instead of 101. Browsers do not show it to their scripts.
    Status(Status),
    /// By a Close right after the 101, with code 1008 and this reason, which is cut off after 123
    /// octets. Browsers show both.
    Policy(String),
}
