//! A server's `main`: start, say where, wait for a signal, stop in order. SIGHUP reads the certificates again.

use std::error::Error;
use std::ffi::c_int;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use futures_lite::{AsyncReadExt as _, future};
use seawall_actor::net::UnixStream;
use seawall_actor::{self as actor, Runtime};
use seawall_http_server::{Event, Running, Server};
use seawall_tls::{Acceptor, Config, Identity};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::flags::Listen;

/// Runs `server` until SIGTERM or Ctrl-C. Prints one line for each endpoint once it accepts
/// connections, and what goes wrong to standard error.
#[must_use]
pub fn run(server: Server, listen: &Listen) -> ExitCode {
    report(Serving::by_flags(server, listen).and_then(Serving::run))
}

/// Says what went wrong, if something did.
#[must_use]
pub fn report(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A server that is to run until a signal stops it.
#[must_use = "nothing is served before `run`"]
pub struct Serving {
    server: Server,
    /// Of each endpoint.
    schemes: Vec<&'static str>,
    shutdown_timeout: Duration,
    acceptor: Option<Acceptor>,
    hook: Box<dyn Fn(&Event<'_>) + Send + Sync>,
    started: Box<dyn FnOnce(Running)>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Serving {
    /// A server whose endpoints are known, with the scheme of each.
    pub fn new(server: Server, schemes: &[&'static str], shutdown_timeout: Duration) -> Self {
        Self {
            server,
            schemes: schemes.to_vec(),
            shutdown_timeout,
            acceptor: None,
            hook: Box::new(|_| {}),
            started: Box::new(|_| {}),
        }
    }

    /// A server with the endpoints that the flags ask for.
    ///
    /// # Errors
    ///
    /// If a certificate cannot be used, or is missing.
    pub fn by_flags(server: Server, listen: &Listen) -> Result<Self, Box<dyn Error>> {
        let identity = match (&listen.tls_cert, &listen.tls_key) {
            (Some(certificate), Some(key)) => Some(Identity::files(certificate, key)),
            _ if listen.tls_self_signed => Some(self_signed(&["localhost", "127.0.0.1"])?),
            _ => None,
        };
        let mut config = identity.map(Config::new);
        for name in &listen.tls_name {
            let identity = self_signed(&[name])?;
            config = config.map(|config| config.also(identity));
        }
        let acceptor = config.map(Acceptor::new).transpose()?;
        let (server, schemes) = match (acceptor.clone(), listen.tls_listen) {
            (None, None) => (server.listen(listen.listen), &["http"][..]),
            (Some(acceptor), None) => (server.listen_tls(listen.listen, acceptor), &["https"][..]),
            (Some(acceptor), Some(address)) => {
                let server = server.listen(listen.listen).listen_tls(address, acceptor);
                (server, &["http", "https"][..])
            }
            (None, Some(_)) => {
                return Err(
                    "--tls-listen needs --tls-cert and --tls-key, or --tls-self-signed".into()
                );
            }
        };
        Ok(Self { acceptor, ..Self::new(server, schemes, listen.shutdown_timeout) })
    }

    /// Has certificates read again on SIGHUP.
    pub fn reload_on_sighup(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = Some(acceptor);
        self
    }

    /// Where events go, besides standard error.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Box::new(hook);
        self
    }

    /// Who is told of the server once it runs.
    pub fn on_start(mut self, started: impl FnOnce(Running) + 'static) -> Self {
        self.started = Box::new(started);
        self
    }

    /// Serves until SIGTERM or Ctrl-C.
    ///
    /// # Errors
    ///
    /// If it cannot start.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let Self { server, schemes, shutdown_timeout, acceptor, hook, started } = self;
        // Before the first connection: a signal that comes early must not be missed.
        let mut stop = signals(&[SIGTERM, SIGINT])?;
        let mut reload = match acceptor {
            Some(acceptor) => Some((acceptor, signals(&[SIGHUP])?)),
            None => None,
        };
        let runtime = Runtime::builder().on_event(log_actor).build()?;
        let server = server.on_event(move |event| {
            log(event);
            hook(event);
        });
        let running = server.start(runtime.scope()).map_err(|error| {
            if error.is_address_in_use() {
                format!("{error}; stop the other program or choose another port with --listen")
                    .into()
            } else {
                Box::<dyn Error>::from(error)
            }
        })?;
        started(running.clone());
        for (scheme, address) in schemes.iter().zip(running.local_addrs()) {
            println!("listening on {scheme}://{address}");
        }
        io::stdout().flush()?;

        let reloading = async {
            let Some((acceptor, signals)) = &mut reload else { return future::pending().await };
            loop {
                signals.read(&mut [0]).await?;
                match acceptor.reload() {
                    Ok(()) => eprintln!("using the new certificates"),
                    Err(error) => eprintln!("still using the old certificates: {error}"),
                }
            }
        };
        let stopping = async { stop.read(&mut [0]).await.map(drop) };
        runtime.block_on(future::or(stopping, reloading))?;
        let aborted = runtime.block_on(running.shutdown(shutdown_timeout));
        if aborted > 0 {
            eprintln!("aborted {aborted} connections that did not end in time");
        }
        Ok(())
    }
}

/// A stream with an octet for each of these signals.
fn signals(signals: &[c_int]) -> io::Result<UnixStream> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    for signal in signals {
        pipe::register(*signal, theirs.try_clone()?)?;
    }
    ours.try_into()
}

/// A certificate that nobody else vouches for.
fn self_signed(names: &[&str]) -> Result<Identity, rcgen::Error> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    Ok(Identity::text(made.cert.pem(), made.signing_key.serialize_pem()))
}

/// Crashes are worth a line; a client that breaks the rules is everyday life.
fn log(event: &Event<'_>) {
    match event {
        Event::Crashed { label, text } => eprintln!("{label} crashed: {text}"),
        Event::AcceptFailed { error } => eprintln!("accepting a connection failed: {error}"),
        _ => {}
    }
}

/// What blocks its thread goes on costing one; whoever wrote it should know.
fn log_actor(event: &actor::Event<'_>) {
    if let actor::Event::Stalled { label, after, .. } = event {
        eprintln!("{label} has kept its thread for {after:?}: a spare takes over");
    }
}
