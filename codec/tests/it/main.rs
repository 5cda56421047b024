//! The crate as its users see it.

mod http_body; // content: Content-Length and chunked, whole and split everywhere
mod http_cases; // request heads: one row a case, each whole and split everywhere
mod ws_handshake; // the opening handshake: which requests become a WebSocket
