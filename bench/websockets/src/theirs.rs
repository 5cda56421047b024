//! The peers, each as its documentation has it: a task for each connection, on tokio; broadcasts
//! over tokio's channel for them, with what their libraries offer to share.

use std::error::Error;
use std::future::Future;
use std::io::Read;

use axum::extract::ws::{Message as AxumMessage, WebSocketUpgrade};
use axum::routing::get;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload};
use futures_util::{SinkExt, StreamExt};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{Sender, channel};

use crate::WORKERS;

type Topic = Sender<Bytes>;

pub fn serve(name: &str) -> Result<(), Box<dyn Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?);
    let topic: Topic = channel(64).0;
    match name {
        "fastwebsockets" => drop(runtime.spawn(accept(listener, topic, fast))),
        "tokio-websockets" => drop(runtime.spawn(accept(listener, topic, tokio_websockets))),
        "tungstenite" => drop(runtime.spawn(accept(listener, topic, tungstenite))),
        "axum" => drop(runtime.spawn(axum(listener, topic))),
        _ => return Err(format!("no server {name}").into()),
    }
    let _ = std::io::stdin().read(&mut [0]);
    Ok(())
}

async fn accept<F, Fut>(listener: TcpListener, topic: Topic, serve: F)
where
    F: Fn(TcpStream, Topic) -> Fut,
    Fut: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, topic.clone()));
    }
}

async fn fast(stream: TcpStream, topic: Topic) -> Result<(), Box<dyn Error + Send + Sync>> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let topic = topic.clone();
        async move {
            let subscribes = request.uri().path() == "/broadcast";
            let (response, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)?;
            tokio::spawn(async move {
                let Ok(socket) = upgrade.await else { return };
                let _ = fast_connection(FragmentCollector::new(socket), topic, subscribes).await;
            });
            Ok::<_, fastwebsockets::WebSocketError>(response)
        }
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    hyper::server::conn::http1::Builder::new()
        .serve_connection(io, service)
        .with_upgrades()
        .await?;
    Ok(())
}

async fn fast_connection<S>(
    mut socket: FragmentCollector<S>,
    topic: Topic,
    subscribes: bool,
) -> Result<(), fastwebsockets::WebSocketError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if !subscribes {
        loop {
            let frame = socket.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return Ok(()),
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
                _ => {}
            }
        }
    }
    let mut messages = topic.subscribe();
    loop {
        tokio::select! {
            frame = socket.read_frame() => {
                let _ = topic.send(Bytes::copy_from_slice(&frame?.payload));
            }
            Ok(message) = messages.recv() => {
                socket.write_frame(Frame::binary(Payload::Borrowed(&message))).await?;
            }
        }
    }
}

async fn tokio_websockets(
    stream: TcpStream,
    topic: Topic,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (request, mut socket) = tokio_websockets::ServerBuilder::new().accept(stream).await?;
    if request.uri().path() == "/echo" {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await?;
            }
        }
        return Ok(());
    }
    let mut messages = topic.subscribe();
    loop {
        tokio::select! {
            Some(message) = socket.next() => {
                let _ = topic.send(Bytes::from(message?.into_payload()));
            }
            Ok(message) = messages.recv() => {
                socket.send(tokio_websockets::Message::binary(message)).await?;
            }
        }
    }
}

async fn tungstenite(stream: TcpStream, topic: Topic) -> Result<(), Box<dyn Error + Send + Sync>> {
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
    let mut subscribes = false;
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let callback = |request: &Request, response: Response| {
        subscribes = request.uri().path() == "/broadcast";
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, callback).await?;
    if !subscribes {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await?;
            }
        }
        return Ok(());
    }
    let mut messages = topic.subscribe();
    loop {
        tokio::select! {
            Some(message) = socket.next() => { let _ = topic.send(message?.into_data()); }
            Ok(message) = messages.recv() => socket.send(Message::Binary(message)).await?,
        }
    }
}

async fn axum(listener: TcpListener, topic: Topic) {
    let echo = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, AxumMessage::Binary(_)) && socket.send(message).await.is_err()
                {
                    return;
                }
            }
        })
    };
    let broadcast = async move |upgrade: WebSocketUpgrade| {
        let topic = topic.clone();
        upgrade.on_upgrade(async move |mut socket| {
            let mut messages = topic.subscribe();
            loop {
                tokio::select! {
                    Some(Ok(message)) = socket.next() => { let _ = topic.send(message.into_data()); }
                    Ok(message) = messages.recv() => {
                        if socket.send(AxumMessage::Binary(message)).await.is_err() {
                            return;
                        }
                    }
                    else => return,
                }
            }
        })
    };
    let router = axum::Router::new().route("/echo", get(echo)).route("/broadcast", get(broadcast));
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    let _ = axum::serve(listener, router).await;
}
