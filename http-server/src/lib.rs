//! An HTTP/1.1 server: one crash-isolated actor for each connection.
//!
//! ```
//! use seawall_actor::Runtime;
//! use seawall_http_server::{Request, Response, Router, Server, Status};
//!
//! let router = Router::new()
//!     .get("/hello", async |_: Request| "hello\n")
//!     .get("/users/{id}", async |request: Request| match request.param("id") {
//!         Some("7") => Response::ok("seven\n"),
//!         _ => Response::new(Status::NOT_FOUND),
//!     });
//! let runtime = Runtime::new()?;
//! let running = Server::new(router).listen(([127, 0, 0, 1], 0).into()).start(runtime.scope())?;
//! println!("listening on http://{}", running.local_addr());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | file | idea |
//! |---|---|
//! | `server.rs`, `listener.rs`, `refusal.rs`, `handshake.rs` | what is served where; the accept loop; one connection too many; what TLS begins with |
//! | `endpoint.rs`, `proxied.rs`, `networks.rs`, `forwarded.rs` | what is spoken at an address; what a proxy says of its client, and who is believed |
//! | `foreign.rs` | connections that somebody else has accepted |
//! | `serving.rs` | the stages of a connection's actor |
//! | `connection.rs`, `respond.rs` | the life of one connection; writing a response |
//! | `link.rs` | transport, buffers and deadlines of a connection, and the content of a request |
//! | `head.rs`, `path_params.rs`, `watched.rs` | a request's head, and what else is kept from one request to the next |
//! | `output.rs`, `pace.rs` | gathered writes, how slow is too slow |
//! | `handler.rs`, `router.rs` | what answers, and how it is chosen |
//! | `request.rs`, `response.rs`, `stream.rs` | what handlers take and give |
//! | `content.rs`, `params.rs`, `multipart/`, `media_type.rs` | content as text, JSON, forms |
//! | `representation.rs`, `validators.rs`, `range.rs` | content with validators, conditions, ranges |
//! | `pool.rs` | threads for what blocks |
//! | `files/` | files of a folder |
//! | `upgrade.rs` | a connection that goes on with another protocol |
//! | `to_metrics.rs`, `to_tracing.rs` | events for the crates `metrics` and `tracing` |
//! | `tower.rs` | services of the `tower` family as handlers |
//! | `map.rs` | a future with a function at its end |
//! | `config.rs`, `error.rs`, `event.rs`, `stats.rs` | limits and timeouts; what went wrong, was reported, was counted |

mod config;
mod connection;
mod content;
mod date;
mod endpoint;
mod error;
mod event;
#[cfg(unix)]
mod files;
mod foreign;
mod forwarded;
mod handler;
mod handshake;
mod head;
mod link;
mod listener;
mod map;
mod media_type;
mod multipart;
mod networks;
mod output;
mod pace;
mod params;
mod path_params;
mod pool;
#[cfg(unix)]
mod proxied;
mod range;
mod refusal;
#[cfg(unix)]
mod representation;
mod request;
mod respond;
mod response;
mod router;
mod server;
mod serving;
mod stats;
mod stream;
#[cfg(feature = "metrics")]
mod to_metrics;
#[cfg(feature = "tracing")]
mod to_tracing;
#[cfg(feature = "tower")]
mod tower;
mod upgrade;
#[cfg(unix)]
mod validators;
mod watched;

pub use config::{Limits, Timeouts};
pub use endpoint::Endpoint;
pub use error::Error;
pub use event::Event;
#[cfg(unix)]
pub use files::Files;
pub use handler::{Answer, Handler, Next, With, Wrapped, blocking, with_state};
pub use multipart::{Multipart, MultipartLimits, Part};
pub use networks::{ForwardedBy, Networks, NotANetwork};
pub use params::Params;
#[cfg(unix)]
pub use representation::Representation;
pub use request::Request;
pub use response::{IntoResponse, Response};
pub use router::Router;
pub use seawall_actor::{Context, ExitReason, Scope};
pub use seawall_codec::http::{Field, Fields, RequestHead, Status, Version};
pub use server::{Running, Server};
pub use stats::Stats;
pub use stream::{BodySender, ClientGone};
#[cfg(feature = "metrics")]
pub use to_metrics::to_metrics;
#[cfg(feature = "tracing")]
pub use to_tracing::to_tracing;
#[cfg(feature = "tower")]
pub use tower::{RequestBody, tower};
pub use upgrade::Upgraded;

#[cfg(doctest)]
#[doc = include_str!("../../docs/concurrency.md")]
struct Concurrency;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
