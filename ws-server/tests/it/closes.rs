use std::time::{Duration, Instant};

use seawall_ws_server::{By, CloseCode, Timeouts};

use crate::client::{CLOSE, PING, PONG, TEXT, close, frame};
use crate::{Fixture, PATIENCE};

/// Short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(50);

fn patient() -> Timeouts {
    Timeouts { ping: PATIENCE, pong: PATIENCE, close: PATIENCE, write: PATIENCE }
}

#[test]
fn a_close_of_the_client_is_answered_with_its_code() {
    let fixture = Fixture::new();
    for code in [1000, 1001, 1008, 1012, 3000, 4999] {
        let (mut client, _) = fixture.open();
        // Nothing behind a Close counts, be it right or wrong.
        client.send([close(code, "bye"), frame(PING, "x"), vec![0xFF; 20]].concat());
        assert_eq!(client.expect_close(code), "");
        assert!(client.is_closed(), "the server closes first");
        let closed = fixture.closed();
        assert_eq!(
            (closed.code, &*closed.reason, closed.by),
            (CloseCode::new(code), "bye", By::Client)
        );
    }
    let (mut client, _) = fixture.open();
    client.send(frame(CLOSE, "")).expect(CLOSE, "");
    assert!(client.is_closed());
    assert_eq!(fixture.closed().code, None);
}

#[test]
fn a_handler_that_panics_closes_with_1011_and_harms_no_other() {
    let fixture = Fixture::new();
    let (mut bystander, _) = fixture.open();
    let (mut client, sender) = fixture.open();
    client.send([frame(TEXT, "before"), frame(TEXT, "crash"), frame(TEXT, "after")].concat());
    client.expect(TEXT, "before").expect_close(1011);
    assert!(sender.is_closed());
    client.send(close(1011, ""));
    assert!(client.is_closed());
    let closed = fixture.closed();
    assert_eq!((closed.code, closed.by), (Some(CloseCode::INTERNAL_ERROR), By::Server));
    bystander.send(frame(TEXT, "alive")).expect(TEXT, "alive");
    while fixture.running.stats().crashes < 1 {
        std::thread::yield_now();
    }
    assert_eq!(fixture.running.stats().active, 1);
}

#[test]
fn a_handler_and_a_sender_can_close() {
    let fixture = Fixture::new();
    let (mut client, _) = fixture.open();
    client.send(frame(TEXT, "close"));
    assert_eq!(client.expect_close(4000), "done");
    // Until its Close the client may still talk; nobody listens, and its Pings are not answered.
    client.send(frame(TEXT, "late")).send(frame(PING, "late")).send(close(4000, ""));
    assert!(client.is_closed());
    assert_eq!(fixture.closed().by, By::Server);

    let (mut client, sender) = fixture.open();
    sender.try_send("last").unwrap();
    sender.close(CloseCode::NORMAL, "from elsewhere");
    assert!(sender.try_send("too late").is_err());
    assert_eq!(client.expect(TEXT, "last").expect_close(1000), "from elsewhere");
    client.send(close(1000, ""));
    assert!(client.is_closed());
    assert_eq!(fixture.closed().reason, "from elsewhere");
}

#[test]
fn a_client_that_vanishes_is_a_loss() {
    let fixture = Fixture::new();
    let (client, sender) = fixture.open();
    drop(client);
    let closed = fixture.closed();
    assert_eq!((closed.code, closed.by), (None, By::Loss));
    assert!(sender.is_closed());
    assert!(fixture.is_silent(), "told once");
}

#[test]
fn a_client_that_does_not_answer_a_close_is_dropped() {
    let fixture = Fixture::with(|route| route.timeouts(Timeouts { close: SHORT, ..patient() }));
    let (mut client, sender) = fixture.open();
    sender.close(CloseCode::NORMAL, "");
    client.expect_close(1000);
    assert!(client.is_closed());
    assert_eq!(fixture.closed().code, Some(CloseCode::NORMAL));
}

#[test]
fn a_shutdown_says_1001_to_everyone_at_once() {
    let fixture = Fixture::new();
    let mut clients: Vec<_> = (0..50).map(|_| fixture.open().0).collect();
    let running = fixture.running.clone();
    let aborted = std::thread::scope(|threads| {
        let shutdown = threads.spawn(|| fixture.runtime.block_on(running.shutdown(PATIENCE)));
        for client in &mut clients {
            client.expect_close(1001);
            client.send(close(1001, ""));
            assert!(client.is_closed());
        }
        drop(clients);
        shutdown.join().unwrap()
    });
    assert_eq!(aborted, 0);
    for _ in 0..50 {
        assert_eq!(fixture.closed().code, Some(CloseCode::GOING_AWAY));
    }
    assert!(fixture.is_silent());
}

#[test]
fn a_client_that_answers_pings_lives_and_one_that_does_not_is_gone() {
    let fixture = Fixture::with(|route| {
        route.timeouts(Timeouts { ping: SHORT, pong: Duration::from_secs(2), ..patient() })
    });
    let (mut client, _) = fixture.open();
    let mut payloads = Vec::new();
    for _ in 0..3 {
        let ping = client.frame();
        assert_eq!((ping.first, ping.payload.len()), (PING, 4));
        // A Pong with another payload does not count, one with this does.
        client.send(frame(PONG, "else")).send(frame(PONG, &ping.payload));
        payloads.push(ping.payload);
    }
    payloads.dedup();
    assert_eq!(payloads.len(), 3, "nobody can foresee them");

    let fixture =
        Fixture::with(|route| route.timeouts(Timeouts { ping: SHORT, pong: SHORT, ..patient() }));
    let (mut client, _) = fixture.open();
    assert_eq!(client.frame().first, PING);
    client.send(frame(PONG, "else"));
    assert_eq!(client.expect_close(1001), "pong timeout");
    assert!(client.is_closed());
    assert_eq!(fixture.closed().reason, "pong timeout");
    let begun = Instant::now();
    while fixture.running.stats().timeouts < 1 {
        assert!(begun.elapsed() < PATIENCE, "it counts among the timeouts");
        std::thread::yield_now();
    }
}
