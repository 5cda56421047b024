use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Wake};

use seawall_actor::{Context, Event, ExitReason, Mailbox, Received, Runtime, Signal, time};

use crate::{PATIENCE, run, sink};

fn divide(by: u32) -> u32 {
    1 / by
}

/// Panics in its destructor.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn a_function_that_returns_ends_normally() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<()>, _: Context| {});
        assert!(matches!(address.monitor().exited().await, ExitReason::Normal));
        assert!(address.is_closed());
    });
}

#[test]
fn an_error_is_a_failure() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<()>, _: Context| {
            Err::<(), _>(std::io::Error::other("worn out"))
        });
        assert_eq!(address.monitor().exited().await.to_string(), "failed: worn out");
    });
}

#[test]
fn every_kind_of_panic_stays_with_its_actor() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let heard = Arc::clone(&heard);
        move |event: &Event<'_>| {
            if let Event::Crashed { label, reason } = event {
                heard.lock().unwrap().push(format!("{label}: {reason}"));
            }
        }
    };
    let runtime = Runtime::builder().on_event(hook).build().unwrap();
    runtime.block_on(async {
        let scope = runtime.scope();
        let bystander = scope.spawn(sink::<u32>);
        let kinds = [
            scope
                .actor()
                .label("explicit")
                .spawn(async |_: Mailbox<()>, _: Context| -> () { panic!("boom") }),
            scope.actor().label("failed match").spawn(
                async |mut mailbox: Mailbox<()>, _: Context| {
                    mailbox.try_recv().expect("a message");
                },
            ),
            scope.actor().label("division").spawn(async |mailbox: Mailbox<()>, _: Context| {
                divide(u32::try_from(mailbox.len()).unwrap());
            }),
            scope.actor().label("index").spawn(async |mailbox: Mailbox<()>, _: Context| {
                let _ = [1, 2, 3][mailbox.len() + 3];
            }),
            scope.actor().label("second poll").spawn(async |_: Mailbox<()>, _: Context| -> () {
                futures_lite::future::yield_now().await;
                panic!("later");
            }),
            scope.actor().label("destructor").spawn(async |_: Mailbox<()>, _: Context| {
                let _grenade = Grenade;
                futures_lite::future::yield_now().await;
            }),
            scope.actor().label("before its future").spawn(|_: Mailbox<()>, _: Context| {
                if true {
                    panic!("early");
                }
                async {}
            }),
        ];
        for actor in &kinds {
            let reason = time::timeout(PATIENCE, actor.monitor().exited()).await.unwrap();
            assert!(matches!(reason, ExitReason::Panicked(_)), "{actor:?}: {reason}");
        }
        bystander.send(1).await.expect("the bystander lives");
    });
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    assert_eq!(heard.len(), 7);
    assert!(heard.contains(&"explicit: panicked: boom".to_owned()), "{heard:?}");
    assert!(heard.contains(&"destructor: panicked: in a destructor".to_owned()), "{heard:?}");
}

#[test]
fn a_kill_drops_the_future_where_it_stands() {
    run(async |scope| {
        let guard = Arc::new(());
        let held = Arc::clone(&guard);
        let address = scope.spawn(|_: Mailbox<()>, _: Context| async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        address.kill();
        assert!(matches!(address.monitor().exited().await, ExitReason::Killed));
        assert_eq!(Arc::strong_count(&guard), 1, "what the actor owned is gone with it");
    });
}

#[test]
fn a_destructor_that_panics_during_a_kill_is_reported() {
    run(async |scope| {
        let address = scope.spawn(|_: Mailbox<()>, _: Context| {
            let grenade = Grenade;
            async move {
                let _grenade = grenade;
                std::future::pending::<()>().await;
            }
        });
        address.kill();
        let reason = address.monitor().exited().await;
        assert_eq!(reason.to_string(), "panicked: in a destructor");
    });
}

#[test]
fn a_stop_goes_before_messages_and_past_a_full_mailbox() {
    run(async |scope| {
        let (report, seen) = std::sync::mpsc::channel();
        let (ready, go) = async_channel::bounded(1);
        let address = scope.actor().mailbox(1).spawn(
            |mut mailbox: Mailbox<u32>, context: Context| async move {
                go.recv().await.unwrap();
                context.stopping().await;
                report.send((mailbox.recv().await, mailbox.try_recv())).unwrap();
            },
        );
        address.send(7).await.unwrap();
        assert!(address.try_send(8).is_err(), "the mailbox is full");
        address.stop();
        ready.send(()).await.unwrap();
        assert!(matches!(address.monitor().exited().await, ExitReason::Shutdown));
        assert_eq!(seen.recv().unwrap(), (None, Some(7)));
    });
}

#[test]
fn a_monitor_of_the_dead_answers_at_once() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<()>, _: Context| {});
        let monitor = address.monitor();
        monitor.exited().await;
        assert!(monitor.exit_reason().is_some());
        assert!(matches!(monitor.exited().await, ExitReason::Normal));
    });
}

