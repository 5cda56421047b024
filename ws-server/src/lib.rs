//! A WebSocket server: one crash-isolated actor for each connection.
//!
//! [`WebSocket`] makes a [`Handler`] a handler of `seawall-http-server`: as a route it shares its
//! port with HTTP, and given to a server as it is it upgrades every path.
//!
//! ```
//! use seawall_actor::Runtime;
//! use seawall_http_server::{Router, Server};
//! use seawall_ws_server::{Handler, Message, Sender, WebSocket};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
//!         let _ = sender.send(message).await; // an error says that the connection is closing
//!     }
//! }
//!
//! let router = Router::new().get("/echo", WebSocket::new(|| Echo));
//! let runtime = Runtime::new()?;
//! let running = Server::new(router).listen(([127, 0, 0, 1], 0).into()).start(runtime.scope())?;
//! println!("listening on ws://{}/echo", running.local_addr());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | file | idea |
//! |---|---|
//! | `websocket.rs`, `accept.rs`, `origin.rs` | the opening handshake: from a request to a connection, or a refusal |
//! | `handler.rs`, `function.rs` | what the application implements, and what it is told; the plain form |
//! | `sender.rs`, `group.rs`, `prepared.rs` | sending from anywhere; to many, encoded once |
//! | `outbox.rs`, `queue.rs`, `batch.rs` | frames on their way to a client |
//! | `room.rs`, `overflow.rs` | what bounds them, and what is dropped |
//! | `inbox.rs` | messages on their way to a handler |
//! | `connection.rs`, `link.rs` | the life of one connection; its transport and deadlines |
//! | `callback.rs`, `accepted.rs` | calling the handler; telling it of the end, once |
//! | `deflate.rs` | compression, behind the feature of that name |
//! | `config.rs`, `error.rs`, `stats.rs` | limits and timeouts; what went wrong, what is counted |

mod accept;
mod accepted;
mod batch;
mod callback;
mod config;
mod connection;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
mod function;
mod group;
mod handler;
mod inbox;
mod link;
#[cfg(not(feature = "deflate"))]
mod no_deflate;
mod origin;
mod outbox;
mod overflow;
mod prepared;
mod queue;
mod random;
mod room;
mod sender;
mod stats;
mod websocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "deflate")]
pub use crate::deflate::Compression;
pub use accept::{Accept, Reject};
pub use config::{Limits, Timeouts};
pub use error::Error;
pub use function::{Function, OwnedMessage, Receiver};
pub use group::{Broadcast, Group, Groups};
pub use handler::{By, Closed, Handler, Message, Pong};
pub use overflow::{Key, Overflow};
pub use seawall_codec::ws::CloseCode;
pub use sender::{SendError, Sender, TrySendError};
pub use stats::{Stats, StatsReader};
pub use websocket::WebSocket;

#[cfg(not(feature = "deflate"))]
use no_deflate as deflate;
