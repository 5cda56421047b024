//! seawall inside the programs of others: over the streams and on the executor of async-std or
//! tokio, beside async-tls, with handlers that speak `http-types`.
//!
//! | file | idea |
//! |---|---|
//! | `over_async_std.rs`, `over_tokio.rs` | an accept loop of theirs, whose connections are served by us |
//! | `types.rs` | requests and responses of `http-types`, made of those of `http` and the other way |
//! | `body.rs` | content, the same |
//! | `site.rs` | what both programs serve: HTTP, WebSocket, and a handler of `http-types` |

mod body;
pub mod over_async_std;
pub mod over_tokio;
pub mod site;
pub mod types;

pub use body::TypesBody;
