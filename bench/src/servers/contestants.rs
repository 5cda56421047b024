//! Each server answers `GET /hello` with `hello`, as its documentation suggests, on two workers.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZero;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use seawall_http_server::{Limits, Request, Router, Server};

pub(crate) const NAMES: [&str; 4] = ["seawall", "hyper", "axum", "actix-web"];

const WORKERS: usize = 2;
const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Serves until the process is killed.
pub(crate) fn serve(name: &str) {
    match name {
        "seawall" => seawall(),
        "hyper" => tokio(hyper()),
        "axum" => tokio(axum()),
        "actix-web" => actix(),
        other => panic!("no server named {other}"),
    }
}

fn ready(address: SocketAddr) {
    println!("{address}");
}

/// Every limit and timeout is on, as by default, but the one on requests for each connection: the
/// others have none, and a new connection is no part of what is measured.
fn seawall() {
    let workers = NonZero::new(WORKERS).expect("not zero");
    let runtime = seawall_actor::Runtime::builder().workers(workers).build().expect("a runtime");
    let router = Router::new().get("/hello", async |_: Request| "hello");
    let limits = Limits { requests_per_connection: u32::MAX, ..Limits::default() };
    let server = Server::new(router).limits(limits).listen(ANY.into());
    ready(server.start(runtime.scope()).expect("listening").local_addr());
    runtime.block_on(std::future::pending::<()>());
}

fn tokio(server: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(WORKERS).enable_all().build().expect("a runtime");
    runtime.block_on(server);
}

async fn bind() -> tokio::net::TcpListener {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(ANY)).await.expect("listening");
    ready(listener.local_addr().expect("an address"));
    listener
}

/// With the timer that its timeouts need, so that it has some.
async fn hyper() {
    let listener = bind().await;
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let service = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
                let status = if request.uri().path() == "/hello" { 200 } else { 404 };
                let response = hyper::Response::builder()
                    .status(status)
                    .header("content-type", "text/plain; charset=utf-8")
                    .body(Full::new(Bytes::from_static(b"hello")));
                Ok::<_, Infallible>(response.expect("a response"))
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).pipeline_flush(true);
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn axum() {
    use axum::serve::ListenerExt;
    let app = axum::Router::new().route("/hello", axum::routing::get(async || "hello"));
    let listener = bind().await.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("serving");
}

fn actix() {
    let app = || actix_web::App::new().route("/hello", actix_web::web::get().to(async || "hello"));
    let server = actix_web::HttpServer::new(app).workers(WORKERS);
    let server = server.bind(SocketAddr::from(ANY)).expect("listening");
    ready(server.addrs()[0]);
    actix_web::rt::System::new().block_on(server.run()).expect("serving");
}
