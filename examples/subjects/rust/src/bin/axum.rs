//! The subject contract on axum: `axum PORT`.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::stream::{self, StreamExt};
use std::convert::Infallible;
use subjects::Query;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/hello", get(async || subjects::HELLO))
        .route("/health", get(async || (JSON, subjects::HEALTH)))
        .route("/echo", any(async |content: Bytes| content))
        .route("/fields", any(async |fields: HeaderMap| (JSON, pairs(&fields))))
        .route("/crash", get(crash))
        .route("/hang", get(async || std::future::pending::<()>().await))
        .route("/spin", get(spin))
        .route("/sleep", get(sleep))
        .route("/bytes", get(async |query| subjects::pattern(parsed(query).number("n"))))
        .route("/stream", get(stream))
        .route("/ws/echo", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)))
        .route(
            "/ws/crash",
            any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo_or_crash)),
        )
        .route("/ws/push", any(push))
        .route("/ws/reject", any(async || StatusCode::FORBIDDEN));
    let listener = TcpListener::bind(("127.0.0.1", subjects::port())).await?;
    let mut stop = signal(SignalKind::terminate())?;
    let stopped = async move { _ = stop.recv().await };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

fn parsed(RawQuery(query): RawQuery) -> Query {
    Query::new(query.as_deref())
}

fn pairs(fields: &HeaderMap) -> String {
    subjects::pairs(fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

async fn crash(query: RawQuery) -> Response {
    let query = parsed(query);
    if query.text("kind") == Some("stream") {
        return chunks(2, async |n| {
            assert!(n == 0, "in the middle of the content");
            "the first part\n".into()
        });
    }
    subjects::crash(query.text("kind")).into_response()
}

async fn spin(query: RawQuery) -> &'static str {
    let query = parsed(query);
    let spun = tokio::task::spawn_blocking(move || subjects::spin(&query)).await;
    if spun.is_ok() { "spun\n" } else { "" }
}

async fn sleep(query: RawQuery) -> &'static str {
    tokio::time::sleep(parsed(query).ms()).await;
    "slept\n"
}

async fn stream(query: RawQuery) -> Response {
    let query = parsed(query);
    let (size, pause) = (query.number("size"), query.ms());
    chunks(query.number("chunks"), move |n| async move {
        if n > 0 {
            tokio::time::sleep(pause).await;
        }
        "x".repeat(size).into()
    })
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(_) | Message::Binary(_) = message
            && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn echo_or_crash(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        assert!(
            !matches!(&message, Message::Text(text) if text.as_str() == "crash"),
            "the text was crash"
        );
        if let Message::Text(_) | Message::Binary(_) = message
            && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn push(query: RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let query = parsed(query);
    upgrade.on_upgrade(async move |mut socket| {
        for n in 0..query.number("n") {
            if socket.send(Message::text(n.to_string())).await.is_err() {
                return;
            }
            tokio::time::sleep(query.ms()).await;
        }
        while let Some(Ok(_)) = socket.recv().await {}
    })
}

/// Content of unknown length, in so many pieces.
fn chunks<F: Future<Output = Bytes> + Send + 'static>(
    count: usize,
    piece: impl Fn(usize) -> F + Send + 'static,
) -> Response {
    let pieces = stream::iter(0..count).then(piece).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(pieces)).into_response()
}
