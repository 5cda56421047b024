//! Each server answers `GET /hello` with `hello`, and `GET /json` with a message made by
//! `serde_json`, as its documentation suggests, on two workers; `GET /block` blocks its thread.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use seawall_http_server::{Limits, Request, Response, Router, Server};
use seawall_tls::{Acceptor, Config, Identity};

use crate::floor;

/// Those that are compared.
pub(crate) const NAMES: [&str; 5] = ["seawall", "hyper", "axum", "actix-web", FLOOR];

/// What a server does at least.
pub(crate) const FLOOR: &str = "bare epoll";

/// The same as the first, over TLS: its memory is looked at, too.
pub(crate) const TLS: &str = "seawall, TLS";

pub(crate) const WORKERS: usize = 2;
pub(crate) const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

#[derive(serde::Serialize)]
struct Message {
    message: &'static str,
}

/// What `/json` is made of, for each request anew.
const MESSAGE: Message = Message { message: "Hello, World!" };

/// Serves until the process is ended.
pub(crate) fn serve(name: &str) {
    match name {
        "seawall" => seawall(None),
        TLS => seawall(Some(identity())),
        "hyper" => tokio(hyper()),
        "axum" => tokio(axum()),
        "actix-web" => actix(),
        FLOOR => floor::serve(),
        other => panic!("no server named {other}"),
    }
}

/// Blocks its thread for longer than any of this takes, as no async handler should, and many do.
fn block() -> &'static str {
    thread::sleep(Duration::from_secs(3600));
    "at last"
}

pub(crate) fn ready(address: SocketAddr) {
    println!("{address}");
}

/// A certificate that nobody knows, told to whoever started the server.
fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let octets = made.cert.der().iter().map(|octet| format!("{octet:02x}"));
    println!("{}", octets.collect::<String>());
    Identity::text(made.cert.pem(), made.signing_key.serialize_pem())
}

/// Every limit and timeout is on, as by default, but the two on requests for each connection and
/// connections for each address: the load has one address, and never connects anew.
fn seawall(identity: Option<Identity>) {
    let workers = NonZero::new(WORKERS).expect("not zero");
    let runtime = seawall_actor::Runtime::builder().workers(workers).build().expect("a runtime");
    let router = Router::new()
        .get("/hello", async |_: Request| "hello")
        .get("/json", async |_: Request| Response::json(&MESSAGE))
        .get("/block", async |_: Request| block());
    let limits = Limits {
        requests_per_connection: u32::MAX,
        connections_per_address: usize::MAX,
        ..Limits::default()
    };
    let server = Server::new(router).limits(limits);
    let server = match identity {
        None => server.listen(ANY.into()),
        Some(identity) => {
            let acceptor = Acceptor::new(Config::new(identity)).expect("an acceptor");
            server.listen_tls(ANY.into(), acceptor)
        }
    };
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
                let response = hyper::Response::builder();
                let response = match request.uri().path() {
                    "/hello" => response
                        .header("content-type", "text/plain; charset=utf-8")
                        .body(Full::new(Bytes::from_static(b"hello"))),
                    "/json" => response
                        .header("content-type", "application/json")
                        .body(Full::new(serde_json::to_vec(&MESSAGE).expect("JSON").into())),
                    "/block" => response.body(Full::new(Bytes::from_static(block().as_bytes()))),
                    _ => response.status(404).body(Full::new(Bytes::new())),
                };
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
    let app = axum::Router::new()
        .route("/hello", axum::routing::get(async || "hello"))
        .route("/json", axum::routing::get(async || axum::Json(MESSAGE)))
        .route("/block", axum::routing::get(async || block()));
    let listener = bind().await.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("serving");
}

fn actix() {
    let app = || {
        actix_web::App::new()
            .route("/hello", actix_web::web::get().to(async || "hello"))
            .route("/json", actix_web::web::get().to(async || actix_web::web::Json(MESSAGE)))
            .route("/block", actix_web::web::get().to(async || block()))
    };
    let server = actix_web::HttpServer::new(app).workers(WORKERS);
    let server = server.bind(SocketAddr::from(ANY)).expect("listening");
    ready(server.addrs()[0]);
    actix_web::rt::System::new().block_on(server.run()).expect("serving");
}
