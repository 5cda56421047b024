//! Handlers that take their time, in simulated time: what a connection notices meanwhile, and what
//! its client is not blamed for.

use std::future::pending;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver as Reports, Sender as Report, channel};
use std::time::Duration;

use seawall_actor::time;
use seawall_http_server::Handler as Route;
use seawall_ws_server::{By, Closed, Handler, Message, Receiver, Sender, Timeouts, WebSocket};

use crate::client::{CLOSE, PING, PONG, TEXT, close, frame};
use crate::peer::{End, talk, talk_in_order};

const MS: Duration = Duration::from_millis(1);

/// Long beside what a handler takes here, short beside what it takes in all.
const TIMEOUTS: Timeouts = Timeouts {
    ping: Duration::from_millis(50),
    pong: Duration::from_millis(200),
    close: Duration::from_secs(5),
    write: Duration::from_secs(30),
};

/// Takes as many milliseconds for a message as its first octet says, or for ever if that is none.
struct Slow(Report<Closed>);

impl Handler for Slow {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        match message.as_bytes()[0] {
            0 => pending().await,
            ms => time::sleep(u32::from(ms) * MS).await,
        }
        let _ = sender.send("done").await;
    }

    async fn on_close(&mut self, closed: &Closed) {
        self.0.send(closed.clone()).unwrap();
    }
}

fn slow() -> (impl Route, Reports<Closed>) {
    let (report, ends) = channel();
    let report = Mutex::new(report);
    let make = move || Slow(report.lock().unwrap().clone());
    (WebSocket::new(make).timeouts(TIMEOUTS), ends)
}

/// A Pong once lay unread behind messages that took longer than its deadline, and its client was
/// taken for dead before the next read.
#[test]
fn a_pong_behind_messages_that_take_long_is_in_time() {
    let (route, ends) = slow();
    talk(route, async |peer, _| {
        let ping = peer.frame().await;
        assert_eq!(ping.first, PING);
        // More than one read, and more frames than are handled in one turn.
        peer.say(frame(TEXT, [5; 100]).repeat(200));
        peer.say(frame(PONG, ping.payload));
        for _ in 0..200 {
            peer.expect(TEXT, "done").await;
        }
        assert_eq!(peer.frame().await.first, PING, "it lives");
        peer.say(close(1000, ""));
        assert_eq!(peer.frame().await.first, CLOSE);
        peer.end(End::Fin);
    });
    assert_eq!(ends.recv().unwrap().by, By::Client);
}

/// A Ping that could not leave before a callback ran, and left while it did, once counted as
/// unanswered from the moment when it was queued.
#[test]
fn a_ping_that_leaves_during_a_callback_is_waited_for_from_then() {
    let (route, ends) = slow();
    talk(route, async |peer, _| {
        peer.take(false);
        time::sleep(TIMEOUTS.ping + TIMEOUTS.pong).await; // the Ping waits
        peer.say(frame(TEXT, [20]));
        time::sleep(10 * MS).await; // the handler is at work
        peer.take(true);
        let ping = peer.frame().await;
        assert_eq!(ping.first, PING);
        time::sleep(TIMEOUTS.pong / 2).await;
        peer.say(frame(PONG, ping.payload));
        while peer.frame().await.first != PING {} // it lives
        peer.say(close(1000, ""));
        assert_eq!(peer.frame().await.first, CLOSE);
        peer.end(End::Fin);
    });
    assert_eq!(ends.recv().unwrap().by, By::Client);
}

/// A client that left was once noticed only when something was to be written to it.
#[test]
fn a_client_that_leaves_while_its_handler_waits_is_noticed() {
    for end in [End::Fin, End::Reset] {
        let (route, ends) = slow();
        let (left, ended) = talk(route, async |peer, _| {
            peer.say(frame(TEXT, [0]));
            time::sleep(10 * MS).await;
            peer.say(frame(TEXT, "unheard"));
            peer.end(end);
            time::now()
        });
        assert_eq!(ended.at - left, TIMEOUTS.close, "{end:?}: so long the handler may still take");
        assert_eq!(ends.recv().unwrap().by, By::Loss);
    }
}

/// However it left: over TLS, an end without `close_notify` is a failure to read.
#[test]
fn what_a_client_said_before_it_left_is_handled() {
    for end in [End::Fin, End::Reset] {
        what_was_said_is_handled_before(end);
    }
}

