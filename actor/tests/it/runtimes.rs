use std::num::NonZero;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use seawall_actor::{Context, Mailbox, Runtime};

use crate::{PATIENCE, run, sink};

#[test]
fn a_scope_stops_what_is_below_it_and_nothing_else() {
    run(async |scope| {
        let (upper, other) = (scope.child(), scope.child());
        let lower = upper.child();
        let inside = [upper.spawn(sink::<()>), lower.spawn(sink::<()>)];
        let outside = other.spawn(sink::<()>);
        assert_eq!((scope.len(), upper.len(), lower.len()), (3, 2, 1));
        upper.stop();
        upper.ended().await;
        assert!(inside.iter().all(seawall_actor::Address::is_closed));
        assert!(!outside.is_closed());
        let late = lower.child().spawn(sink::<()>);
        late.monitor().exited().await; // born into a scope that stops: told at once
    });
}

#[test]
fn an_orderly_shutdown_leaves_nothing() {
    let runtime = Runtime::new().unwrap();
    let addresses: Vec<_> = (0..100).map(|_| runtime.scope().spawn(sink::<()>)).collect();
    assert!(runtime.shutdown(PATIENCE).is_empty());
    assert!(addresses.iter().all(seawall_actor::Address::is_closed));
}

#[test]
fn a_shutdown_names_what_it_had_to_kill() {
    let runtime = Runtime::new().unwrap();
    let (guard, dropped) = mpsc::channel::<()>();
    runtime.scope().actor().label("deaf").spawn(|_: Mailbox<()>, _: Context| async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    let leftover = runtime.shutdown(Duration::from_millis(20));
    assert_eq!(leftover.killed, ["deaf"]);
    let ended = dropped.recv_timeout(PATIENCE);
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_blocked_thread_does_not_hold_up_a_shutdown() {
    let runtime = Runtime::builder().workers(NonZero::new(1).unwrap()).build().unwrap();
    let (started, start) = mpsc::channel();
    let (release, blocked) = mpsc::channel::<()>();
    runtime.scope().actor().label("blocker").spawn(|_: Mailbox<()>, _: Context| async move {
        started.send(()).unwrap();
        let _ = blocked.recv(); // blocks the only worker until the test lets go
    });
    start.recv().unwrap();
    let before = Instant::now();
    let leftover = runtime.shutdown(Duration::from_millis(20));
    // Far below the patience of the test, which would be there for a shutdown that waits.
    assert!(before.elapsed() < PATIENCE / 4);
    assert_eq!(leftover.stuck, ["blocker"]);
    drop(release);
}

#[test]
fn dropping_a_runtime_drops_its_actors() {
    let runtime = Runtime::new().unwrap();
    let (guard, dropped) = mpsc::channel::<()>();
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    drop(runtime);
    let ended = dropped.recv_timeout(PATIENCE);
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
}

/// A worker on its way to rest was told to get up, went to sleep all the same, since another had
/// taken the task by then, and nobody else was woken from then on.
#[test]
fn tasks_that_another_thread_brings_in_bursts_are_all_run() {
    let runtime = Runtime::builder().workers(NonZero::new(2).unwrap()).build().unwrap();
    for _ in 0..5_000 {
        let (told, tell) = mpsc::channel();
        for _ in 0..20 {
            let told = told.clone();
            runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
                told.send(()).unwrap();
            });
        }
        for _ in 0..20 {
            tell.recv_timeout(PATIENCE).unwrap();
        }
    }
}
