//! A panic in each callback of a handler: its client hears 1011, `on_close` is called once, and the
//! panic is the connection's exit reason, which is what is counted and reported.

use std::sync::Mutex;
use std::sync::mpsc::{Sender as Report, channel};

use futures_lite::future::yield_now;
use seawall_actor::ExitReason;
use seawall_http_server::Request;
use seawall_ws_server::{
    Accept, CloseCode, Closed, Handler, Limits, Message, Overflow, Pong, Reject, Sender, WebSocket,
};

use crate::client::{CLOSE, PING, PONG, TEXT, close, frame};
use crate::peer::{End, Peer, talk};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum In {
    Message,
    Info,
    Ping,
    Pong,
    Writable,
    Dropped,
    Close,
    /// Within a callback, after it has closed the connection.
    Closing,
}

/// Panics in one of its callbacks.
struct Panics {
    there: In,
    closed: Report<Closed>,
}

impl Panics {
    fn pass(&self, callback: In) {
        if self.there == callback {
            panic!("as asked");
        }
    }
}

impl Handler<()> for Panics {
    async fn on_connect(&mut self, _: &Request, sender: &Sender<()>) -> Result<Accept, Reject> {
        if self.there == In::Info {
            sender.try_tell(()).unwrap();
        }
        Ok(Accept::new())
    }

    async fn on_message(&mut self, _: Message<'_>, sender: &Sender<()>) {
        self.pass(In::Message);
        if self.there == In::Closing {
            sender.close(CloseCode::NORMAL, "");
            yield_now().await; // meanwhile the Close leaves
            self.pass(In::Closing);
        }
        while sender.try_send("more than there is room for").is_ok() {}
    }

    async fn on_info(&mut self, (): (), _: &Sender<()>) {
        self.pass(In::Info);
    }

    async fn on_ping(&mut self, _: &[u8], _: &Sender<()>) {
        self.pass(In::Ping);
    }

    async fn on_pong(&mut self, _: Pong<'_>, _: &Sender<()>) {
        self.pass(In::Pong);
    }

    async fn on_writable(&mut self, _: &Sender<()>) {
        self.pass(In::Writable);
    }

    async fn on_dropped(&mut self, _: u64, _: &Sender<()>) {
        self.pass(In::Dropped);
    }

    async fn on_close(&mut self, closed: &Closed) {
        self.closed.send(closed.clone()).unwrap();
        self.pass(In::Close);
    }
}

/// The code of the Close that the client hears, whatever comes before it.
async fn code(peer: &Peer) -> u16 {
    loop {
        let frame = peer.frame().await;
        if frame.first == CLOSE {
            return u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
        }
    }
}

#[test]
fn a_panic_in_any_callback_is_told_and_reported() {
    for (there, say, expected) in [
        (In::Message, frame(TEXT, ""), 1011),
        (In::Info, Vec::new(), 1011),
        (In::Ping, frame(PING, ""), 1011),
        (In::Pong, frame(PONG, ""), 1011),
        (In::Writable, frame(TEXT, ""), 1011),
        (In::Dropped, frame(TEXT, ""), 1011),
        (In::Close, close(1000, ""), 1000),
        (In::Closing, frame(TEXT, ""), 1000),
    ] {
        let (report, closed) = channel();
        let report = Mutex::new(report);
        let make = move || Panics { there, closed: report.lock().unwrap().clone() };
        let overflow = if there == In::Dropped { Overflow::DropNewest } else { Overflow::Block };
        let limits = Limits { queued: 100, ..Limits::default() };
        let route = WebSocket::new(make).limits(limits).overflow(overflow);
        let (code, ended) = talk(route, async |peer, _| {
            peer.say(say);
            let code = code(peer).await;
            peer.say(close(code, ""));
            peer.end(End::Fin);
            code
        });
        assert_eq!(code, expected, "{there:?}");
        let ExitReason::Panicked(text) = ended.reason else {
            panic!("{there:?}: {}", ended.reason)
        };
        assert_eq!(&*text, "as asked", "{there:?}");
        assert_eq!(closed.try_iter().count(), 1, "{there:?}");
    }
}
