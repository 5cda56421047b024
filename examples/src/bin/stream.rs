//! Content that is made, and read, while it is on its way.
//!
//! Run with `cargo run --bin stream`, then
//!
//! ```text
//! curl --no-buffer http://127.0.0.1:8080/ticks             an event each second, until you leave
//! curl http://127.0.0.1:8080/numbers?count=1000000         as fast as you take them, held nowhere
//! curl http://127.0.0.1:8080/numbers | curl -T - http://127.0.0.1:8080/sum
//! ```

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use seawall_actor::time;
use seawall_examples::flags::Listen;
use seawall_http_server::{
    BodySender, ClientGone, Error, Handler, Request, Response, Router, Server, Status,
};

/// Streams, either way.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

fn main() -> ExitCode {
    let router = Router::new()
        .get("/ticks", ticks)
        .get("/numbers", numbers)
        .put("/sum", sum.body_limit(u64::MAX));
    seawall_examples::run(Server::new(router), &Options::parse().listen)
}

/// Server-sent events: one each second until the client leaves, or the server stops.
async fn ticks(request: Request) -> Response {
    let scope = request.scope().clone();
    let response = Response::new(Status::OK).field("Cache-Control", "no-store");
    response.stream("text/event-stream", async move |mut sender: BodySender| {
        let mut tick = 0_u64;
        while !scope.is_stopping() {
            sender.send(format!("data: {tick}\n\n")).await?;
            tick += 1;
            // Who has left is not noticed by waiting.
            if time::timeout(Duration::from_secs(1), sender.gone()).await.is_ok() {
                break;
            }
        }
        Ok::<(), ClientGone>(())
    })
}

/// Each `send` waits until the client has taken what was sent before.
async fn numbers(request: Request) -> Response {
    let count = request.query_param("count").and_then(|count| count.parse().ok());
    let count: u64 = count.unwrap_or(1000);
    Response::new(Status::OK).stream("text/plain", async move |mut sender: BodySender| {
        let mut next = 0;
        while next < count {
            let until = count.min(next + 1000);
            let piece: String = (next..until).map(|n| format!("{n}\n")).collect();
            sender.send(piece).await?;
            next = until;
        }
        Ok::<(), ClientGone>(())
    })
}

/// Adds up the numbers of a content of any length; a number may be cut in two by the network.
async fn sum(mut request: Request) -> Result<Response, Error> {
    let (mut sum, mut number) = (0_u64, 0_u64);
    while let Some(piece) = request.next_piece().await? {
        for octet in piece {
            match octet {
                b'0'..=b'9' => {
                    number = number.wrapping_mul(10).wrapping_add(u64::from(octet - b'0'));
                }
                b'\n' => sum = sum.wrapping_add(std::mem::take(&mut number)),
                _ => return Ok(Response::new(Status::BAD_REQUEST).text("numbers, please\n")),
            }
        }
    }
    Ok(Response::ok(format!("{}\n", sum.wrapping_add(number))))
}
