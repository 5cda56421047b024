//! The TLS handshake of a connection: within its deadline, and in a slot while it costs arithmetic.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::net::TcpStream;
use seawall_actor::{Context, time};
use seawall_codec::http::{Exchange, ResponseWriter, Status};
use seawall_tls::{AcceptError, Acceptor, Stream};

use crate::Error;
use crate::error::{Kind, Phase};
use crate::server::Shared;

/// Does the handshake; `None` if the server stops meanwhile.
pub(crate) async fn run(
    acceptor: &Acceptor,
    stream: TcpStream,
    shared: &Shared,
    context: &Context,
) -> Result<Option<Stream<TcpStream>>, Error> {
    let stopping = pin!(async {
        context.stopping().await;
        Ok(None)
    });
    let handshake = pin!(async { shake_hands(acceptor, stream, shared).await.map(Some) });
    future::or(stopping, handshake).await
}

async fn shake_hands(
    acceptor: &Acceptor,
    stream: TcpStream,
    shared: &Shared,
) -> Result<Stream<TcpStream>, Error> {
    let span = shared.timeouts.handshake;
    let began = time::now();
    let greeted = time::timeout(span, acceptor.hello(stream)).await;
    let hello = match greeted {
        Ok(Ok(hello)) => hello,
        Ok(Err(failed)) => return Err(refuse(failed, shared).await),
        Err(time::Elapsed) => return Err(late(shared)),
    };
    let left = span.saturating_sub(time::now().saturating_duration_since(began));
    // The wait for a slot does not count: it is not the client that takes its time.
    let slot = shared.handshakes.acquire().await;
    let done = time::timeout(left, hello.accept()).await;
    drop(slot);
    match done {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(failed)) => Err(refuse(failed, shared).await),
        Err(time::Elapsed) => Err(late(shared)),
    }
}

fn late(shared: &Shared) -> Error {
    shared.counters.handshake_errors.add();
    Error::new(Kind::TooSlow(Phase::Handshake))
}

async fn refuse(failed: AcceptError<TcpStream>, shared: &Shared) -> Error {
    shared.counters.handshake_errors.add();
    let AcceptError { error, stream } = failed;
    if matches!(error, seawall_tls::Error::PlainHttp) {
        answer_plainly(stream, shared.timeouts.linger).await;
    }
    Error::new(Kind::Tls(error))
}

/// Tells a client that speaks plain HTTP where it has come, and lingers, so that it can read that
/// before its own unread octets make the system reset the connection.
async fn answer_plainly(mut stream: TcpStream, linger: Duration) {
    let answering = async {
        stream.write_all(&plain_answer()).await?;
        stream.close().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {
            // A client that sends on and on must not keep the clock from being looked at.
            future::yield_now().await;
        }
        Ok::<_, io::Error>(())
    };
    // Whether it got there is no matter of ours.
    let _ = time::timeout(linger, answering).await;
}

/// 400 in plain HTTP.
fn plain_answer() -> Vec<u8> {
    const TEXT: &[u8] = b"this port speaks TLS: use https or wss\n";
    let mut out = Vec::new();
    let mut head = ResponseWriter::new(Status::BAD_REQUEST, &mut out);
    // Neither a constant field nor the framing of a 400 can be refused.
    let _ = head.field("Content-Type", "text/plain; charset=utf-8");
    let _ = Exchange::unknown().frame(Some(TEXT.len() as u64), &mut head);
    head.end();
    out.extend_from_slice(TEXT);
    out
}
