use async_io::block_on;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_tls::{AcceptError, Error, Stream};

use crate::client::{Client, Socket, pair};
use crate::identity;

/// What the server made of a client that sends these octets.
fn accept(octets: &[u8]) -> (AcceptError<Socket>, Socket) {
    block_on(async {
        let (server, mut client) = pair();
        client.write_all(octets).await.unwrap();
        client.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        (identity().acceptor().accept(server).await.unwrap_err(), client)
    })
}

/// TLS-04.
#[test]
fn bytes_go_both_ways_and_close_notify_ends_them() {
    let identity = identity();
    let met = Client::trusting(&[&identity]).meet(&identity.acceptor());
    assert!(met.server.as_ref().unwrap().is_tls());
    let (mut server, mut client) = met.talk();
    block_on(async {
        server.close().await.unwrap();
        let mut rest = Vec::new();
        // Without close_notify this would be an error: a truncated stream.
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    });
}

#[test]
fn a_stream_that_is_cut_is_an_error() {
    let identity = identity();
    let (mut server, client) = Client::trusting(&[&identity]).meet(&identity.acceptor()).talk();
    drop(client);
    let error = block_on(server.read_to_end(&mut Vec::new())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

/// TLS-01.
#[test]
fn a_plain_stream_is_the_same_type() {
    block_on(async {
        let (server, mut client) = pair();
        let mut server = Stream::Plain(server);
        assert!(!server.is_tls() && server.info().is_none());
        client.write_all(b"ping").await.unwrap();
        let mut question = [0; 4];
        server.read_exact(&mut question).await.unwrap();
        assert_eq!(&question, b"ping");
    });
}

/// Whoever holds slots for handshakes gives none to a client that only connects: the first step
/// waits as long as it likes.
#[test]
fn a_silent_client_does_not_get_past_the_first_step() {
    block_on(async {
        let acceptor = identity().acceptor();
        let (server, mut client) = pair();
        let mut hello = Box::pin(acceptor.hello(server));
        assert!(future::poll_once(&mut hello).await.is_none());
        client.write_all(&[22, 3, 1]).await.unwrap(); // the beginning of a record
        assert!(future::poll_once(&mut hello).await.is_none());
        drop(client);
        assert!(matches!(hello.await.unwrap_err().error, Error::Io(_)));
    });
}

/// The stream comes back, so that the client can be told in its own words: no alert was sent.
#[test]
fn plain_http_is_seen_at_its_first_letter() {
    for request in ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "P"] {
        let (failed, mut client) = accept(request.as_bytes());
        assert!(matches!(failed.error, Error::PlainHttp), "{failed}");
        block_on(async {
            let mut stream = failed.stream;
            stream.write_all(b"speak TLS").await.unwrap();
            drop(stream);
            let mut answer = Vec::new();
            // The request lies unread: the connection may be reset behind the answer.
            let _ = client.read_to_end(&mut answer).await;
            assert_eq!(answer, b"speak TLS");
        });
    }
}

/// RFC 8446 §6.2: who breaks the protocol is told by a fatal alert.
#[test]
fn what_is_no_handshake_is_refused_by_an_alert() {
    let mut endless = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]; // a hello of 16 MiB
    endless.resize(5 + 0x4000, 0);
    let table: [&[u8]; 5] = [
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", // SSL 2
        b"\x00\x01\x02\x03\x04\x05\x06\x07",
        b"\x17\x03\x03\x00\x05hello", // data before a handshake
        b"\x16\x03\x01\xff\xff\x01",  // a record longer than any
        &endless,
    ];
    for octets in table {
        let (failed, mut client) = accept(octets);
        assert!(matches!(failed.error, Error::Handshake(_)), "{octets:x?}: {failed}");
        drop(failed);
        let mut answer = Vec::new();
        let _ = block_on(client.read_to_end(&mut answer));
        assert!(matches!(answer[..], [21, 3, _, 0, 2, 2, _]), "{octets:x?}: {answer:x?}");
    }
}

/// A first message of TLS 1.0, which knows of no signature algorithms (RFC 8446 §D.2).
#[test]
fn an_old_client_is_told_that_it_is_its_version() {
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let (failed, mut client) = accept(&hello);
    assert!(matches!(failed.error, Error::Handshake(_)), "{failed}");
    drop(failed);
    let mut answer = Vec::new();
    let _ = block_on(client.read_to_end(&mut answer));
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
}

#[test]
fn a_client_that_says_goodbye_first_is_let_go() {
    let (failed, _client) = accept(&[21, 3, 3, 0, 2, 1, 0]);
    assert!(matches!(failed.error, Error::Handshake(_) | Error::Io(_)), "{failed}");
}

#[test]
fn a_client_that_leaves_is_the_transports_fault() {
    let (failed, _client) = accept(b"");
    assert!(matches!(failed.error, Error::Io(_)), "{failed}");
    let (failed, _client) = accept(&[22, 3, 1, 2]);
    assert!(matches!(failed.error, Error::Io(_)), "{failed}");
}
