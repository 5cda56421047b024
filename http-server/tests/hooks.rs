//! What the features `metrics` and `tracing` make of events.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use seawall_actor::Runtime;
use seawall_http_server::{Event, Request, Router, Server, to_metrics, to_tracing};
use tracing::field::{Field, Visit};
use tracing::span;

/// Keeps level, message and fields of each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if !matches!(field.name(), "duration" | "peer" | "label") {
                    self.0 += &format!(" {}={value:?}", field.name());
                }
            }
        }
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// H-04.
#[test]
fn events_reach_metrics_and_tracing() {
    let lines = Lines::default();
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    let recorder = Arc::new(recorder);
    let dispatch = tracing::Dispatch::new(lines.clone());
    let hook = move |event: &Event<'_>| {
        metrics::with_local_recorder(&*recorder, || to_metrics(event));
        tracing::dispatcher::with_default(&dispatch, || to_tracing(event));
    };
    let router = Router::new()
        .get("/hello", async |_: Request| "hello\n")
        .get("/crash", async |_: Request| -> &'static str { panic!("as asked") });
    let runtime = Runtime::new().unwrap();
    let server = Server::new(router).on_event(hook).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope()).unwrap();
    for request in ["GET /hello?x", "BREW /hello", "GET /crash", "bad"] {
        let mut stream = TcpStream::connect(running.local_addr()).unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        drop(stream);
        // Each connection has ended before the next: events come in order.
        runtime.block_on(async {
            while running.stats().active > 0 {
                seawall_actor::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    assert_eq!(runtime.block_on(running.shutdown(Duration::from_secs(20))), 0);
    let lines = lines.0.lock().unwrap().clone();
    assert_eq!(
        lines,
        [
            "DEBUG message=answered method=\"GET\" target=\"/hello?x\" status=200",
            "DEBUG message=answered method=\"BREW\" target=\"/hello\" status=501",
            "DEBUG message=answered method=\"GET\" target=\"/crash\" status=500",
            "ERROR message=crashed text=\"as asked\"",
            "DEBUG message=rejected status=400 error=the client broke the protocol: malformed request line (RFC 9112 §3)",
            "DEBUG message=connection failed error=the client broke the protocol: malformed request line (RFC 9112 §3)",
        ]
    );
    let mut seen: Vec<_> = snapshots
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> =
                key.key().labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
            let value = match value {
                DebugValue::Counter(n) => n.to_string(),
                DebugValue::Histogram(values) => format!("{} values", values.len()),
                DebugValue::Gauge(n) => n.to_string(),
            };
            format!("{} {} {value}", key.key().name(), labels.join(","))
        })
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "http_server_connection_failures_total  1",
            "http_server_crashes_total  1",
            "http_server_rejected_requests_total status=400 1",
            "http_server_request_duration_seconds method=GET,status=200 1 values",
            "http_server_request_duration_seconds method=GET,status=500 1 values",
            "http_server_request_duration_seconds method=other,status=501 1 values",
        ]
    );
}
