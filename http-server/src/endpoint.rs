//! Where a server listens, what is spoken there, and whom it believes about its clients.

use std::net::SocketAddr;

use seawall_tls::Acceptor;

use crate::Networks;

/// An address to listen on, and what is spoken there.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Endpoint, Networks, Request, Router, Server};
///
/// let balancer = Networks::parse(["10.0.0.0/24"])?;
/// let router = Router::new().get("/", async |request: Request| request.peer_addr().to_string());
/// let server = Server::new(router)
///     .listen_on(Endpoint::new(([127, 0, 0, 1], 8080).into()).behind_proxies(balancer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) acceptor: Option<Acceptor>,
    pub(crate) proxies: Option<Networks>,
}

impl Endpoint {
    /// Plain HTTP on `address`; port 0 lets the system choose one.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, acceptor: None, proxies: None }
    }

    /// Speaks TLS.
    #[must_use]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = Some(acceptor);
        self
    }

    /// Expects the PROXY protocol, version 1 or 2, at the beginning of each connection, before TLS:
    /// requests then come from the client that the proxy names.
    ///
    /// Connections from elsewhere than `proxies` are refused, and so are those without a header:
    /// there is no guessing, since a client could guess as well. A header must be complete within
    /// [`Timeouts::first_byte`](crate::Timeouts::first_byte). Limits for each address count the
    /// clients' addresses.
    #[must_use]
    pub fn behind_proxies(mut self, proxies: Networks) -> Self {
        self.proxies = Some(proxies);
        self
    }
}
