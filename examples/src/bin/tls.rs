//! https with several certificates that are read again when they change, and http that leads there.
//!
//! Run with `cargo run --bin tls -- --identity cert.pem:key.pem`, then
//! `curl --location --cacert cert.pem http://localhost:8080/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use clap::Parser;
use seawall_examples::flags::time;
use seawall_examples::{Serving, report};
use seawall_http_server::{Handler, Next, Request, Response, Router, Server, Status};
use seawall_tls::{Acceptor, Clients, Config, Identity};

/// Serves https.
#[derive(Clone, Parser)]
struct Options {
    /// Certificate chain and private key, PEM; the first is the default, others are chosen by name
    #[arg(long, value_name = "CERT:KEY", required = true, value_parser = identity)]
    identity: Vec<Identity>,
    /// Asks clients for a certificate of this authority, PEM
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Address and port for https
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Address and port for http, which leads to https
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http_listen: SocketAddr,
    /// How often to look whether the files have changed; SIGHUP has them read at once
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time)]
    watch: Duration,
    /// How long connections may take to end after SIGTERM or Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    shutdown_timeout: Duration,
}

fn identity(text: &str) -> Result<Identity, String> {
    let (certificate, key) = text.split_once(':').ok_or("write CERT:KEY")?;
    Ok(Identity::files(certificate, key))
}

fn main() -> ExitCode {
    report(serve(Options::parse()))
}

fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut identities = options.identity.into_iter();
    let first = identities.next().ok_or("there is no identity")?;
    let mut config = identities.fold(Config::new(first), Config::also);
    if let Some(authority) = options.client_ca {
        config = config.clients(Clients::optional(authority));
    }
    let acceptor = Acceptor::new(config)?;
    watch(acceptor.clone(), options.watch);
    let router = Router::new().get("/", async |request: Request| match request.tls() {
        Some(tls) => {
            format!("{:?}, client certificates: {}\n", tls.version, tls.client_chain.len())
        }
        None => "in the clear\n".to_owned(),
    });
    // Known only once the server runs, since it may be for the system to choose.
    let port = Arc::new(OnceLock::new());
    let known = Arc::clone(&port);
    let secure = router.wrap(move |request, next| only_secure(request, next, Arc::clone(&known)));
    let server = Server::new(secure)
        .listen(options.http_listen)
        .listen_tls(options.listen, acceptor.clone());
    Serving::new(server, &["http", "https"], options.shutdown_timeout)
        .reload_on_sighup(acceptor)
        .on_start(move |running| {
            let _ = port.set(running.local_addrs()[1].port());
        })
        .run()
}

/// Sends who comes in the clear to https, at the same host.
async fn only_secure(request: Request, next: Next, port: Arc<OnceLock<u16>>) -> Response {
    if request.is_secure() {
        return next.run(request).await;
    }
    // The server has seen to it that there is one Host, and that it is one.
    let host = request.field("host").and_then(|host| std::str::from_utf8(host).ok());
    let Some(host) = host else { return Response::new(Status::BAD_REQUEST) };
    let end = host.rfind(':').filter(|colon| !host[*colon..].contains(']')).unwrap_or(host.len());
    let port = port.get().copied().unwrap_or(443);
    let location = format!("https://{}:{port}{}", &host[..end], request.target());
    Response::new(Status::PERMANENT_REDIRECT).field("Location", location)
}

/// Looks now and then, on a thread of its own: reading files blocks.
fn watch(acceptor: Acceptor, every: Duration) {
    thread::spawn(move || {
        loop {
            thread::sleep(every);
            match acceptor.reload_if_changed() {
                Ok(true) => eprintln!("using the new certificates"),
                Ok(false) => {}
                Err(error) => eprintln!("still using the old certificates: {error}"),
            }
        }
    });
}
