//! Inside a program of async-std: its listener, its streams, its executor.

use async_std::net::TcpListener;
use async_std::task;
use seawall_http_server::{Running, Scope};
use seawall_tls::Acceptor;

use crate::site;

/// A server whose actors are tasks of async-std, and which accepts nothing itself.
pub fn start() -> Running {
    let scope = Scope::foreign(|task| drop(task::spawn(task)));
    site::server().start_without_listener(&scope)
}

/// Accepts connections, each served by an actor of its own, until the listener fails.
pub async fn serve(listener: TcpListener, running: Running) {
    while let Ok((stream, peer)) = listener.accept().await {
        task::spawn(running.serve_connection(stream, peer));
    }
}

/// The same over TLS of ours, on top of their streams.
pub async fn serve_tls(listener: TcpListener, acceptor: Acceptor, running: Running) {
    while let Ok((stream, peer)) = listener.accept().await {
        let (acceptor, running) = (acceptor.clone(), running.clone());
        task::spawn(async move {
            // No clock of its own: how long a handshake may take is up to who accepts.
            let handshake = async_std::future::timeout(site::HANDSHAKE, acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                running.serve_connection(stream, peer).await;
            }
        });
    }
}
