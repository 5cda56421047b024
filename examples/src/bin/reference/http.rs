//! The HTTP routes of the subject contract.

use std::time::{Duration, Instant, SystemTime};

use seawall_actor::time;
use seawall_http_server::{
    BodySender, ClientGone, Error, Representation, Request, Response, Router, Status, blocking,
};
use serde_json::json;

/// `/bytes` makes at most this many octets: the answer is held in memory whole.
const MAX_BYTES: usize = 64 << 20;

/// The constant resource of `/file`, as old as the example date of RFC 9110.
const FILE: &str = "A seawall keeps the sea where it is.\n";

pub(crate) fn routes(router: Router) -> Router {
    router
        .get("/hello", async |_: Request| "hello\n")
        .get("/health", async |_: Request| Response::json(&json!({ "status": "ok" })))
        .any("/echo", echo)
        .any("/fields", fields)
        .get("/crash", crash)
        .get("/hang", async |_: Request| std::future::pending::<Response>().await)
        .get("/spin", blocking(|request: Request| spin(number(&request, "ms"))))
        .get("/sleep", blocking(|request: Request| sleep(number(&request, "ms"))))
        .get("/bytes", bytes)
        .get("/stream", stream)
        .get("/file", file)
}

async fn echo(mut request: Request) -> Result<Vec<u8>, Error> {
    request.content().await
}

async fn fields(request: Request) -> Response {
    let latin1 = |octets: &[u8]| octets.iter().map(|octet| char::from(*octet)).collect::<String>();
    let pairs: Vec<_> =
        request.fields().map(|field| json!([field.name, latin1(field.value)])).collect();
    Response::json(&pairs)
}

/// Panics, in the way that `kind` names.
async fn crash(request: Request) -> Response {
    let zero = std::hint::black_box(0); // the compiler would not let an obvious crash pass
    match request.query_param("kind").as_deref() {
        Some("match") => Response::ok(request.param("none").expect("a parameter").to_owned()),
        Some("divide") => Response::ok((1 / zero).to_string()),
        Some("index") => Response::ok([1, 2, 3][zero + 3].to_string()),
        Some("stream") => {
            Response::new(Status::OK).stream("text/plain", async |mut sender| -> () {
                let _ = sender.send("the first part\n").await;
                panic!("in the middle of the content");
            })
        }
        Some("drop") => {
            let _grenade = Grenade;
            Response::ok("the destructor comes next\n")
        }
        _ => panic!("as asked"),
    }
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

fn spin(ms: Option<u64>) -> &'static str {
    let until = ms.map(Duration::from_millis);
    let start = Instant::now();
    while until.is_none_or(|until| start.elapsed() < until) {
        std::hint::spin_loop();
    }
    "spun\n"
}

fn sleep(ms: Option<u64>) -> &'static str {
    std::thread::sleep(Duration::from_millis(ms.unwrap_or(0)));
    "slept\n"
}

async fn bytes(request: Request) -> Response {
    match number::<usize>(&request, "n") {
        Some(n) if n <= MAX_BYTES => {
            let pattern: Vec<u8> = (0..=250).collect();
            let mut octets = pattern.repeat(n.div_ceil(pattern.len()));
            octets.truncate(n);
            Response::new(Status::OK).content("application/octet-stream", octets)
        }
        _ => Response::new(Status::BAD_REQUEST).text(format!("n is 0 to {MAX_BYTES}\n")),
    }
}

async fn stream(request: Request) -> Response {
    let chunks: u64 = number(&request, "chunks").unwrap_or(1);
    let size: usize = number(&request, "size").unwrap_or(1).min(MAX_BYTES);
    let pause = Duration::from_millis(number(&request, "ms").unwrap_or(0));
    Response::new(Status::OK).stream("text/plain", move |mut sender: BodySender| async move {
        for n in 0..chunks {
            if n > 0 && !pause.is_zero() {
                time::sleep(pause).await;
            }
            sender.send(vec![b'x'; size]).await?;
        }
        Ok::<(), ClientGone>(())
    })
}

async fn file(request: Request) -> Response {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    Representation::new("text/plain; charset=utf-8", FILE.as_bytes())
        .etag("\"seawall-1\"")
        .last_modified(changed)
        .respond(&request)
}

/// The query parameter `name`, if it is a number that fits.
fn number<T: std::str::FromStr>(request: &Request, name: &str) -> Option<T> {
    request.query_param(name)?.parse().ok()
}
