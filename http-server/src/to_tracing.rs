//! Events for the crate `tracing`.

use tracing::{debug, error, warn};

use crate::{Error, Event};

/// An event hook that speaks by the crate `tracing`, for whatever subscriber the program has:
/// a crash is an error, what is the server's or the system's fault a warning, requests and what
/// clients do wrong are for debugging.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Request, Router, Server, to_tracing};
///
/// let router = Router::new().get("/hello", async |_: Request| "hello\n");
/// let server = Server::new(router).on_event(to_tracing);
/// ```
pub fn to_tracing(event: &Event<'_>) {
    match event {
        Event::Answered { peer, method, target, status, duration } => {
            let (status, duration) = (status.code(), duration.as_secs_f64());
            debug!(%peer, method, target, status, duration, "answered");
        }
        Event::Rejected { peer, status, error } => {
            debug!(%peer, status = status.code(), %error, "rejected");
        }
        Event::Crashed { label, text } => error!(label, text, "crashed"),
        Event::ConnectionFailed { label, error } => {
            if error.downcast_ref::<Error>().is_some_and(Error::is_peer) {
                debug!(label, %error, "connection failed");
            } else {
                warn!(label, %error, "connection failed");
            }
        }
        Event::Refused { peer } => warn!(%peer, "refused at a limit"),
        Event::AcceptFailed { error } => warn!(%error, "accept failed"),
    }
}
