//! What leaves together: all answers to one read, and what others send meanwhile, in one write.

use std::thread;

use futures_lite::future::yield_now;
use seawall_ws_server::{Handler, Message, Sender, WebSocket};

use crate::client::{BINARY, CLOSE, PING, PONG, TEXT, close, frame};
use crate::peer::{End, talk};

/// Frames of one read: fewer octets than a read takes.
const FRAMES: usize = 16;

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        sender.send(message).await.unwrap();
    }
}

/// Has another thread send, and returns when it has.
struct Push;

impl Handler for Push {
    async fn on_message(&mut self, _: Message<'_>, sender: &Sender) {
        let sender = sender.clone();
        thread::spawn(move || sender.try_send("pushed").unwrap()).join().unwrap();
    }
}

#[test]
fn the_answers_to_one_read_leave_in_one_write() {
    talk(WebSocket::new(|| Echo), async |peer, _| {
        peer.writes();
        peer.say(frame(BINARY, "answered").repeat(FRAMES));
        for _ in 0..FRAMES {
            peer.expect(BINARY, "answered").await;
        }
        assert_eq!(peer.writes(), 1);
        peer.end(End::Fin);
    });
}

#[test]
fn what_another_thread_sends_meanwhile_joins_them() {
    talk(WebSocket::new(|| Push), async |peer, _| {
        peer.writes();
        peer.say([frame(TEXT, "").repeat(FRAMES), frame(PING, "last")].concat());
        for _ in 0..FRAMES {
            peer.expect(TEXT, "pushed").await;
        }
        peer.expect(PONG, "last").await;
        assert_eq!(peer.writes(), 1);
        peer.end(End::Fin);
    });
}

/// A client that takes nothing gets the Pongs to one read, which were on their way, and one more.
#[test]
fn a_flood_of_pings_is_answered_by_the_newest_pong() {
    const PINGS: u32 = 100_000;
    talk(WebSocket::new(|| Echo), async |peer, _| {
        let ping = |n: u32| frame(PING, n.to_be_bytes());
        peer.take(false);
        peer.say((0..PINGS).flat_map(ping).collect::<Vec<_>>());
        while peer.unread() > 0 {
            yield_now().await;
        }
        peer.take(true);
        let mut pongs = Vec::new();
        while pongs.last() != Some(&(PINGS - 1)) {
            let pong = peer.frame().await;
            assert_eq!(pong.first, PONG);
            pongs.push(u32::from_be_bytes(pong.payload.try_into().unwrap()));
        }
        let of_one_read = 16 * 1024 / ping(0).len();
        assert!(pongs.len() <= of_one_read + 1, "{} of them", pongs.len());
        assert!(pongs.is_sorted());
        peer.say(close(1000, ""));
        assert_eq!(peer.frame().await.first, CLOSE);
        peer.end(End::Fin);
    });
}
