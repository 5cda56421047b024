//! Inside a program of tokio: its listener, its streams, its executor.

use seawall_http_server::{Running, Scope};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::site;

/// A server whose actors are tasks of this runtime, and which accepts nothing itself.
pub fn start(runtime: &Handle) -> Running {
    let runtime = runtime.clone();
    let scope = Scope::foreign(move |task| drop(runtime.spawn(task)));
    site::server().start_without_listener(&scope)
}

/// Accepts connections, each served by an actor of its own, until the listener fails.
pub async fn serve(listener: TcpListener, running: Running) {
    while let Ok((stream, peer)) = listener.accept().await {
        // Their traits to those of `futures-io`.
        tokio::spawn(running.serve_connection(stream.compat(), peer));
    }
}
