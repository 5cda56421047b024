//! Counters and durations in the text format of Prometheus.
//!
//! Run with `cargo run --bin metrics`, then `curl http://127.0.0.1:8080/metrics`.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use clap::Parser;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use seawall_examples::flags::Listen;
use seawall_examples::{Serving, report};
use seawall_http_server::{Request, Response, Router, Running, Server, Status, to_metrics};

/// Tells how it is doing.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

fn main() -> ExitCode {
    report(serve(&Options::parse().listen))
}

fn serve(listen: &Listen) -> Result<(), Box<dyn std::error::Error>> {
    let prometheus = install()?;
    // Known only once the server runs; requests come later.
    let running = Arc::new(OnceLock::new());
    let known = Arc::clone(&running);
    let scrape = move |_: Request| {
        let (known, prometheus) = (Arc::clone(&known), prometheus.clone());
        async move {
            // What no event tells: connections that are open, requests that wait.
            if let Some(stats) = known.get().map(Running::stats) {
                stats.publish();
            }
            let text = prometheus.render().into_bytes();
            Response::new(Status::OK).content("text/plain; version=0.0.4; charset=utf-8", text)
        }
    };
    let router = Router::new().get("/hello", async |_: Request| "hello\n").get("/metrics", scrape);
    Serving::by_flags(Server::new(router), listen)?
        .on_event(to_metrics)
        .on_start(move |server| {
            let _ = running.set(server);
        })
        .run()
}

/// Makes every counter of this process one of Prometheus'; durations in buckets, so that those of
/// several servers can be added.
fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
    PrometheusBuilder::new().set_buckets(&seconds)?.install_recorder()
}
