//! On tokio: a task for each connection.

use std::error::Error;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{RESPONSE, WORKERS, requests, until_told};

pub fn serve() -> Result<(), Box<dyn Error>> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(WORKERS).enable_io().build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    println!("{}", listener.local_addr()?);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream));
        }
    });
    until_told();
    Ok(())
}

async fn respond(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (mut buffer, mut seen) = ([0; 1024], 0);
    while let Ok(len @ 1..) = stream.read(&mut buffer).await {
        let count = requests(&buffer[..len], &mut seen);
        if stream.write_all(&RESPONSE.repeat(count)).await.is_err() {
            return;
        }
    }
}
