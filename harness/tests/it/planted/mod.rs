//! The planted subject: a server that does nothing wrong, save what it is told to.
//!
//! It offers the whole subject contract at the paths of `docs/subject-contract.md`, in blocking code with a
//! thread for each connection, and shares no line with our servers or with the harness: what they misread
//! alike, it reads on its own. Each [`Fault`] switches one wrong behaviour on; a case that none of them turns
//! red judges nothing.
//!
//! The test binary runs itself again to start it ([`serve`]); quick tests have [`Server`].
//!
//! ```text
//! server ─▶ http ─▶ head ─▶ target        one file for each question:
//!            │  ╰─▶ body                   who is served, what was asked, how long is it,
//!            ├─▶ places                    who may run now,
//!            ├─▶ routes ─▶ file, response  what is answered
//!            ╰─▶ handshake ─▶ session ─▶ frame, message, deflate, pulse
//! ```
//!
//! `tls` stands before it: it ends TLS on a port of its own, and passes on what is inside.

mod body;
mod deflate;
mod fault;
mod file;
mod frame;
mod handshake;
mod head;
mod http;
mod input;
mod line;
mod message;
mod places;
mod pulse;
mod response;
mod routes;
mod server;
mod session;
mod spoil;
mod target;
mod tests;
mod tls;

pub(crate) use fault::{Fault, Faults};
pub(crate) use server::{Config, Server};

/// Serves until it is killed. `PLANTED_PORT` is the port on 127.0.0.1, 0 for any: standard error tells which.
/// `PLANTED_TLS_PORT` is one for TLS beside it, if there is to be one. `PLANTED_FAULTS` names the faults, parted by
/// commas.
#[test]
#[ignore = "the subject itself: the other tests start it in a process of its own"]
fn serve() {
    let var = |name| std::env::var(name).unwrap_or_default();
    let port = var("PLANTED_PORT").parse().expect("PLANTED_PORT is a port");
    let faults: Faults = var("PLANTED_FAULTS").parse().expect("PLANTED_FAULTS is a list of faults");
    let server = Server::bind(port, Config { faults: faults.clone(), ..Config::default() });
    if let Ok(port) = var("PLANTED_TLS_PORT").parse() {
        tls::start(port, server.addr(), faults);
    }
    eprintln!("listening on {}", server.addr());
    server.join();
}
