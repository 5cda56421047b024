use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use seawall_ws_server::{Broadcast, Group, Groups, Limits, Message, Sender};

use crate::client::{BINARY, Client, TEXT, close};
use crate::{Fixture, PATIENCE};

fn join(fixture: &Fixture, group: &Group) -> (Client, Sender) {
    let (client, sender) = fixture.open();
    assert!(group.join(&sender));
    (client, sender)
}

/// Waits for what happens in the server's own time.
#[track_caller]
fn eventually(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "never");
        std::thread::yield_now();
    }
}

#[test]
fn a_broadcast_reaches_the_members_and_nobody_else() {
    let fixture = Fixture::new();
    let group = Group::new();
    let mut members: Vec<_> = (0..5).map(|_| join(&fixture, &group)).collect();
    assert!(group.join(&members[0].1), "a second time is the first");
    let (mut other, sender) = fixture.open();
    for len in [0, 125, 4095, 70_000] {
        let text = "x".repeat(len);
        assert_eq!(group.broadcast(&*text), Broadcast { sent: 5, missed: 0 });
        for (client, _) in &mut members {
            client.expect(TEXT, &text);
        }
    }
    assert_eq!(group.broadcast_except(&members[0].1, Message::Binary(b"but one")).sent, 4);
    for (client, _) in &mut members[1..] {
        client.expect(BINARY, "but one");
    }
    assert!(group.leave(&members[0].1) && !group.leave(&members[0].1));
    assert_eq!(group.broadcast("left").sent, 4);
    for sender in [&sender, &members[0].1] {
        sender.try_send("only this").unwrap();
    }
    other.expect(TEXT, "only this");
    members[0].0.expect(TEXT, "only this");
}

#[test]
fn members_leave_by_themselves_when_they_end() {
    let fixture = Fixture::new();
    let (group, rooms) = (Group::new(), Groups::new());
    let mut members: Vec<_> = (0..4).map(|_| join(&fixture, &group)).collect();
    for (_, sender) in &members {
        assert!(rooms.join(7, sender));
    }
    members[0].0.send(close(1000, "")).expect_close(1000);
    members[1].0.send(crate::client::frame(TEXT, "crash")).expect_close(1011);
    let lost = members.remove(2);
    drop(lost.0);
    eventually(|| group.len() == 2 && rooms.len(&7) == 2);
    assert!(!group.join(&lost.1), "it is over");
    fixture.runtime.block_on(fixture.running.shutdown(std::time::Duration::ZERO));
    eventually(|| group.is_empty() && rooms.names().is_empty());
    assert_eq!(group.broadcast("anyone?"), Broadcast::default());
}

#[test]
fn all_members_see_the_same_order() {
    const SENDERS: usize = 4;
    const EACH: usize = 200;
    let fixture = Fixture::new();
    let group = Group::new();
    let mut members: Vec<_> = (0..3).map(|_| join(&fixture, &group)).collect();
    std::thread::scope(|threads| {
        for sender in 0..SENDERS {
            let group = &group;
            threads.spawn(move || {
                for n in 0..EACH {
                    assert_eq!(group.broadcast(&*format!("{sender} {n}")).missed, 0);
                }
            });
        }
    });
    let mut seen = members
        .iter_mut()
        .map(|(client, _)| (0..SENDERS * EACH).map(|_| client.frame().payload).collect::<Vec<_>>());
    let first = seen.next().unwrap();
    assert!(seen.all(|other| other == first));
}

#[test]
fn one_slow_member_holds_up_nobody_and_misses_what_it_has_no_room_for() {
    // Room for three: what a client has read the server may not yet have counted as written.
    let limits = Limits { queued: 200_000, ..Limits::default() };
    let fixture = Fixture::with(|route| route.limits(limits));
    let group = Group::new();
    let (_slow, _) = join(&fixture, &group); // reads nothing
    let members: Vec<_> = (0..3).map(|_| join(&fixture, &group)).collect();
    let message = vec![7; 50_000];
    let got = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = members
        .into_iter()
        .map(|(mut client, _sender)| {
            let (got, message) = (Arc::clone(&got), message.clone());
            std::thread::spawn(move || {
                loop {
                    let frame = client.frame();
                    if frame.first == TEXT {
                        return;
                    }
                    assert!(frame.payload == message);
                    got.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let begun = Instant::now();
    let mut rounds = 0;
    let mut missed = 0;
    while missed < 10 {
        let broadcast = group.broadcast(&*message);
        assert!(broadcast.sent >= 3, "{broadcast:?}");
        missed += broadcast.missed;
        rounds += 3;
        // One at a time: what the three have no room for is not what is tested.
        eventually(|| got.load(Ordering::SeqCst) == rounds);
        assert!(begun.elapsed() < PATIENCE, "never full");
    }
    group.broadcast("end");
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn rooms_are_there_while_somebody_is_in_them() {
    let fixture = Fixture::new();
    let rooms: Groups<String> = Groups::new();
    let (mut client, sender) = fixture.open();
    for n in 0..1000 {
        assert!(rooms.join(n.to_string(), &sender));
        assert_eq!(rooms.broadcast(&*n.to_string(), "hello").sent, 1);
        assert!(rooms.leave(&*n.to_string(), &sender));
        client.expect(TEXT, "hello");
    }
    assert!(rooms.names().is_empty());
    rooms.join("lobby".into(), &sender);
    assert_eq!((rooms.names(), rooms.len("lobby")), (vec!["lobby".to_owned()], 1));
    assert_eq!(rooms.broadcast("cellar", "anyone?").sent, 0);
}
