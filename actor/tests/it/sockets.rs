use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net;
use std::num::NonZero;
use std::pin::Pin;
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, future};
use seawall_actor::net::{ListenOptions, TcpListener, TcpStream, UnixStream};
use seawall_actor::{Context, Mailbox, Runtime};

use crate::{PATIENCE, on_workers};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let ((server, _), client) = future::try_zip(listener.accept(), connect).await.unwrap();
    (server, client)
}

#[test]
fn closing_ends_one_direction_and_leaves_the_other() {
    on_workers(async |_| {
        let (mut server, mut client) = pair().await;
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
        let (server, mut client) = pair().await;
        server.reset_when_dropped().unwrap();
        drop(server);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn vectored_reads_and_writes_move_all_pieces_at_once() {
    on_workers(async |_| {
        let (mut server, mut client) = pair().await;
        let pieces = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        let len = poll_fn(|cx| Pin::new(&mut client).poll_write_vectored(cx, &pieces)).await;
        assert_eq!(len.unwrap(), 5);
        let (mut a, mut b) = ([0; 4], [0; 4]);
        let mut room = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        let len = poll_fn(|cx| Pin::new(&mut server).poll_read_vectored(cx, &mut room)).await;
        assert_eq!(len.unwrap(), 5);
        assert_eq!((&a, &b[..1]), (b"abcd", &b"e"[..]));
    });
}

#[test]
fn sockets_come_from_the_standard_library_and_go_back() {
    on_workers(async |_| {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let listener = TcpListener::try_from(listener).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        peer.write_all(b"one").unwrap();
        let mut heard = [0; 3];
        stream.read_exact(&mut heard).await.unwrap();
        // Out and in again: the reactor forgets a socket that it hands back.
        for _ in 0..3 {
            let plain = net::TcpStream::try_from(stream).unwrap();
            stream = TcpStream::try_from(plain).unwrap();
        }
        peer.write_all(b"two").unwrap();
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"two");
        let mut plain = net::TcpStream::try_from(stream).unwrap();
        plain.set_nonblocking(false).unwrap();
        drop(peer);
        assert_eq!(plain.read(&mut heard).unwrap(), 0);
        drop(net::TcpListener::try_from(listener).unwrap());
    });
}

#[test]
fn readiness_comes_without_a_buffer() {
    on_workers(async |_| {
        let (server, mut client) = pair().await;
        let mut server = server;
        // The first try is free; it finds nothing, and from then on the socket knows.
        assert!(future::poll_once(server.read(&mut [0])).await.is_none());
        let readable = poll_fn(|cx| server.poll_readable(cx));
        let (early, ()) = future::zip(future::poll_once(readable), async {}).await;
        assert!(early.is_none());
        client.write_all(b"x").await.unwrap();
        poll_fn(|cx| server.poll_readable(cx)).await;
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
        drop(client);
        poll_fn(|cx| server.poll_readable(cx)).await;
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn an_end_right_behind_the_last_octets_is_not_missed() {
    on_workers(async |_| {
        for _ in 0..200 {
            let (mut server, mut client) = pair().await;
            let send = async {
                client.write_all(b"bye").await.unwrap();
                future::yield_now().await;
                client.close().await.unwrap();
            };
            let mut heard = Vec::new();
            let ((), len) = future::zip(send, server.read_to_end(&mut heard)).await;
            assert_eq!(len.unwrap(), 3);
        }
    });
}

#[test]
fn connections_inherit_what_the_listener_was_told() {
    on_workers(async |_| {
        let options = ListenOptions::new()
            .nodelay(true)
            .keepalive(Some(Duration::from_secs(60)))
            .reuse_port(true)
            .backlog(16);
        let listener = options.listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let second = options.listen(address).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        drop(second); // or the system might give the connection to that one
        let accepted = future::try_zip(listener.accept(), TcpStream::connect(address)).await;
        let ((server, _), client) = accepted.unwrap();
        let socket = socket2::SockRef::from(&server);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
        client.set_keepalive(Some(Duration::from_secs(30))).unwrap();
        client.set_keepalive(None).unwrap();
        assert!(!socket2::SockRef::from(&client).keepalive().unwrap());
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    on_workers(async |_| {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

/// One worker, and an actor that always has more to read and to write: without a budget for each
/// turn it would never let another run.
#[test]
fn a_socket_that_never_waits_lets_others_run() {
    let one = NonZero::new(1).unwrap();
    let runtime = Runtime::builder().workers(one).stall_after(PATIENCE).build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let pump = runtime.scope().spawn(|_: Mailbox<()>, context: Context| async move {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        tell.send(()).unwrap();
        while !context.is_stopping() {
            a.write_all(b"x").await.unwrap();
            b.read_exact(&mut [0]).await.unwrap();
        }
    });
    told.recv_timeout(PATIENCE).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move { tell.send(()).unwrap() });
    told.recv_timeout(PATIENCE).unwrap();
    pump.stop();
    assert!(runtime.shutdown(PATIENCE).is_empty());
}
