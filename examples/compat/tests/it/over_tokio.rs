use seawall_compat::over_tokio::{serve, start};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::{PATIENCE, client};

#[test]
fn http_websocket_and_http_types_over_its_streams() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = start(&Handle::current());
        let accepting = tokio::spawn(serve(listener, running.clone()));
        client::hello(TcpStream::connect(address).await.unwrap().compat()).await;
        client::echo(TcpStream::connect(address).await.unwrap().compat()).await;
        client::mirror(TcpStream::connect(address).await.unwrap().compat()).await;
        assert_eq!(running.stats().requests, 3);
        assert_eq!(running.stats().upgrades, 1);
        assert_eq!(running.shutdown(PATIENCE).await, 0, "nobody is left");
        accepting.abort();
    });
}
