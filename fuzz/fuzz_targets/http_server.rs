//! A whole connection of the server, over a stream in memory: whatever the client sends,
//! however it is cut and ended, the connection ends, no handler panics, and there are no
//! more answers than there can be heads.
#![no_main]

#[path = "../../http-server/tests/it/pipe.rs"]
mod pipe;

use std::sync::Arc;

use async_executor::Executor;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future, io};
use libfuzzer_sys::fuzz_target;
use seawall_http_server::{
    Context, Error, Request, Response, Router, Scope, Server, Status, Upgraded,
};

fn routes() -> Router {
    Router::new()
        .get("/", async |_: Request| "hello\n")
        .any("/echo", async |mut request: Request| Ok::<_, Error>(request.content().await?))
        .post("/ignore", async |_: Request| "ignored\n")
        .get("/stream/{n}", async |request: Request| {
            let n: u8 = request.param("n").and_then(|n| n.parse().ok()).unwrap_or(0);
            Response::new(Status::OK).stream("text/plain", async move |mut sender| {
                for n in 0..n {
                    sender.send(vec![n; usize::from(n) + 1]).await?;
                    future::yield_now().await;
                }
                sender.trailer("X-Pieces", n.to_string()).await
            })
        })
        .get("/upgrade", async |_: Request| Response::switching_protocols("echo", echo))
}

/// What follows a 101: everything comes back.
async fn echo(mut upgraded: Upgraded, _: Context) -> io::Result<()> {
    let mut piece = [0; 64];
    loop {
        match upgraded.read(&mut piece).await? {
            0 => return upgraded.close().await,
            len => upgraded.write_all(&piece[..len]).await?,
        }
    }
}

fuzz_target!(|input: (Vec<u8>, bool, bool, &[u8])| {
    let (cuts, half_close, reset, bytes) = input;
    let cuts: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut)).collect();
    let sizes = if cuts.iter().all(|cut| *cut == 0) { &[][..] } else { &cuts };
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let running = Server::new(routes()).start_without_listener(&scope);
    let (mut client, stream) = pipe::pair(sizes);
    client.reset = reset;
    let serving = running.serve_connection(stream, ([127, 0, 0, 1], 7).into());
    let talking = async {
        let (mut reader, mut writer) = io::split(client);
        let mut output = vec![];
        let writing = async {
            let _ = writer.write_all(bytes).await;
            if half_close {
                let _ = writer.close().await;
            }
        };
        if half_close {
            let _ = future::zip(writing, reader.read_to_end(&mut output)).await;
        } else {
            writing.await;
        }
        output
    };
    let (output, _) = future::block_on(executor.run(future::zip(talking, serving)));
    let stats = running.stats();
    assert_eq!((stats.active, stats.crashes), (0, 0));
    // A head takes at least a request line and an empty line.
    let lines = bytes.windows(2).filter(|window| window == b"\r\n").count();
    let answers = output.windows(13).filter(|window| window == b"HTTP/1.1 200 ").count();
    let echoed = bytes.windows(13).filter(|window| window == b"HTTP/1.1 200 ").count();
    assert!(answers <= lines / 2 + 1 + echoed);
});
