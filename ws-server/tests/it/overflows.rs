use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use seawall_ws_server::{
    By, CloseCode, Limits, Message, Overflow, Sender, Stats, StatsReader, Timeouts,
};

use crate::client::{Client, TEXT, close};
use crate::{Fixture, PATIENCE, Told};

/// Octets of each message: few fill a queue, many the system's buffers.
const LEN: usize = 5000;

fn numbered(n: usize) -> String {
    format!("{n:<LEN$}")
}

fn number(client: &mut Client) -> usize {
    let frame = client.frame();
    assert_eq!((frame.first, frame.payload.len()), (TEXT, LEN));
    std::str::from_utf8(&frame.payload).unwrap().trim_end().parse().unwrap()
}

/// A server with room for ten messages.
fn serving(overflow: Overflow) -> (Fixture, StatsReader) {
    let mut stats = None;
    let fixture = Fixture::with(|route| {
        let timeouts = Timeouts { close: PATIENCE, write: PATIENCE, ..Timeouts::default() };
        let limits = Limits { queued: 10 * LEN + 100, ..Limits::default() };
        let route = route.limits(limits).timeouts(timeouts).overflow(overflow);
        stats = Some(route.stats());
        route
    });
    (fixture, stats.unwrap())
}

/// Sends numbered messages to a client that reads nothing, until `done`; gives how many.
fn fill(sender: &Sender, stats: &StatsReader, done: impl Fn(Stats) -> bool) -> usize {
    let begun = Instant::now();
    let mut sent = 0;
    while !done(stats.read()) {
        block_on(sender.send(&*numbered(sent))).unwrap();
        sent += 1;
        assert!(begun.elapsed() < PATIENCE, "never full: {:?}", stats.read());
    }
    sent
}

/// All that the handler is told of messages that were dropped, until there are so many.
fn told_dropped(fixture: &Fixture, expected: u64) -> bool {
    let mut dropped = 0;
    while dropped < expected {
        match fixture.told.recv_timeout(PATIENCE) {
            Ok(Told::Dropped(more)) => dropped += more,
            Ok(Told::Writable) => {}
            _ => return false,
        }
    }
    dropped == expected
}

#[test]
fn the_newest_are_dropped() {
    let (fixture, stats) = serving(Overflow::DropNewest);
    let (mut client, sender) = fixture.open();
    let sent = fill(&sender, &stats, |stats| stats.dropped_newest >= 10);
    let dropped = stats.read().dropped_newest;
    assert!(told_dropped(&fixture, dropped));
    let got: Vec<_> = (0..sent - dropped as usize).map(|_| number(&mut client)).collect();
    assert!(got.is_sorted());
    assert_eq!(got[..10], (0..10).collect::<Vec<_>>()[..], "what waited was kept");
    block_on(sender.send("there is room again")).unwrap();
    client.expect(TEXT, "there is room again");
}

#[test]
fn the_oldest_are_dropped() {
    let (fixture, stats) = serving(Overflow::DropOldest);
    let (mut client, sender) = fixture.open();
    let sent = fill(&sender, &stats, |stats| stats.dropped_oldest >= 10);
    let dropped = stats.read().dropped_oldest as usize;
    assert!(told_dropped(&fixture, dropped as u64));
    let got: Vec<_> = (0..sent - dropped).map(|_| number(&mut client)).collect();
    assert!(got.is_sorted());
    // What waited at the end are the newest, in a row.
    assert_eq!(got[got.len() - 10..], (sent - 10..sent).collect::<Vec<_>>()[..]);
    client.send(close(1000, "")).expect_close(1000);
}

