//! The crate as its users see it.

mod http_body; // content: Content-Length and chunked, whole and split everywhere
mod http_cases; // request heads: one row a case, each whole and split everywhere
mod properties; // what holds for any input
mod stories; // snapshots of what telling inputs lead to
mod ws_cases; // the numbered WebSocket cases, groups 1 to 10, in process
#[cfg(feature = "deflate")]
mod ws_deflate; // permessage-deflate: WSD, and groups 12 and 13
mod ws_echo; // the echo server and the strict client that they use
mod ws_handshake; // the opening handshake: which requests become a WebSocket
