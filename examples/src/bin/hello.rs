//! The smallest server: answers `GET /hello`.
//!
//! Run with `cargo run --bin hello`, then `curl http://127.0.0.1:8080/hello`.

use std::process::ExitCode;

use clap::Parser;
use seawall_examples::flags::Listen;
use seawall_http_server::{Request, Router, Server};

/// Answers GET /hello.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let router = Router::new().get("/hello", async |_: Request| "hello\n");
    seawall_examples::run(Server::new(router), &options.listen)
}
