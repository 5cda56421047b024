//! What a connection beyond the limit for its address gets: a 503, and an end in order, as far as
//! both go without waiting for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_io::{AsyncRead, AsyncWrite};
use seawall_codec::http::{Exchange, ResponseWriter, Status};

/// Octets of a request that are read before it is turned away: nearly all requests are shorter.
const READ_LEN: usize = 4 * 1024;

/// Answers 503 over a connection that is then to be dropped. It holds no place among those that may
/// be open, so nothing is waited for: what cannot be done at once is left out.
///
/// What lies unread when a socket is closed makes the system reset the connection, and the client
/// could lose the answer (RFC 9112 §9.6). A request that is there already is read for that.
pub(crate) async fn turn_away(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = answer();
    poll_fn(|cx| {
        let mut stream = Pin::new(&mut stream);
        // A fresh connection's send buffer takes all of it.
        let _ = stream.as_mut().poll_write(cx, &answer);
        let _ = stream.as_mut().poll_close(cx);
        let _ = stream.poll_read(cx, &mut [0; READ_LEN]);
        Poll::Ready(())
    })
    .await;
}

fn answer() -> Vec<u8> {
    let mut out = Vec::new();
    let mut head = ResponseWriter::new(Status::SERVICE_UNAVAILABLE, &mut out);
    // A 503 may be framed, always.
    let _ = Exchange::unknown().frame(Some(0), &mut head);
    head.end();
    out
}
