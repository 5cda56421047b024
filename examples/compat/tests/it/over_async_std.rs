use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use seawall_compat::over_async_std::{serve, start};

use crate::{PATIENCE, client};

#[test]
fn http_websocket_and_http_types_over_its_streams() {
    task::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = start();
        let accepting = task::spawn(serve(listener, running.clone()));
        client::hello(TcpStream::connect(address).await.unwrap()).await;
        client::echo(TcpStream::connect(address).await.unwrap()).await;
        client::mirror(TcpStream::connect(address).await.unwrap()).await;
        assert_eq!(running.stats().requests, 3);
        assert_eq!(running.stats().upgrades, 1);
        assert_eq!(running.shutdown(PATIENCE).await, 0, "nobody is left");
        accepting.cancel().await;
    });
}
