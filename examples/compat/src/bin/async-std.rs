//! A program of async-std that serves with seawall.
//!
//! `cargo run --bin async-std`

use async_std::net::TcpListener;
use seawall_compat::over_async_std::{serve, start};

#[async_std::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, start()).await;
    Ok(())
}
