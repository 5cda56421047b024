//! What the life of an actor costs. `cargo bench -p seawall-actor`.
//!
//! Every figure is for one: one actor spawned and ended, one message, one call, one restart. All of
//! the work is done by actors; the measuring thread only waits. Memory is `tests/memory.rs`.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use seawall_actor::{
    Address, Child, Context, Mailbox, Monitor, Name, Reply, Runtime, Strategy, Supervisor,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Takes `count` messages, then ends.
async fn take(mut mailbox: Mailbox<u64>, count: u64) {
    for _ in 0..count {
        mailbox.recv().await.expect("there is one more message");
    }
}

/// Measures `count` of something, from `start` until the actor that it returns has ended.
fn bench(
    c: &mut Criterion,
    name: &str,
    runtime: &Runtime,
    start: impl Fn(&Runtime, u64) -> Monitor,
) {
    c.bench_function(name, |b| {
        b.iter_custom(|count| {
            let before = Instant::now();
            let last = start(runtime, count);
            let reason = runtime.block_on(last.exited());
            let elapsed = before.elapsed();
            assert!(!reason.is_abnormal(), "{reason}");
            elapsed
        });
    });
}

fn lives(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    bench(c, "spawn and end", &runtime, |runtime, count| {
        let actor = runtime.scope().actor();
        let monitor = actor.spawn(move |_: Mailbox<()>, context: Context| async move {
            let scope = context.scope().child();
            for n in 0..count {
                scope.spawn(async |_: Mailbox<()>, _: Context| {});
                if n % 256 == 255 {
                    scope.ended().await; // else the list of tasks is what is measured
                }
            }
            scope.ended().await;
        });
        monitor.monitor()
    });

    bench(c, "kill and restart", &runtime, |runtime, count| {
        const NAME: Name<()> = Name::new("victim");
        let actor = runtime.scope().actor();
        let monitor = actor.spawn(move |_: Mailbox<()>, context: Context| async move {
            let (started, starts) = async_channel::unbounded();
            let victim = move |mut mailbox: Mailbox<()>, _: Context| {
                started.try_send(()).unwrap();
                async move { while mailbox.recv().await.is_some() {} }
            };
            let supervisor = Supervisor::new(Strategy::OneForOne)
                .intensity(usize::MAX, Duration::ZERO)
                .child(Child::named(NAME, "victim", victim));
            let supervisor =
                context.scope().spawn(|mailbox, context| supervisor.run(mailbox, context));
            for _ in 0..count {
                starts.recv().await.unwrap();
                let victim = context.scope().registry().find(&NAME).expect("it has started");
                victim.kill();
            }
            supervisor.stop();
            supervisor.monitor().exited().await;
        });
        monitor.monitor()
    });
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

fn messages(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    bench(c, "one-way message", &runtime, |runtime, count| {
        let taker = runtime.scope().spawn(move |mailbox, _| take(mailbox, count));
        let monitor = taker.monitor();
        runtime.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            for n in 0..count {
                taker.send(n).await.unwrap();
            }
        });
        monitor
    });

    bench(c, "message to oneself", &runtime, |runtime, count| {
        let address = runtime.scope().spawn(move |mut mailbox: Mailbox<u64>, _| async move {
            let own = mailbox.address().upgrade().expect("it is held outside");
            for n in 0..count {
                own.try_send(n).unwrap();
                assert_eq!(mailbox.recv().await, Some(n));
            }
        });
        let monitor = address.monitor();
        runtime.block_on(monitor.exited());
        monitor
    });

    bench(c, "64 senders to one", &runtime, |runtime, count| {
        let each = count.div_ceil(64);
        let taker = runtime.scope().spawn(move |mailbox, _| take(mailbox, each * 64));
        for _ in 0..64 {
            let taker = taker.clone();
            runtime.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
                for n in 0..each {
                    taker.send(n).await.unwrap();
                }
            });
        }
        taker.monitor()
    });

    bench(c, "ping-pong round trip", &runtime, |runtime, count| {
        let pong = runtime.scope().spawn(
            |mut mailbox: Mailbox<(u64, Address<u64>)>, _: Context| async move {
                while let Some((n, back)) = mailbox.recv().await {
                    back.send(n).await.unwrap();
                }
            },
        );
        let ping = runtime.scope().spawn(move |mut mailbox: Mailbox<u64>, _| async move {
            let own = mailbox.address().upgrade().expect("it is held outside");
            for n in 0..count {
                pong.send((n, own.clone())).await.unwrap();
                assert_eq!(mailbox.recv().await, Some(n));
            }
        });
        let monitor = ping.monitor();
        runtime.block_on(monitor.exited());
        monitor
    });

    bench(c, "ask round trip", &runtime, |runtime, count| {
        let server =
            runtime.scope().spawn(async |mut mailbox: Mailbox<(u64, Reply<u64>)>, _: Context| {
                while let Some((n, reply)) = mailbox.recv().await {
                    reply.send(n).unwrap();
                }
            });
        let caller = runtime.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            for n in 0..count {
                let answer = server.ask(PATIENCE, |reply| (n, reply)).await.unwrap();
                assert_eq!(answer, n);
            }
        });
        caller.monitor()
    });

    c.bench_function("try_send and try_recv", |b| {
        let (give, mailbox) = std::sync::mpsc::channel();
        let address =
            runtime.scope().spawn(move |mailbox: Mailbox<u64>, context: Context| async move {
                give.send(mailbox).unwrap();
                context.stopping().await;
            });
        let mut mailbox = mailbox.recv().unwrap();
        b.iter(|| {
            address.try_send(7).unwrap();
            mailbox.try_recv().unwrap()
        });
        address.stop();
    });

    assert!(runtime.shutdown(PATIENCE).is_empty());
}

criterion_group!(benches, lives, messages);
criterion_main!(benches);
