use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::net::{TcpListener, TcpStream};

use crate::on_workers;

#[test]
fn closing_ends_one_direction_and_leaves_the_other() {
    on_workers(async |_| {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let pair = future::try_zip(listener.accept(), TcpStream::connect(address)).await;
        let ((mut server, _), mut client) = pair.unwrap();
        server.write_all(b"bye").await.unwrap();
        server.close().await.unwrap();
        let mut heard = Vec::new();
        // Without the end of the stream this would wait for ever.
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"bye");
        client.write_all(b"still here").await.unwrap();
        client.close().await.unwrap();
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"still here");
    });
}

#[test]
fn a_reset_is_seen_as_one() {
    on_workers(async |_| {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let pair = future::try_zip(listener.accept(), TcpStream::connect(address)).await;
        let ((server, _), mut client) = pair.unwrap();
        server.reset_when_dropped().unwrap();
        drop(server);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    });
}
