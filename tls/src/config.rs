//! What an acceptor is made of: identities, whom it trusts, what it offers.

use crate::{Clients, Identity};

/// How an [`Acceptor`](crate::Acceptor) greets its clients. Nothing is read before the acceptor is made.
///
/// # Examples
///
/// ```no_run
/// use seawall_tls::{Acceptor, Clients, Config, Identity, Version};
///
/// let config = Config::new(Identity::files("example.pem", "example.key"))
///     .also(Identity::files("other.pem", "other.key"))
///     .clients(Clients::optional("staff-ca.pem"))
///     .min_version(Version::Tls13);
/// let acceptor = Acceptor::new(config)?;
/// # Ok::<_, seawall_tls::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) identities: Vec<Identity>,
    pub(crate) refuses_unknown_names: bool,
    pub(crate) clients: Clients,
    pub(crate) min_version: Version,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) resumption: Resumption,
}

impl Config {
    /// A server with one identity, which is the default for clients that ask for no name or an
    /// unknown one. TLS 1.2 and 1.3, `http/1.1` and `http/1.0` by ALPN, no client certificates,
    /// resumption by tickets.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identities: vec![identity],
            refuses_unknown_names: false,
            clients: Clients::none(),
            min_version: Version::Tls12,
            alpn: vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()],
            resumption: Resumption::Tickets,
        }
    }

    /// Adds an identity, chosen when a client asks for a name that its certificate is for (SNI,
    /// RFC 6066 §3).
    ///
    /// The names are those in the certificate (subjectAltName). An exact one goes before a
    /// wildcard; of several identities for one name the first whose key the client can check is
    /// taken, so that RSA and ECDSA may stand side by side.
    #[must_use]
    pub fn also(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Refuses clients that ask for a name for which there is no identity, by the alert
    /// `unrecognized_name`. Otherwise they get the default identity, and judge for themselves.
    ///
    /// A client that asks for no name gets the default identity in either case.
    #[must_use]
    pub fn refuse_unknown_names(mut self) -> Self {
        self.refuses_unknown_names = true;
        self
    }

    /// Whether clients show a certificate. Default: they are not asked.
    #[must_use]
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }

    /// The oldest version that is spoken. Default [`Version::Tls12`].
    ///
    /// 1.3 alone hides more of the handshake, and keeps out clients from before 2018.
    #[must_use]
    pub fn min_version(mut self, version: Version) -> Self {
        self.min_version = version;
        self
    }

    /// The protocols that are offered (ALPN, RFC 7301), the preferred one first; none: ALPN is not
    /// spoken. Default `http/1.1`, then `http/1.0`: old clients offer nothing else, and are refused
    /// by who does not know it (§3.2).
    ///
    /// A client that asks for others only is refused by the alert `no_application_protocol`.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec()).collect();
        self
    }

    /// How clients come back without a whole handshake. Default [`Resumption::Tickets`].
    #[must_use]
    pub fn resumption(mut self, resumption: Resumption) -> Self {
        self.resumption = resumption;
        self
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// How a client resumes a session.
///
/// Sessions end with [`Acceptor::reload`](crate::Acceptor::reload): nobody comes back by a
/// certificate, or past a check, that is no longer there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Resumption {
    /// By tickets that the client keeps, encrypted with keys that change every six hours. They
    /// cost the server no memory, and a stolen key gives away some hours of resumed TLS 1.2
    /// sessions.
    #[default]
    Tickets,
    /// From a cache of at most so many sessions, each some hundred octets and a client's
    /// certificates.
    Cache(usize),
    /// Not at all: each connection does a whole handshake.
    Off,
}