fn what_was_said_is_handled_before(end: End) {
    let (route, ends) = slow();
    talk(route, async |peer, _| {
        peer.say(frame(TEXT, [20]).repeat(2));
        time::sleep(10 * MS).await;
        peer.say([frame(TEXT, [20]).repeat(2), close(1000, "")].concat());
        time::sleep(20 * MS).await;
        peer.end(end);
        for _ in 0..4 {
            peer.expect(TEXT, "done").await;
        }
        assert_eq!(peer.frame().await.first, CLOSE);
    });
    assert_eq!(ends.recv().unwrap().by, By::Client);
}

/// A function that took no notice of the end once outlived its connection without bound.
#[test]
fn a_function_has_as_long_to_end_as_a_close() {
    async fn function(mut receiver: Receiver, _: Sender) {
        while let Some(message) = receiver.recv().await {
            match message.as_text() {
                Some("stay") => pending().await,
                _ => time::sleep(TIMEOUTS.close - MS).await,
            }
        }
    }
    let end = |message| {
        let route = WebSocket::from_fn(function).timeouts(TIMEOUTS);
        let (closed, ended) = talk(route, async |peer, scope| {
            peer.say([frame(TEXT, message), close(1000, "")].concat());
            assert_eq!(peer.frame().await.first, CLOSE);
            let closed = time::now();
            peer.end(End::Fin);
            scope.ended().await;
            closed
        });
        (ended.at - closed, ended.reason.to_string())
    };
    assert_eq!(end("linger"), (TIMEOUTS.close - MS, "normal".to_owned()));
    let late = "failed: `on_close` did not return in time";
    assert_eq!(end("stay"), (TIMEOUTS.close, late.to_owned()));
}

/// Whoever has the first turn: not 1000, as when a function returns by itself.
#[test]
fn a_function_that_is_told_to_stop_closes_with_1001() {
    async fn function(mut receiver: Receiver, _: Sender) {
        while receiver.recv().await.is_some() {}
    }
    for seed in 0..20 {
        talk_in_order(seed, WebSocket::from_fn(function), async |peer, scope| {
            scope.stop();
            peer.expect(CLOSE, 1001_u16.to_be_bytes()).await;
            peer.say(close(1001, ""));
            peer.end(End::Fin);
        });
    }
}

/// The second message waits for the function, and the connection with it: its client's end was
/// not noticed then.
#[test]
fn a_client_that_leaves_a_busy_function_is_noticed() {
    async fn busy(_: Receiver, _: Sender) {
        pending::<()>().await;
    }
    talk(WebSocket::from_fn(busy).timeouts(TIMEOUTS), async |peer, scope| {
        peer.say(frame(TEXT, "x").repeat(3));
        time::sleep(10 * MS).await;
        peer.end(End::Reset);
        scope.ended().await;
    });
}

/// A read that is being handled, and one that looks for the client's end: more is not read.
#[test]
fn reading_stops_while_a_handler_is_at_work() {
    const READS: usize = 2 * 16 * 1024;
    let (route, _ends) = slow();
    talk(route, async |peer, _| {
        peer.say(frame(TEXT, [100]));
        let flood = frame(TEXT, [1; 1000]).repeat(READS / 100);
        peer.say(&flood);
        time::sleep(10 * MS).await;
        assert!(peer.unread() + READS >= flood.len(), "{} unread", peer.unread());
        peer.end(End::Reset);
    });
}

/// It once held the connection's actor, descriptor and seat for good.
#[test]
fn an_on_close_that_never_returns_is_given_up() {
    struct Endless;

    impl Handler for Endless {
        async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}

        async fn on_close(&mut self, _: &Closed) {
            pending::<()>().await;
        }
    }

    let route = WebSocket::new(|| Endless).timeouts(TIMEOUTS);
    let (closed, ended) = talk(route, async |peer, _| {
        peer.say(close(1000, ""));
        assert_eq!(peer.frame().await.first, CLOSE);
        peer.end(End::Fin);
        time::now()
    });
    assert_eq!(ended.at - closed, TIMEOUTS.close);
    assert_eq!(ended.reason.to_string(), "failed: `on_close` did not return in time");
}
