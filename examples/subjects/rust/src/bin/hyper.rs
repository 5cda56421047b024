//! The HTTP half of the subject contract on hyper: `hyper PORT`.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use subjects::Query;
use tokio::net::TcpListener;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Shorter than the default of 30 s, so that slow clients are judged in seconds.
const HEAD: Duration = Duration::from_millis(1500);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", subjects::port())).await?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: some come back when connections end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let _ = http.serve_connection(TokioIo::new(stream), service_fn(handle)).await;
        });
    }
}

async fn handle(request: Request<Incoming>) -> hyper::Result<Response<Body>> {
    let query = Query::new(request.uri().query());
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/hello" | "/health" if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, "GET, HEAD".parse().expect("a value"));
            response
        }
        "/hello" => answer("text/plain", subjects::HELLO),
        "/health" => answer("application/json", subjects::HEALTH),
        "/echo" => answer("application/octet-stream", request.collect().await?.to_bytes()),
        "/fields" => {
            let fields = request.headers().iter();
            let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
            answer("application/json", subjects::pairs(fields))
        }
        "/crash" if query.text("kind") == Some("stream") => chunks(2, move |n| async move {
            assert!(n == 0, "in the middle of the content");
            "the first part\n".into()
        }),
        "/crash" => answer("text/plain", subjects::crash(query.text("kind"))),
        "/hang" => std::future::pending().await,
        "/spin" => {
            let spun = tokio::task::spawn_blocking(move || subjects::spin(&query)).await;
            answer("text/plain", if spun.is_ok() { "spun\n" } else { "" })
        }
        "/sleep" => {
            tokio::time::sleep(query.ms()).await;
            answer("text/plain", "slept\n")
        }
        "/bytes" => answer("application/octet-stream", subjects::pattern(query.number("n"))),
        "/stream" => {
            let (size, pause) = (query.number("size"), query.ms());
            chunks(query.number("chunks"), move |n| async move {
                if n > 0 {
                    tokio::time::sleep(pause).await;
                }
                "x".repeat(size).into()
            })
        }
        _ => status(StatusCode::NOT_FOUND),
    })
}

fn answer(kind: &'static str, content: impl Into<Bytes>) -> Response<Body> {
    let response = Response::builder().header(header::CONTENT_TYPE, kind);
    response.body(Full::new(content.into()).boxed_unsync()).expect("a response")
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = answer("text/plain", format!("{status}\n"));
    *response.status_mut() = status;
    response
}

/// Content of unknown length, in so many pieces.
fn chunks<F: Future<Output = Bytes> + Send + 'static>(
    count: usize,
    piece: impl Fn(usize) -> F + Send + 'static,
) -> Response<Body> {
    let pieces = stream::iter(0..count).then(piece).map(|piece| Ok(Frame::data(piece)));
    let response = Response::builder().header(header::CONTENT_TYPE, "text/plain");
    response.body(StreamBody::new(pieces).boxed_unsync()).expect("a response")
}
