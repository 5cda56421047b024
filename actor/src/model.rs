//! Models: what threads share is used in thousands of orders, which shuttle draws. A wait that
//! nobody ends is a deadlock, and fails the model.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test -p seawall-actor --lib --target-dir target/shuttle model`

use std::convert::identity;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use shuttle::future::block_on;
use shuttle::thread::{JoinHandle, spawn};

use crate::isolate::Steps;
use crate::life::{Core, erase};
use crate::queue::{Queue, Taken};
use crate::{ExitReason, Mailbox, Received, Signal, TrySendError, relations, reply};

/// How many orders of each model.
const ORDERS: usize = 1000;

/// Random orders, and orders with few changes of the thread at the points that matter.
fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(model, ORDERS);
    shuttle::check_pct(model, ORDERS, 3);
}

fn core(bound: usize) -> Arc<Core<Queue<u8>>> {
    Arc::new(Core::new("actor".into(), None, Queue::new(bound)))
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// What an actor has heard.
fn heard(core: &Core<Queue<u8>>) -> Vec<String> {
    let signals = std::iter::from_fn(|| relations::next_signal(core));
    let told = signals.map(|signal| match signal {
        Signal::Exit { reason, .. } => format!("exit: {reason}"),
        Signal::Down { reason, .. } => format!("down: {reason}"),
    });
    told.collect()
}

async fn take(queue: &Queue<u8>) -> Option<u8> {
    poll_fn(|cx| queue.poll_recv(cx.waker(), || false, |closed| !closed)).await.into_message()
}

impl Taken<u8> {
    fn into_message(self) -> Option<u8> {
        match self {
            Self::Message(message) => Some(message),
            Self::Interrupted | Self::Closed => None,
        }
    }
}

fn end(core: &Core, reason: &ExitReason) {
    let mut steps = Steps::default();
    relations::end(core, reason, None, &mut steps);
    steps.end();
}

#[test]
fn every_message_arrives_in_its_senders_order() {
    check(|| {
        let queue = Arc::new(Queue::new(1));
        let senders = [10, 20, 30].map(|first| {
            let queue = Arc::clone(&queue);
            spawn(move || {
                for message in [first, first + 1] {
                    block_on(queue.send(message, identity, None)).unwrap();
                }
            })
        });
        let mut got: Vec<_> = (0..6).map(|_| block_on(take(&queue)).unwrap()).collect();
        join(senders);
        got.sort_by_key(|message| message / 10); // stable: the order within a sender is kept
        assert_eq!(got, [10, 11, 20, 21, 30, 31]);
    });
}

#[test]
fn who_waits_for_room_hears_of_the_end() {
    check(|| {
        let queue = Arc::new(Queue::new(1));
        queue.try_send(1, identity).unwrap();
        let senders = [2, 3].map(|message| {
            let queue = Arc::clone(&queue);
            spawn(move || {
                let result = block_on(queue.send(message, identity, None));
                assert!(matches!(result, Err(TrySendError::Closed(back)) if back == message));
            })
        });
        queue.end();
        join(senders);
    });
}

#[test]
fn a_stop_is_heard_by_who_waits_for_messages() {
    check(|| {
        let core = core(1);
        let mut mailbox = Mailbox::new(Arc::clone(&core), 64);
        let actor = spawn(move || assert_eq!(block_on(mailbox.recv()), None));
        core.stop();
        join([actor]);
    });
}

#[test]
fn the_last_address_that_goes_closes_the_mailbox() {
    check(|| {
        let core = core(1);
        let first = crate::Address { core: Arc::clone(&core) };
        let second = first.clone();
        let mut mailbox = Mailbox::new(core, 64);
        let actor = spawn(move || assert_eq!(block_on(mailbox.recv()), None));
        join([spawn(move || drop(first)), spawn(move || drop(second)), actor]);
    });
}

#[test]
fn a_kill_finds_the_waker_or_is_found() {
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    check(|| {
        let core = core(1);
        let woken = Arc::new(Flag(AtomicBool::new(false)));
        let killed = Arc::clone(&core);
        let killer = spawn(move || killed.kill());
        let seen = core.remember(&Waker::from(Arc::clone(&woken)));
        join([killer]);
        assert!(seen || woken.0.load(Ordering::SeqCst));
    });
}

#[test]
fn who_awaits_an_end_or_a_stop_hears_of_it() {
    check(|| {
        let core = core(1);
        let (ended, stopped) = (Arc::clone(&core), Arc::clone(&core));
        let waiters = [
            spawn(move || assert_eq!(block_on(ended.exited()).to_string(), "killed")),
            spawn(move || block_on(stopped.stopping())),
        ];
        core.stop();
        end(&erase(&core), &ExitReason::Killed);
        join(waiters);
    });
}

#[test]
fn a_link_made_during_an_end_acts_exactly_once() {
    check(|| {
        let (a, b) = (core(1), core(1));
        a.state().relations().traps = true;
        let (own, other) = (erase(&a), erase(&b));
        let linker = spawn(move || relations::link(&own, &other));
        end(&erase(&b), &ExitReason::Shutdown);
        join([linker]);
        let heard = heard(&a);
        assert!(heard == ["exit: shutdown"] || heard == ["exit: noproc"], "{heard:?}");
        assert!(relations::links(&erase(&a)).is_empty());
    });
}

#[test]
fn two_can_link_each_other_at_once() {
    check(|| {
        let (a, b) = (core(1), core(1));
        let (own, other) = (erase(&a), erase(&b));
        let linker = spawn(move || relations::link(&other, &own));
        relations::link(&erase(&a), &erase(&b));
        join([linker]);
        end(&erase(&b), &ExitReason::Shutdown);
        assert!(a.is_killed());
        assert!(relations::links(&erase(&a)).is_empty());
    });
}

#[test]
fn two_that_are_linked_can_end_at_once() {
    check(|| {
        let (a, b) = (core(1), core(1));
        relations::link(&erase(&a), &erase(&b));
        let other = Arc::clone(&b);
        let ender = spawn(move || end(&erase(&other), &ExitReason::Shutdown));
        end(&erase(&a), &ExitReason::Shutdown);
        join([ender]);
        assert!(a.exit_reason().is_some() && b.exit_reason().is_some());
    });
}

#[test]
fn nothing_is_heard_of_an_end_after_unlinking() {
    check(|| {
        let (a, b) = (core(1), core(1));
        a.state().relations().traps = true;
        relations::link(&erase(&a), &erase(&b));
        let other = Arc::clone(&b);
        let ender = spawn(move || end(&erase(&other), &ExitReason::Shutdown));
        relations::unlink(&erase(&a), &erase(&b));
        let before = heard(&a).len();
        join([ender]);
        assert!(before <= 1);
        assert!(heard(&a).is_empty(), "an exit came through a link that was gone");
    });
}

#[test]
fn a_monitor_made_during_an_end_brings_exactly_one_down_to_who_waits_for_it() {
    check(|| {
        let (a, b) = (core(1), core(1));
        let reference = {
            let (own, other) = (erase(&a), erase(&b));
            spawn(move || {
                let _ = relations::monitor(&own, &other);
            })
        };
        let mut mailbox = Mailbox::new(Arc::clone(&a), 64);
        let ender = spawn(move || end(&erase(&b), &ExitReason::Shutdown));
        let actor = spawn(move || {
            let Some(Received::Signal(Signal::Down { .. })) = block_on(mailbox.next()) else {
                panic!("a Down")
            };
        });
        join([reference, ender, actor]);
        assert!(heard(&a).is_empty(), "a second one");
    });
}

#[test]
fn nothing_is_heard_of_an_end_after_the_monitor_is_taken_away() {
    check(|| {
        let (a, b) = (core(1), core(1));
        let reference = relations::monitor(&erase(&a), &erase(&b));
        let other = Arc::clone(&b);
        let ender = spawn(move || end(&erase(&other), &ExitReason::Shutdown));
        relations::demonitor(&erase(&a), reference);
        assert!(heard(&a).is_empty());
        join([ender]);
        assert!(heard(&a).is_empty());
    });
}

#[test]
fn a_caller_gets_the_answer_or_hears_that_there_is_none() {
    check(|| {
        let (reply, answer) = reply::slot();
        let answers = spawn(move || assert_eq!(reply.send(7), Ok(())));
        assert_eq!(block_on(answer.recv()), Some(7));
        join([answers]);

        let (reply, answer) = reply::slot::<u8>();
        let gives_up = spawn(move || drop(reply));
        assert_eq!(block_on(answer.recv()), None);
        join([gives_up]);
    });
}
