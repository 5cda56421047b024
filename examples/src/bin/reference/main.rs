//! The server that offers the whole subject contract (`docs/subject-contract.md`), with every
//! limit as a flag.
//!
//! Run with `cargo run --bin reference -- --help`.

mod http;

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
}

fn main() -> ExitCode {
    let options = Options::parse();
    let router = http::routes(Router::new());
    let server =
        Server::new(router).limits(options.http.limits()).timeouts(options.http.timeouts());
    seawall_examples::run(server, &options.listen)
}