#[test]
fn a_future_that_waits_for_nothing_is_polled_when_its_actor_is_told_to_stop() {
    run(async |scope| {
        let (waits, waiting) = async_channel::unbounded();
        let address = scope.spawn(async move |_: Mailbox<()>, context: Context| {
            poll_fn(|_| {
                waits.try_send(()).unwrap();
                if context.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
        waiting.recv().await.unwrap();
        scope.stop();
        assert!(matches!(address.monitor().exited().await, ExitReason::Shutdown));
    });
}

#[test]
fn a_stop_or_a_kill_in_the_first_turn_is_not_missed() {
    run(async |scope| {
        for (kill, reason) in [(false, "shutdown"), (true, "killed")] {
            let own = scope.child();
            let address = own.spawn(async move |_: Mailbox<()>, context: Context| {
                let mut turns = 0;
                // Nothing else would wake it.
                poll_fn(|_| {
                    turns += 1;
                    match turns {
                        1 if kill => context.scope().kill(),
                        1 => context.scope().stop(),
                        _ if context.is_stopping() => return Poll::Ready(()),
                        _ => {}
                    }
                    Poll::Pending
                })
                .await;
            });
            assert_eq!(address.monitor().exited().await.to_string(), reason);
        }
    });
}

/// An error whose text is made by code that panics.
struct Unspeakable;

impl From<Unspeakable> for Box<dyn std::error::Error + Send + Sync> {
    fn from(_: Unspeakable) -> Self {
        panic!("without words")
    }
}

#[test]
fn a_panic_while_the_outcome_is_told_is_one_of_the_actor() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<()>, _: Context| Err(Unspeakable));
        assert_eq!(address.monitor().exited().await.to_string(), "panicked: without words");
    });
}

/// The second of them panicked while the first unwound, and Rust aborts a process for that.
#[test]
fn messages_left_behind_may_panic_each_by_itself() {
    run(async |scope| {
        let (go, gone) = async_channel::bounded::<()>(1);
        let address = scope.spawn(async move |mut mailbox: Mailbox<Grenade>, _: Context| {
            mailbox.send_after(PATIENCE, Grenade);
            mailbox.send_after(PATIENCE, Grenade);
            gone.recv().await.unwrap();
        });
        for _ in 0..3 {
            address.send(Grenade).await.unwrap_or_else(std::mem::forget);
        }
        go.send(()).await.unwrap();
        assert_eq!(address.monitor().exited().await.to_string(), "panicked: in a destructor");
    });
}

#[test]
fn messages_left_behind_by_a_panic_may_panic_too() {
    run(async |scope| {
        let (go, gone) = async_channel::bounded::<()>(1);
        let address = scope.spawn(async move |mut mailbox: Mailbox<Grenade>, _: Context| {
            mailbox.send_after(PATIENCE, Grenade);
            gone.recv().await.unwrap();
            if true {
                panic!("the first");
            }
        });
        address.send(Grenade).await.unwrap_or_else(std::mem::forget);
        go.send(()).await.unwrap();
        assert_eq!(address.monitor().exited().await.to_string(), "panicked: the first");
    });
}

/// Whoever was to hear after it did not, and the scope never saw the end.
#[test]
fn a_foreign_waker_that_panics_cuts_nobody_off_from_the_news() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let runtime = Runtime::new().unwrap();
    let scope = runtime.scope().child();
    let (go, gone) = async_channel::bounded::<()>(1);
    let address = scope.spawn(async move |_: Mailbox<()>, _: Context| gone.recv().await);
    let watcher = scope.spawn({
        let watched = address.clone();
        async move |mut mailbox: Mailbox<()>, context: Context| {
            let _monitor = context.monitor(&watched);
            drop(watched);
            assert!(matches!(mailbox.next().await, Some(Received::Signal(Signal::Down { .. }))));
        }
    });
    let monitor = address.monitor();
    let mut bombed = Box::pin(monitor.exited());
    let bomb = Arc::new(Bomb).into();
    assert!(bombed.as_mut().poll(&mut task::Context::from_waker(&bomb)).is_pending());
    let watching = runtime.block_on(async {
        go.send(()).await.unwrap();
        time::timeout(PATIENCE, watcher.monitor().exited()).await.unwrap()
    });
    std::mem::forget(bombed); // the waker's panic has poisoned the list that it is on
    assert_eq!(watching.to_string(), "normal");
    runtime.block_on(time::timeout(PATIENCE, scope.ended())).unwrap();
}
