use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall_actor::sim::{Simulation, Stuck};
use seawall_actor::{Address, Context, Mailbox, Reply, Scope, time};

use crate::{PATIENCE, ROUNDS, idle, sink};

/// The order in which four actors, each of which yields now and then, get their turns.
fn order(seed: u64) -> String {
    let told = Arc::new(Mutex::new(String::new()));
    let text = Arc::clone(&told);
    let done = Simulation::new(seed).run(async |scope| {
        let actors = ["a", "b", "c", "d"].map(|name| {
            let told = Arc::clone(&told);
            scope.spawn(move |_: Mailbox<()>, _: Context| async move {
                for _ in 0..4 {
                    told.lock().unwrap().push_str(name);
                    futures_lite::future::yield_now().await;
                }
            })
        });
        for actor in actors {
            actor.monitor().exited().await;
        }
    });
    done.unwrap();
    let text = text.lock().unwrap();
    text.clone()
}

#[test]
fn one_seed_gives_one_order_and_others_give_others() {
    let seeds = || 0..u64::from(ROUNDS);
    let orders: Vec<_> = seeds().map(order).collect();
    assert!(seeds().map(order).eq(orders.iter().cloned()));
    let mut distinct = orders.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() * 10 > orders.len() * 9, "{} of {ROUNDS}", distinct.len());
    assert!(orders.iter().all(|order| order.len() == 16));
}

#[test]
fn time_passes_only_when_nobody_can_run_and_then_exactly() {
    let day = Duration::from_secs(24 * 60 * 60);
    let done = Simulation::new(1).run(async |scope| {
        let start = time::now();
        let busy = scope.spawn(async |_: Mailbox<()>, _: Context| {
            for _ in 0..ROUNDS {
                futures_lite::future::yield_now().await;
            }
        });
        busy.monitor().exited().await;
        assert_eq!(time::now(), start);
        let early = time::timeout(day, time::sleep(Duration::from_secs(1))).await;
        assert_eq!((early, time::now() - start), (Ok(()), Duration::from_secs(1)));
        time::sleep(day).await;
        // The first timeout is forgotten: nothing happened when it would have been due.
        assert_eq!(time::now() - start, day + Duration::from_secs(1));
    });
    assert_eq!(done, Ok(()));
}

#[test]
fn a_deadlock_is_found_and_says_who_sleeps() {
    enum Message {
        Meet(Address<Message>),
        Hello(Reply<()>),
    }
    /// Calls another before it answers: two of these that call each other wait for ever.
    async fn polite(mut mailbox: Mailbox<Message>, _: Context) {
        while let Some(message) = mailbox.recv().await {
            match message {
                Message::Meet(other) => other.ask(Duration::MAX, Message::Hello).await.unwrap(),
                Message::Hello(reply) => reply.send(()).unwrap(),
            }
        }
    }
    for seed in 0..20 {
        let stuck = Simulation::new(seed).run(async |scope| {
            let [a, b] = ["a", "b"].map(|label| scope.actor().label(label).spawn(polite));
            a.send(Message::Meet(b.clone())).await.unwrap();
            b.send(Message::Meet(a.clone())).await.unwrap();
            scope.actor().label("bystander").spawn(async |_: Mailbox<()>, _: Context| {});
            a.monitor().exited().await;
        });
        match stuck {
            // One had answered before it called.
            Err(Stuck::Asleep(labels)) if labels.len() == 2 => assert_eq!(labels, ["a", "b"]),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}

#[test]
fn what_never_ends_is_given_up() {
    let stuck = Simulation::new(0).max_turns(1000).run(async |scope| {
        let ticker = scope.actor().label("ticker").spawn(async |mut mailbox: Mailbox<()>, _| {
            mailbox.send_every(Duration::from_secs(1), || ());
            while mailbox.recv().await.is_some() {}
        });
        ticker.monitor().exited().await;
    });
    assert_eq!(stuck, Err(Stuck::Endless(vec!["ticker".to_owned()])));
}

#[test]
fn nothing_is_left_of_a_simulation() {
    let held = Arc::new(());
    let spawn = |scope: &Scope| {
        for _ in 0..10 {
            let held = Arc::clone(&held);
            scope.spawn(move |mailbox: Mailbox<()>, context: Context| async move {
                let _held = held;
                let _ = time::timeout(PATIENCE, idle(mailbox, context)).await;
            });
        }
    };
    for seed in 0..10 {
        Simulation::new(seed).run(async |scope| spawn(scope)).unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
        let stuck = Simulation::new(seed).run(async |scope| {
            spawn(scope);
            scope.spawn(sink::<()>);
            std::future::pending::<()>().await;
        });
        assert!(stuck.is_err());
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

#[test]
fn a_test_that_panics_takes_its_simulation_along() {
    let held = Arc::new(());
    let caught = seawall_actor::catch(|| {
        Simulation::new(0).run(async |scope| {
            let held = Arc::clone(&held);
            scope.spawn(move |mailbox: Mailbox<()>, context: Context| async move {
                let _held = held;
                idle(mailbox, context).await;
            });
            panic!("red");
        })
    });
    assert_eq!(caught.unwrap_err().to_string(), "red");
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(time::now() <= std::time::Instant::now(), "the time is the machine's again");
}
