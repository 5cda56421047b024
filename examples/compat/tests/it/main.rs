//! What the crate promises, asked over sockets by clients that no one here wrote.

mod client; // an HTTP client of a few lines, WebSocket through async-tungstenite
mod over_async_std; // inside a program of async-std
mod over_tokio; // inside a program of tokio
mod secure; // through async-tls
mod types; // http-types and http, each made of the other

use std::time::Duration;

/// A failed expectation ends a test long before this; a hang ends it here.
const PATIENCE: Duration = Duration::from_secs(60);
