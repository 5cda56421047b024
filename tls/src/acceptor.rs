//! The server's side: from a configuration to a ready acceptor, and to another one while it runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use futures_io::{AsyncRead, AsyncWrite};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};

use crate::names::Names;
use crate::{AcceptError, Config, Error, Hello, Identity, Resumption, Stream, Version};

/// Accepts TLS connections. Cheap to clone; clones share their certificates.
#[derive(Clone)]
pub struct Acceptor {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    /// What handshakes that begin now use. Locked for as long as it takes to clone an `Arc`.
    current: RwLock<Arc<Ready>>,
    /// The files as they were when `current` was read from them. Held while they are read again.
    seen: Mutex<Vec<Option<Mark>>>,
}

/// A configuration whose files were read, and found to fit together.
pub(crate) struct Ready {
    pub(crate) server: Arc<ServerConfig>,
    /// The same that `server` chooses from.
    pub(crate) names: Arc<Names>,
    pub(crate) refuses_unknown_names: bool,
}

/// By what a changed file is told from an old one.
type Mark = (SystemTime, u64);

impl Acceptor {
    /// Reads the files of `config`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the file and what is wrong with it: it cannot be read, is empty, is
    /// not PEM, holds no certificate or key, the key is encrypted, or the two do not belong
    /// together.
    ///
    /// A certificate that is out of date is no error: a server that would not start again at night
    /// helps nobody. Its clients notice.
    pub fn new(config: Config) -> Result<Self, Error> {
        let seen = config.marks();
        let current = RwLock::new(Arc::new(config.load()?));
        Ok(Self { shared: Arc::new(Shared { config, current, seen: Mutex::new(seen) }) })
    }

    /// An acceptor with one certificate chain and its private key, both PEM, and defaults for the
    /// rest.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_pem_files(
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        Self::new(Config::new(Identity::files(certificate.as_ref(), key.as_ref())))
    }

    /// Reads the files again. Handshakes that begin afterwards use what is in them now; open
    /// connections stay as they are. Sessions are not resumed across a reload.
    ///
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). Then the old certificates stay in use.
    pub fn reload(&self) -> Result<(), Error> {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.reread(&mut seen)
    }

    /// Reads the files again if one of them has changed, by its time of modification or its
    /// length. Tells whether it did. Made to be called every minute or so.
    ///
    /// Blocks while it looks and reads.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload), and again at each call until the files are sound: who replaces
    /// a certificate and then its key may be seen half way.
    ///
    /// # Examples
    ///
    /// A thread that watches, and ends with the last other handle of the acceptor:
    ///
    /// ```no_run
    /// # let acceptor = seawall_tls::Acceptor::from_pem_files("cert.pem", "key.pem")?;
    /// let watched = acceptor.clone();
    /// std::thread::spawn(move || {
    ///     loop {
    ///         std::thread::sleep(std::time::Duration::from_secs(60));
    ///         if let Err(error) = watched.reload_if_changed() {
    ///             eprintln!("still using the old certificates: {error}");
    ///         }
    ///     }
    /// });
    /// # Ok::<_, seawall_tls::Error>(())
    /// ```
    pub fn reload_if_changed(&self) -> Result<bool, Error> {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == self.shared.config.marks() {
            return Ok(false);
        }
        self.reread(&mut seen).map(|()| true)
    }

    fn reread(&self, seen: &mut Vec<Option<Mark>>) -> Result<(), Error> {
        // Before the files: a change while they are read is then seen the next time.
        let marks = self.shared.config.marks();
        let ready = Arc::new(self.shared.config.load()?);
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = ready;
        *seen = marks;
        Ok(())
    }

    /// Reads the client's first message, and waits for no more than that: a client that stays
    /// silent costs no arithmetic. [`Hello::accept`] does the rest.
    ///
    /// There is no deadline: a client that sends nothing is waited for until the future is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::PlainHttp`] if it is no TLS but the beginning of an HTTP request,
    /// [`Error::Handshake`] if it is neither or broken, [`Error::Io`] if the transport fails.
    pub async fn hello<S>(&self, stream: S) -> Result<Hello<S>, AcceptError<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let ready = self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        Hello::read(stream, ready).await
    }

    /// Does the server's side of the handshake: [`hello`](Self::hello), then [`Hello::accept`].
    ///
    /// # Errors
    ///
    /// As those two.
    pub async fn accept<S>(&self, stream: S) -> Result<Stream<S>, AcceptError<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.hello(stream).await?.accept().await
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl Config {
    fn load(&self) -> Result<Ready, Error> {
        let provider = Arc::new(provider());
        let mut identities = Vec::new();
        for identity in &self.identities {
            identities.push(identity.load(&provider)?);
        }
        let default = identities.remove(0); // `Config::new` puts one there
        let names = Arc::new(Names::new(default, identities));
        let versions: &[&rustls::SupportedProtocolVersion] = match self.min_version {
            Version::Tls12 => rustls::ALL_VERSIONS,
            Version::Tls13 => &[&rustls::version::TLS13],
        };
        let verifier = self.clients.load(&provider)?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(unusable)?;
        let mut server =
            builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::clone(&names) as _);
        server.alpn_protocols.clone_from(&self.alpn);
        match self.resumption {
            Resumption::Tickets => server.ticketer = ticketer().map_err(unusable)?,
            Resumption::Cache(sessions) => {
                server.session_storage = ServerSessionMemoryCache::new(sessions);
            }
            Resumption::Off => {
                server.session_storage = Arc::new(NoServerSessionStorage {});
                server.send_tls13_tickets = 0;
            }
        }
        Ok(Ready {
            server: Arc::new(server),
            names,
            refuses_unknown_names: self.refuses_unknown_names,
        })
    }

    /// The state of each file; `None` for one that is not there.
    fn marks(&self) -> Vec<Option<Mark>> {
        let paths = self.identities.iter().flat_map(Identity::paths).chain(self.clients.path());
        let mark = |path: &Path| {
            let metadata = path.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        paths.map(mark).collect()
    }
}

/// A fault of no file: the cryptography cannot do what is asked.
fn unusable(error: rustls::Error) -> Error {
    Error::Config {
        path: PathBuf::from("<cryptography>"),
        cause: crate::Cause::Unusable(error.into()),
    }
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(feature = "aws-lc-rs")]
fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    rustls::crypto::aws_lc_rs::Ticketer::new()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    rustls::crypto::ring::Ticketer::new()
}
