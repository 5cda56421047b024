use std::sync::Mutex;
use std::sync::mpsc::{Sender as Report, channel};
use std::time::Duration;

use futures_lite::future::{poll_once, yield_now};
use seawall_http_server::Request;
use seawall_ws_server::{
    Accept, By, Handler, Limits, Message, Reject, Sender, Timeouts, TrySendError, WebSocket,
};

use crate::client::{BINARY, PING, TEXT, frame};
use crate::peer::{End, talk};
use crate::{Fixture, PATIENCE};

#[test]
fn a_push_reaches_a_client_that_is_silent() {
    let fixture = Fixture::new();
    let (mut client, sender) = fixture.open();
    std::thread::spawn(move || {
        for n in 0..100 {
            futures_lite::future::block_on(sender.send(&*n.to_string())).unwrap();
        }
    });
    for n in 0..100 {
        client.expect(TEXT, n.to_string());
    }
}

#[test]
fn frames_of_many_senders_do_not_interleave() {
    let fixture = Fixture::new();
    let (mut client, sender) = fixture.open();
    for kind in 0..8 {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for len in 0..50 {
                let message = vec![kind; 1 + len * 100];
                futures_lite::future::block_on(sender.send(&*message)).unwrap();
            }
        });
    }
    let mut next = [0; 8];
    for _ in 0..8 * 50 {
        let message = client.frame();
        assert_eq!(message.first, BINARY);
        let kind = message.payload[0];
        assert!(message.payload.iter().all(|octet| *octet == kind), "interleaved");
        assert_eq!(message.payload.len(), 1 + next[usize::from(kind)] * 100, "out of order");
        next[usize::from(kind)] += 1;
    }
}

#[test]
fn what_waits_for_a_client_is_bounded() {
    let limits = Limits { queued: 10_000, ..Limits::default() };
    let fixture = Fixture::with(|route| route.limits(limits));
    let (mut client, sender) = fixture.open();
    // The client does not read: the system's buffers fill, then the queue.
    let message = vec![7; 5000];
    let mut taken = 0;
    let mut refused = 0;
    while refused < 1000 {
        match sender.try_send(&*message) {
            Ok(()) => (taken, refused) = (taken + 1, 0),
            Err(TrySendError::Full) => {
                refused += 1;
                std::thread::yield_now();
            }
            Err(TrySendError::Closed) => panic!("closed"),
        }
    }
    // A sender that waits goes on as soon as the client reads.
    let waiting = std::thread::spawn(move || futures_lite::future::block_on(sender.send("last")));
    for _ in 0..taken {
        client.expect(BINARY, &message);
    }
    client.expect(TEXT, "last");
    waiting.join().unwrap().unwrap();
}

/// Hands out its sender.
struct Lend(Report<Sender>);

impl Handler for Lend {
    async fn on_connect(&mut self, _: &Request, sender: &Sender) -> Result<Accept, Reject> {
        self.0.send(sender.clone()).unwrap();
        Ok(Accept::new())
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
}

/// Dropped before there is room, and between the notice that there is and the next look.
#[test]
fn a_send_that_is_dropped_sends_nothing_and_keeps_nobody_waiting() {
    let (report, senders) = channel();
    let report = Mutex::new(report);
    let route = WebSocket::new(move || Lend(report.lock().unwrap().clone()));
    let limits = Limits { queued: 8, ..Limits::default() };
    talk(route.limits(limits), async |peer, _| {
        let sender = senders.recv().unwrap();
        let mut accepted = 0_u32;
        for round in 0..100 {
            peer.take(false);
            while sender.try_send(&accepted.to_be_bytes()[..]).is_ok() {
                accepted += 1;
            }
            let mut dropped = Box::pin(sender.send(&b"dropped"[..]));
            assert!(poll_once(&mut dropped).await.is_none(), "there is no room");
            let number = accepted.to_be_bytes();
            let mut sent = Box::pin(sender.send(&number[..]));
            assert!(poll_once(&mut sent).await.is_none(), "there is no room");
            if round % 2 == 0 {
                peer.take(true);
                while peer.writes() == 0 {
                    yield_now().await;
                }
            }
            drop(dropped);
            peer.take(true);
            sent.await.unwrap();
            accepted += 1;
        }
        for n in 0..accepted {
            peer.expect(BINARY, n.to_be_bytes()).await;
        }
        sender.try_send("last").unwrap();
        peer.expect(TEXT, "last").await;
        peer.end(End::Fin);
    });
}

#[test]
fn a_message_larger_than_the_queue_is_sent_all_the_same() {
    let limits = Limits { queued: 1000, ..Limits::default() };
    let fixture = Fixture::with(|route| route.limits(limits));
    let (mut client, _) = fixture.open();
    client.send(frame(TEXT, "x".repeat(100_000))).expect(TEXT, "x".repeat(100_000));
}

/// A client that floods an echo and reads nothing: the server stops reading it, and in the end
/// drops it. So does one that floods with Pings, each of which would want an answer.
#[test]
fn a_client_that_only_sends_is_stopped_and_dropped() {
    for flood in [frame(BINARY, [1; 1000]), frame(PING, [2; 125])] {
        let fixture = Fixture::with(|route| {
            let timeouts = Timeouts {
                ping: PATIENCE,
                pong: PATIENCE,
                close: Duration::from_millis(50),
                write: Duration::from_millis(200),
            };
            route.limits(Limits { queued: 10_000, ..Limits::default() }).timeouts(timeouts)
        });
        let (mut client, _) = fixture.open();
        let burst = flood.repeat(100);
        let deadline = std::time::Instant::now() + PATIENCE;
        // Parts of frames are lost where the socket takes no more; nobody reads them any more then.
        while client.flood(&burst) && fixture.running.stats().active > 0 {
            assert!(std::time::Instant::now() < deadline, "never dropped");
            std::thread::yield_now();
        }
        let closed = fixture.closed();
        assert!(closed.by != By::Client, "{closed:?}");
    }
}
