//! A program of tokio that serves with seawall.
//!
//! `cargo run --bin tokio`

use seawall_compat::over_tokio::{serve, start};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, start(&Handle::current())).await;
    Ok(())
}
