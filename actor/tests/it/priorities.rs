//! Whose turn it is: three priorities, and no starvation.

use std::num::NonZero;
use std::sync::mpsc::channel;

use seawall_actor::{Child, Context, Mailbox, Priority, Restart, Runtime, Strategy, Supervisor};

use crate::PATIENCE;

fn one_worker() -> Runtime {
    let one = NonZero::new(1).unwrap();
    Runtime::builder().workers(one).stall_after(PATIENCE).build().unwrap()
}

/// Actors that are always ready to run, until they are told to stop.
fn flood(runtime: &Runtime, priority: Priority) {
    for _ in 0..10 {
        let actor = runtime.scope().actor().priority(priority);
        actor.spawn(async |_: Mailbox<()>, context: Context| {
            while !context.is_stopping() {
                futures_lite::future::yield_now().await;
            }
        });
    }
}

#[test]
fn high_goes_first() {
    let runtime = one_worker();
    let (go, gate) = channel::<()>();
    let (begun, begins) = channel();
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
        begun.send(()).unwrap();
        let _ = gate.recv(); // holds the only worker until all are ready
    });
    begins.recv_timeout(PATIENCE).unwrap();
    let (ran, order) = channel();
    let all = [Priority::Low, Priority::Normal, Priority::High].map(|priority| [priority; 20]);
    for priority in all.into_iter().flatten() {
        let ran = ran.clone();
        let actor = runtime.scope().actor().priority(priority);
        actor.spawn(move |_: Mailbox<()>, _: Context| async move { ran.send(priority).unwrap() });
    }
    drop((go, ran));
    let order: Vec<_> = order.iter().collect();
    let last = |priority| order.iter().rposition(|p| *p == priority).unwrap();
    // One turn in four is not for the highest, and one in 64 is for the lowest.
    assert!(last(Priority::High) < 30, "{order:?}");
    assert!(last(Priority::Normal) < 42, "{order:?}");
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn a_child_has_its_priority_from_the_start() {
    let runtime = one_worker();
    let (ran, order) = channel();
    let mut supervisor = Supervisor::new(Strategy::OneForOne);
    // Started in this order, in one turn of the only worker.
    let all = [Priority::Low, Priority::Normal, Priority::High].map(|priority| [priority; 20]);
    for priority in all.into_iter().flatten() {
        let ran = ran.clone();
        let child = Child::new("child", move |_: Mailbox<()>, _: Context| {
            let ran = ran.clone();
            async move { ran.send(priority).unwrap() }
        });
        supervisor = supervisor.child(child.restart(Restart::Temporary).priority(priority));
    }
    drop(ran);
    runtime.scope().spawn(|mailbox, context| supervisor.run(mailbox, context));
    let order: Vec<_> = order.iter().take(60).collect();
    let last = |priority| order.iter().rposition(|p| *p == priority).unwrap();
    // One turn in four is not for the highest, and one in 64 is for the lowest. The supervisor has
    // turns, too.
    assert!(last(Priority::High) < 40, "{order:?}");
    assert!(last(Priority::Normal) < 52, "{order:?}");
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn low_runs_under_a_flood_of_high_and_normal() {
    let runtime = one_worker();
    flood(&runtime, Priority::High);
    flood(&runtime, Priority::Normal);
    let (ran, runs) = channel();
    let actor = runtime.scope().actor().priority(Priority::Low);
    actor.spawn(move |_: Mailbox<()>, _: Context| async move {
        for turn in 0..10 {
            ran.send(turn).unwrap();
            futures_lite::future::yield_now().await;
        }
    });
    for turn in 0..10 {
        assert_eq!(runs.recv_timeout(PATIENCE), Ok(turn));
    }
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn normal_runs_under_a_flood_of_high_and_timers_do() {
    let runtime = one_worker();
    flood(&runtime, Priority::High);
    let (ran, runs) = channel();
    runtime.scope().spawn(|mut mailbox: Mailbox<u8>, _: Context| async move {
        mailbox.send_after(std::time::Duration::from_millis(2), 1);
        ran.send(mailbox.recv().await).unwrap();
    });
    assert_eq!(runs.recv_timeout(PATIENCE), Ok(Some(1)));
    assert!(runtime.shutdown(PATIENCE).is_empty());
}
