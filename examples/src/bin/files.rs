//! The files of a folder, with conditions and ranges, and nothing from outside of it.
//!
//! Run with `cargo run --bin files -- --folder docs`, then `curl http://127.0.0.1:8080/profile.md`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use seawall_examples::flags::Listen;
use seawall_http_server::{Files, Request, Router, Server};

/// Serves a folder.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    /// What is served
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let Options { listen, folder } = Options::parse();
    // An hour from any cache; then a conditional request tells whether the file has changed.
    let files = Files::new(folder).cache_control("max-age=3600");
    let router = Router::new().get("/health", async |_: Request| "ok\n").fallback(files);
    seawall_examples::run(Server::new(router), &listen)
}
