//! From a request's octets to its response's, over a connection in memory: no sockets, one thread
//! (and one of the server's for files).

#[path = "../tests/wire/mod.rs"]
mod wire;

use std::fs;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seawall_http_server::{Files, Request, Response, Router};

use wire::Connection;

/// Routes beside the one that is asked for.
const OTHERS: usize = 64;

fn routes(folder: &str) -> Router {
    let router = Router::new()
        .get("/hello", async |_: Request| "hello")
        .get("/json", async |_: Request| Response::json(&["Hello, World!"]))
        .get("/files/{*path}", Files::new(folder));
    let others = (0..OTHERS).fold(router, |router, n| {
        router.get(&format!("/other{n}/{{id}}"), async |_: Request| "other")
    });
    others.get("/users/{user}/posts/{post}", async |request: Request| {
        request.param("post").unwrap_or_default().to_owned()
    })
}

fn http(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("seawall-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("page.html"), [b'x'; 4096]).expect("a file");
    let mut group = criterion.benchmark_group("http");
    for (name, line, depth) in [
        ("hello", "GET /hello", 1),
        ("hello, pipelined × 16", "GET /hello", 16),
        ("JSON", "GET /json", 1),
        ("behind 65 patterns, two parameters", "GET /users/7/posts/9", 1),
        ("head of a static file", "HEAD /files/page.html", 1),
    ] {
        let fields = "Host: localhost\r\nUser-Agent: bench\r\nAccept: */*";
        let request = format!("{line} HTTP/1.1\r\n{fields}\r\n\r\n");
        let requests: Arc<[u8]> = request.repeat(depth).into_bytes().into();
        let connection = Connection::new(routes(folder.to_str().expect("UTF-8")));
        let (len, _) = connection.ask(&requests, depth);
        group.throughput(Throughput::Elements(depth as u64));
        group.bench_function(name, |bencher| bencher.iter(|| connection.ask(&requests, len)));
    }
    group.finish();
    let _ = fs::remove_dir_all(folder);
}

criterion_group!(benches, http);
criterion_main!(benches);
