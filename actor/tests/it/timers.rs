//! In simulations, where hours cost nothing and times are exact; the first one on workers too.

use std::num::NonZero;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use seawall_actor::{Context, Mailbox, Runtime, time};

use crate::{PATIENCE, run, simulate};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_timer_fires_once_and_not_early() {
    run(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let start = time::now();
            let timer = mailbox.send_after(Duration::from_millis(20), 1);
            assert_eq!(mailbox.recv().await, Some(1));
            assert!(time::now() - start >= Duration::from_millis(20));
            assert!(!mailbox.cancel(timer), "it is spent");
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn timers_fire_in_the_order_of_their_times() {
    simulate(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u32>, _: Context| {
            let start = time::now();
            for hours in [3, 1, 2] {
                mailbox.send_after(HOUR * hours, hours);
            }
            for hours in 1..=3 {
                assert_eq!(mailbox.recv().await, Some(hours));
                assert_eq!(time::now() - start, HOUR * hours);
            }
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn a_cancelled_timer_is_not_heard_even_if_it_is_due() {
    simulate(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let stale = mailbox.send_after(HOUR, 1);
            mailbox.send_after(HOUR, 2);
            time::sleep(HOUR).await;
            assert!(mailbox.cancel(stale));
            assert_eq!(mailbox.recv().await, Some(2));
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn timers_die_with_their_actor() {
    run(async |scope| {
        let message = Arc::new(());
        let held = Arc::clone(&message);
        let address = scope.spawn(|mut mailbox: Mailbox<Arc<()>>, _: Context| async move {
            mailbox.send_after(HOUR, held);
            while mailbox.recv().await.is_some() {}
        });
        address.kill();
        address.monitor().exited().await;
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn a_timer_goes_past_a_full_mailbox() {
    run(async |scope| {
        let (ready, go) = async_channel::bounded::<()>(1);
        let address =
            scope.actor().mailbox(1).spawn(|mut mailbox: Mailbox<u8>, _: Context| async move {
                mailbox.send_after(Duration::ZERO, 1);
                go.recv().await.unwrap();
                assert_eq!(mailbox.recv().await, Some(1));
                assert_eq!(mailbox.recv().await, Some(2));
            });
        address.send(2).await.unwrap();
        ready.send(()).await.unwrap();
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn a_period_keeps_ticking_until_it_is_cancelled() {
    simulate(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u32>, _: Context| {
            let start = time::now();
            let mut n = 0;
            let timer = mailbox.send_every(HOUR, move || {
                n += 1;
                n
            });
            for n in 1..=5 {
                assert_eq!(mailbox.recv().await, Some(n));
                assert_eq!(time::now() - start, HOUR * n);
            }
            assert!(mailbox.cancel(timer));
            assert!(!mailbox.cancel(timer));
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn ticks_that_a_busy_actor_misses_are_not_made_up_for() {
    simulate(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let start = time::now();
            mailbox.send_every(HOUR, || 1);
            time::sleep(HOUR * 5).await;
            assert_eq!(mailbox.recv().await, Some(1));
            assert_eq!(time::now() - start, HOUR * 5);
            assert_eq!(mailbox.recv().await, Some(1));
            assert_eq!(time::now() - start, HOUR * 6);
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn a_deadline_that_moves_later_is_met_at_the_later_time() {
    simulate(async |_| {
        let start = time::now();
        let mut alarm = time::Alarm::new();
        alarm.set(Some(start + HOUR));
        let waited = time::timeout(HOUR / 2, std::future::poll_fn(|cx| alarm.poll(cx))).await;
        assert_eq!(waited, Err(time::Elapsed));
        alarm.set(Some(start + 2 * HOUR));
        std::future::poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(time::now() - start, 2 * HOUR);
    });
}

#[test]
fn an_actor_with_endless_messages_lets_others_run() {
    let runtime = Runtime::builder().workers(NonZero::new(1).unwrap()).build().unwrap();
    let (report, heard) = mpsc::channel();
    let chatty = runtime.scope().spawn(async |mut mailbox: Mailbox<()>, _: Context| {
        let own = mailbox.address().upgrade().unwrap();
        own.try_send(()).unwrap();
        while mailbox.recv().await.is_some() {
            own.try_send(()).unwrap(); // never waits: only its turn ends
        }
    });
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
        report.send(()).unwrap();
    });
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(()), "the only worker was free for a moment");
    chatty.stop();
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

/// Ticks went before messages, each time: an actor that takes as long as the period heard no more
/// of anything else.
#[test]
fn ticks_that_are_always_due_leave_room_for_messages() {
    simulate(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            mailbox.send_every(Duration::from_secs(1), || 0);
            let mut ticks = 0;
            while mailbox.recv().await == Some(0) {
                ticks += 1;
                assert!(ticks < 100, "nothing but ticks");
                time::sleep(Duration::from_secs(1)).await;
            }
        });
        time::sleep(Duration::from_secs(10)).await;
        address.send(1).await.unwrap();
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}
