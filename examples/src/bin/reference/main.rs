//! The server that offers the whole subject contract (`docs/subject-contract.md`), with every
//! limit as a flag.
//!
//! Run with `cargo run --bin reference -- --help`.

mod http;
mod ws;

use std::process::ExitCode;

use clap::Parser;
use seawall_examples::flags;
use seawall_http_server::{Router, Server};

/// Offers every route of the subject contract
#[derive(Parser)]
#[command(name = "reference", version)]
struct Options {
    #[command(flatten)]
    listen: flags::Listen,
    #[command(flatten)]
    http: flags::Http,
    #[command(flatten)]
    ws: flags::Ws,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let router = ws::routes(http::routes(Router::new()), &options.ws);
    let server =
        Server::new(router).limits(options.http.limits()).timeouts(options.http.timeouts());
    seawall_examples::run(server, &options.listen)
}
