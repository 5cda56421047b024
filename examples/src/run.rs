//! A server's `main`: start, say where, wait for a signal, stop in order.

use std::io::Write as _;
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use futures_lite::StreamExt as _;
use seawall_actor::Runtime;
use seawall_http_server::{Event, Server};
use seawall_tls::Acceptor;

use crate::flags::Listen;

/// Runs `server` until SIGTERM or Ctrl-C. Prints one line once it accepts connections, and what
/// goes wrong to standard error.
#[must_use]
pub fn run(server: Server, listen: &Listen) -> ExitCode {
    match serve(server, listen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(server: Server, listen: &Listen) -> Result<(), Box<dyn std::error::Error>> {
    let (server, scheme) = match (&listen.tls_cert, &listen.tls_key) {
        (Some(certificate), Some(key)) => {
            let acceptor = Acceptor::from_pem_files(certificate, key)?;
            (server.listen_tls(listen.listen, acceptor), "https")
        }
        _ => (server.listen(listen.listen), "http"),
    };
    // Before the first connection: a signal that comes early must not be missed.
    let mut signals = Signals::new([Signal::Term, Signal::Int])?;
    let runtime = Runtime::new()?;
    let running = server.on_event(log).start(runtime.scope()).map_err(|error| {
        if error.is_address_in_use() {
            format!("{error}; stop the other program or choose another port with --listen").into()
        } else {
            Box::<dyn std::error::Error>::from(error)
        }
    })?;
    println!("listening on {scheme}://{}", running.local_addr());
    std::io::stdout().flush()?;

    runtime.block_on(signals.next());
    let aborted = runtime.block_on(running.shutdown(listen.shutdown_timeout));
    if aborted > 0 {
        eprintln!("aborted {aborted} connections that did not end in time");
    }
    Ok(())
}

/// Crashes are worth a line; a client that breaks the rules is everyday life.
fn log(event: &Event<'_>) {
    match event {
        Event::Crashed { label, text } => eprintln!("{label} crashed: {text}"),
        Event::AcceptFailed { error } => eprintln!("accepting a connection failed: {error}"),
        _ => {}
    }
}
