//! Events and counters for the crate `metrics`.

use metrics::{counter, gauge, histogram};

use crate::{Event, Stats};

/// An event hook that counts by the crate `metrics`, for whatever exporter the program has:
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `http_server_request_duration_seconds` | histogram | `method`, `status` |
/// | `http_server_rejected_requests_total` | counter | `status` |
/// | `http_server_crashes_total`, `http_server_connection_failures_total`, `http_server_connections_refused_total`, `http_server_accept_errors_total` | counter | |
///
/// The histogram's count is the number of requests whose head could be read. A method that is none of the registry's is
/// labelled `other`: a client must not choose how many series there are. What only the
/// server's counters know, [`Stats::publish`] adds.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Request, Router, Server, to_metrics};
///
/// let router = Router::new().get("/hello", async |_: Request| "hello\n");
/// let server = Server::new(router).on_event(to_metrics);
/// ```
pub fn to_metrics(event: &Event<'_>) {
    match event {
        Event::Answered { method, status, duration, .. } => {
            let known = seawall_codec::http::method::METHODS.into_iter().find(|m| m == method);
            let labels = [
                ("method", known.unwrap_or("other").to_owned()),
                ("status", status.code().to_string()),
            ];
            histogram!("http_server_request_duration_seconds", &labels).record(*duration);
        }
        Event::Rejected { status, .. } => {
            let labels = [("status", status.code().to_string())];
            counter!("http_server_rejected_requests_total", &labels).increment(1);
        }
        Event::Crashed { .. } => counter!("http_server_crashes_total").increment(1),
        Event::ConnectionFailed { .. } => {
            counter!("http_server_connection_failures_total").increment(1);
        }
        Event::Refused { .. } => counter!("http_server_connections_refused_total").increment(1),
        Event::AcceptFailed { .. } => counter!("http_server_accept_errors_total").increment(1),
    }
}

impl Stats {
    /// Hands the counters that no event tells to the crate `metrics`; call it when they are
    /// collected, or now and then.
    pub fn publish(&self) {
        gauge!("http_server_connections_active").set(self.active as f64);
        gauge!("http_server_blocking_queued").set(self.blocking_queued as f64);
        gauge!("http_server_blocking_stuck").set(self.blocking_stuck as f64);
        for (name, value) in [
            ("http_server_connections_accepted_total", self.accepted),
            ("http_server_connections_closed_total", self.closed),
            ("http_server_requests_total", self.requests),
            ("http_server_request_errors_total", self.request_errors),
            ("http_server_client_errors_total", self.client_errors),
            ("http_server_server_errors_total", self.server_errors),
            ("http_server_handshake_errors_total", self.handshake_errors),
            ("http_server_timeouts_total", self.timeouts),
            ("http_server_upgrades_total", self.upgrades),
            ("http_server_blocking_refused_total", self.blocking_refused),
        ] {
            counter!(name).absolute(value);
        }
    }
}