#[test]
fn a_newer_message_takes_the_place_of_the_older() {
    let key = |message: Message<'_>| {
        let number: u64 = std::str::from_utf8(message.as_bytes()).ok()?.trim_end().parse().ok()?;
        Some(number % 3)
    };
    let (fixture, stats) = serving(Overflow::coalesce(key));
    let (mut client, sender) = fixture.open();
    let sent = fill(&sender, &stats, |stats| stats.coalesced >= 1000);
    let Stats { coalesced, dropped_oldest, .. } = stats.read();
    assert_eq!(dropped_oldest, 0, "three keys have room");
    let got: Vec<_> = (0..sent - coalesced as usize).map(|_| number(&mut client)).collect();
    let mut last = got[got.len() - 3..].to_vec();
    last.sort_unstable();
    assert_eq!(last, [sent - 3, sent - 2, sent - 1], "the newest of each");
    block_on(sender.send("no number")).unwrap();
    client.expect(TEXT, "no number");
}

#[test]
fn too_many_keys_drop_the_oldest() {
    let key = |message: Message<'_>| {
        std::str::from_utf8(message.as_bytes()).ok()?.trim_end().parse().ok()
    };
    let (fixture, stats) = serving(Overflow::coalesce(key));
    let (mut client, sender) = fixture.open();
    let sent = fill(&sender, &stats, |stats| stats.dropped_oldest >= 10);
    let dropped = stats.read().dropped_oldest as usize;
    let got: Vec<_> = (0..sent - dropped).map(|_| number(&mut client)).collect();
    assert_eq!(got.last(), Some(&(sent - 1)));
}

#[test]
fn a_client_that_is_too_slow_is_closed() {
    let (fixture, stats) = serving(Overflow::Close);
    let (mut client, sender) = fixture.open();
    let begun = Instant::now();
    let mut sent = 0;
    while block_on(sender.send(&*numbered(sent))).is_ok() {
        sent += 1;
        assert!(begun.elapsed() < PATIENCE, "never full");
    }
    assert!(sender.is_closed());
    assert_eq!(stats.read().closed_slow, 1);
    let mut got = 0;
    let reason = loop {
        let frame = client.frame();
        if frame.first != TEXT {
            assert_eq!(frame.payload[..2], 1013_u16.to_be_bytes(), "{frame:?}");
            break frame.payload[2..].to_vec();
        }
        got += 1;
    };
    assert_eq!(reason, b"too slow");
    assert!(got < sent, "what waited was dropped");
    client.send(close(1013, ""));
    assert!(client.is_closed());
    let closed = fixture.closed();
    assert_eq!((closed.code, closed.by), (Some(CloseCode::TRY_AGAIN_LATER), By::Server));
}

#[test]
fn nothing_is_lost_by_default_and_the_handler_hears_of_room() {
    let (fixture, stats) = serving(Overflow::Block);
    let (mut client, sender) = fixture.open();
    let mut sent = 0;
    while stats.read().blocked < 1000 {
        match sender.try_send(&*numbered(sent)) {
            Ok(()) => sent += 1,
            Err(_) => std::thread::yield_now(),
        }
    }
    for n in 0..sent {
        assert_eq!(number(&mut client), n);
    }
    assert!(matches!(fixture.told.recv_timeout(PATIENCE), Ok(Told::Writable)));
    let Stats { accepted, active, dropped_newest, dropped_oldest, .. } = stats.read();
    assert_eq!((accepted, active, dropped_newest, dropped_oldest), (1, 1, 0, 0));
}

/// A Ping that lay behind a megabyte of messages once counted as unanswered from the moment when
/// it was queued: who had just caught up was taken for dead.
#[test]
fn a_client_that_reads_slowly_is_not_taken_for_dead() {
    let short = Duration::from_millis(100);
    let fixture = Fixture::with(|route| {
        let timeouts = Timeouts { ping: short, pong: short, close: short, write: PATIENCE };
        route.timeouts(timeouts).limits(Limits { queued: 16 << 20, ..Limits::default() })
    });
    let (mut client, sender) = fixture.open();
    // Far more than the system's buffers take, so that it is blocked for longer than both.
    sender.try_send(&*vec![0_u8; 12 << 20]).unwrap();
    std::thread::sleep(3 * short); // the span itself is what is tested, not waited for
    assert_eq!(client.frame().payload.len(), 12 << 20);
    let ping = client.frame();
    assert_eq!((ping.first, ping.payload.len()), (crate::client::PING, 4));
}
