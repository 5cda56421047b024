//! What every server here is asked, over any stream.

use async_std::future::timeout;
use async_std::io::prelude::*;
use async_std::io::{Read, Write};
use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;

use crate::PATIENCE;

/// One request; the answer is read to the end of the connection.
pub(crate) async fn ask<S: Read + Write + Unpin>(mut stream: S, request: &str) -> String {
    let asked = async {
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    timeout(PATIENCE, asked).await.unwrap()
}

pub(crate) async fn hello<S: Read + Write + Unpin>(stream: S) {
    let answer =
        ask(stream, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
}

/// Messages short and long, there and back, and a Close that is answered.
pub(crate) async fn echo<S: Read + Write + Unpin>(stream: S) {
    let talked = async {
        let (mut socket, response) =
            async_tungstenite::client_async("ws://localhost/echo", stream).await.unwrap();
        assert_eq!(response.status(), 101);
        for message in
            [Message::text("grüße"), Message::binary(vec![7; 100_000]), Message::text("")]
        {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
        assert!(socket.next().await.is_none(), "the server ends the connection");
    };
    timeout(PATIENCE, talked).await.unwrap();
}

pub(crate) async fn mirror<S: Read + Write + Unpin>(stream: S) {
    let answer = ask(
        stream,
        "POST /mirror?a=b HTTP/1.1\r\nHost: localhost:81\r\nX-Name: ada\r\nX-Name: grace\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n",
    )
    .await;
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    for line in
        ["x-method: POST", "x-url: http://localhost:81/mirror?a=b", "x-name: ada", "x-name: grace"]
    {
        assert!(head.lines().any(|known| known == line), "{line} is not in {head}");
    }
    // In chunks, as it came: nobody knows its length beforehand.
    let pieces: String = content.split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(pieces, "hello there", "{content}");
}
