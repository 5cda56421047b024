use std::num::NonZero;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use seawall_actor::{Context, Mailbox, Runtime};

use crate::{PATIENCE, run};

#[test]
fn a_timer_fires_once_and_not_early() {
    run(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let start = Instant::now();
            let timer = mailbox.send_after(Duration::from_millis(20), 1);
            assert_eq!(mailbox.recv().await, Some(1));
            assert!(start.elapsed() >= Duration::from_millis(20));
            assert!(!mailbox.cancel(timer), "it is spent");
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn a_cancelled_timer_is_not_heard_even_if_it_is_due() {
    run(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let stale = mailbox.send_after(Duration::ZERO, 1);
            mailbox.send_after(Duration::from_millis(5), 2);
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
            mailbox.send_after(Duration::from_secs(3600), held);
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
    run(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let mut n = 0;
            let timer = mailbox.send_every(Duration::from_millis(1), move || {
                n += 1;
                n
            });
            for n in 1..=5 {
                assert_eq!(mailbox.recv().await, Some(n));
            }
            assert!(mailbox.cancel(timer));
        });
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
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
