//! Named by the rule, in the order of the reference manual: links, exit signals, monitors.

use std::sync::mpsc;

use seawall_actor::{
    Address, Context, ExitReason, Mailbox, Monitor, Received, Reference, Runtime, Scope, Signal,
};

use crate::{idle, run, sink};

/// Orders to an actor, which it carries out as itself.
type Order = Box<dyn FnOnce(&Context) + Send>;

/// An actor that obeys, ends when an order says so by panicking, and reports what it hears.
struct Puppet {
    address: Address<Order>,
    heard: async_channel::Receiver<Signal>,
}

impl Puppet {
    fn spawn(scope: &Scope) -> Self {
        let (report, heard) = async_channel::unbounded();
        let address = scope.spawn(|mut mailbox: Mailbox<Order>, context: Context| async move {
            while let Some(received) = mailbox.next().await {
                match received {
                    Received::Message(order) => order(&context),
                    Received::Signal(signal) => report.send(signal).await.unwrap(),
                }
            }
        });
        Self { address, heard }
    }

    /// Has `order` carried out, and waits for what it gives.
    async fn does<T: Send + 'static>(
        &self,
        order: impl FnOnce(&Context) -> T + Send + 'static,
    ) -> T {
        let (report, result) = async_channel::bounded(1);
        let order = move |context: &Context| report.try_send(order(context)).unwrap();
        self.address.send(Box::new(order)).await.unwrap();
        result.recv().await.unwrap()
    }

    async fn links(&self, other: &Address<Order>) {
        let other = other.clone();
        self.does(move |context| context.link(&other)).await;
    }

    async fn traps(&self) {
        self.does(|context| context.trap_exit(true)).await;
    }

    async fn monitors(&self, other: &Address<Order>) -> Reference {
        let other = other.clone();
        self.does(move |context| context.monitor(&other)).await
    }

    async fn panics(&self, text: &'static str) {
        self.address.send(Box::new(move |_| panic!("{text}"))).await.unwrap();
        self.ends().await;
    }

    async fn ends(&self) -> String {
        self.address.monitor().exited().await.to_string()
    }

    /// The next signal, as text.
    async fn hears(&self) -> String {
        match self.heard.recv().await.unwrap() {
            Signal::Exit { reason, .. } => format!("exit: {reason}"),
            Signal::Down { reason, .. } => format!("down: {reason}"),
        }
    }

    /// All signals are heard before the next order: so this one is heard to be none.
    async fn has_heard_nothing(&self) {
        self.does(|_| ()).await;
        assert!(self.heard.is_empty());
    }
}

fn two(runtime: &Runtime) -> (Puppet, Puppet) {
    (Puppet::spawn(runtime.scope()), Puppet::spawn(runtime.scope()))
}

#[test]
fn an_exit_reason_travels_through_a_link() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        a.links(&b.address).await;
        b.panics("boom").await;
        assert_eq!(a.ends().await, "panicked: boom");
    });
}

#[test]
fn a_link_is_bidirectional() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        a.links(&b.address).await;
        a.panics("boom").await;
        assert_eq!(b.ends().await, "panicked: boom");
    });
}

#[test]
fn there_is_at_most_one_link_between_two() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        a.traps().await;
        a.links(&b.address).await;
        a.links(&b.address).await;
        b.links(&a.address).await;
        b.panics("boom").await;
        assert_eq!(a.hears().await, "exit: panicked: boom");
        a.has_heard_nothing().await;
    });
}

#[test]
fn unlinking_once_undoes_the_link_for_both() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        a.links(&b.address).await;
        b.links(&a.address).await;
        let other = b.address.clone();
        a.does(move |context| context.unlink(&other)).await;
        b.panics("boom").await;
        a.has_heard_nothing().await;
    });
}

#[test]
fn a_link_to_oneself_is_none() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        a.traps().await;
        a.links(&a.address).await;
        a.has_heard_nothing().await;
    });
}

#[test]
fn a_link_to_the_dead_acts_at_once() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        b.panics("boom").await;
        a.links(&b.address).await;
        assert_eq!(a.ends().await, "panicked: boom");
    });
}

#[test]
fn normal_is_ignored_by_who_does_not_trap() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        a.links(&b.address).await;
        let other = a.address.clone();
        b.does(move |context| context.exit(&other, &ExitReason::Normal)).await;
        b.does(|_| ()).await; // the signal is sent by now
        let linked = a.does(|context| {
            let actor = context.scope().actor();
            actor.spawn_link(context, async |_: Mailbox<()>, _: Context| {}).monitor()
        });
        assert_eq!(linked.await.exited().await.to_string(), "normal");
        a.has_heard_nothing().await; // and lives
    });
}

#[test]
fn normal_is_heard_by_who_traps() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        a.traps().await;
        a.does(|context| {
            let actor = context.scope().actor();
            actor.spawn_link(context, async |_: Mailbox<()>, _: Context| {});
        })
        .await;
        assert_eq!(a.hears().await, "exit: normal");
    });
}

#[test]
fn normal_from_oneself_is_not_ignored() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        let own = a.address.clone();
        a.does(move |context| context.exit(&own, &ExitReason::Normal)).await;
        assert_eq!(a.ends().await, "normal");
    });
}

#[test]
fn an_exit_signal_ends_who_does_not_trap_with_its_reason() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let other = b.address.clone();
        a.does(move |context| context.exit(&other, &ExitReason::Shutdown)).await;
        assert_eq!(b.ends().await, "shutdown");
    });
}

#[test]
fn an_exit_signal_is_heard_by_who_traps() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        b.traps().await;
        let other = b.address.clone();
        a.does(move |context| context.exit(&other, &ExitReason::Shutdown)).await;
        assert_eq!(b.hears().await, "exit: shutdown");
        b.has_heard_nothing().await; // and lives
    });
}

#[test]
fn exits_are_not_trapped_any_more_once_the_flag_is_off() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        b.traps().await;
        b.does(|context| context.trap_exit(false)).await;
        b.links(&a.address).await;
        a.panics("boom").await;
        assert_eq!(b.ends().await, "panicked: boom");
    });
}

#[test]
fn the_first_exit_signal_gives_the_reason() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let (other, monitor) = (b.address.clone(), b.address.monitor());
        // From within b's own turn, so that both come before it can end.
        b.address
            .send(Box::new(move |context| {
                context.exit(&other, &ExitReason::Shutdown);
                context.exit(&other, &ExitReason::Killed);
                other.kill();
            }))
            .await
            .unwrap();
        assert_eq!(monitor.exited().await.to_string(), "shutdown");
        drop(a);
    });
}

#[test]
fn a_kill_cannot_be_trapped() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        a.traps().await;
        a.address.kill();
        assert_eq!(a.ends().await, "killed");
    });
}

#[test]
fn a_kill_arrives_at_links_as_killed() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let c = Puppet::spawn(runtime.scope());
        a.links(&b.address).await;
        c.traps().await;
        c.links(&b.address).await;
        b.address.kill();
        assert_eq!(a.ends().await, "killed");
        assert_eq!(c.hears().await, "exit: killed");
        c.has_heard_nothing().await;
    });
}

#[test]
fn the_reason_killed_through_a_link_can_be_trapped_and_is_not_converted() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        a.traps().await;
        a.does(|context| {
            let actor = context.scope().actor();
            // Ends by itself with the reason; nobody killed it.
            actor.spawn_link(context, async |_: Mailbox<()>, _: Context| ExitReason::Killed);
        })
        .await;
        assert_eq!(a.hears().await, "exit: killed");
        a.has_heard_nothing().await;
    });
}

#[test]
fn an_exit_passes_through_a_chain_of_links() {
    run(async |runtime| {
        let puppets: Vec<_> = (0..50).map(|_| Puppet::spawn(runtime.scope())).collect();
        for pair in puppets.windows(2) {
            pair[0].links(&pair[1].address).await;
        }
        puppets[25].panics("boom").await;
        for puppet in &puppets {
            assert_eq!(puppet.ends().await, "panicked: boom");
        }
    });
}

#[test]
fn a_spawn_with_a_link_is_atomic() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        a.traps().await;
        // Ends before `spawn_link` returns.
        a.does(|context| {
            context.scope().actor().spawn_link(context, |_: Mailbox<()>, _: Context| {
                if true {
                    panic!("early");
                }
                async {}
            });
        })
        .await;
        assert_eq!(a.hears().await, "exit: panicked: early");
    });
}

#[test]
fn a_monitor_brings_one_down_and_harms_nobody() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let reference = a.monitors(&b.address).await;
        b.panics("boom").await;
        let Signal::Down { reference: heard, from, reason } = a.heard.recv().await.unwrap() else {
            panic!("a Down")
        };
        assert_eq!((heard, from), (reference, b.address.id()));
        assert_eq!(reason.to_string(), "panicked: boom");
        a.has_heard_nothing().await;
    });
}

#[test]
fn a_monitor_is_one_way() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let _reference = a.monitors(&b.address).await;
        a.panics("boom").await;
        b.has_heard_nothing().await;
    });
}

#[test]
fn each_monitor_counts_and_has_a_reference_of_its_own() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let mut set = vec![a.monitors(&b.address).await, a.monitors(&b.address).await];
        b.panics("boom").await;
        let mut heard = Vec::new();
        for _ in 0..2 {
            let Signal::Down { reference, .. } = a.heard.recv().await.unwrap() else {
                panic!("a Down")
            };
            heard.push(reference);
        }
        set.sort();
        heard.sort();
        assert_eq!(set, heard);
        assert_ne!(set[0], set[1]);
    });
}

#[test]
fn a_monitor_of_the_dead_fires_at_once() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        b.panics("boom").await;
        let _reference = a.monitors(&b.address).await;
        assert_eq!(a.hears().await, "down: panicked: boom");
    });
}

#[test]
fn a_monitor_taken_away_is_not_heard_even_if_its_down_waits() {
    run(async |runtime| {
        let (a, b) = two(runtime);
        let reference = a.monitors(&b.address).await;
        a.does(move |context| context.demonitor(reference)).await;
        b.panics("boom").await;
        let other = b.address.clone();
        a.does(move |context| {
            let reference = context.monitor(&other); // of the dead: its Down waits already
            context.demonitor(reference);
        })
        .await;
        a.has_heard_nothing().await;
    });
}

#[test]
fn a_spawn_with_a_monitor_is_atomic() {
    run(async |runtime| {
        let a = Puppet::spawn(runtime.scope());
        let reference = a
            .does(|context| {
                let actor = context.scope().actor();
                actor.spawn_monitor(context, async |_: Mailbox<()>, _: Context| {}).1
            })
            .await;
        let Signal::Down { reference: heard, reason, .. } = a.heard.recv().await.unwrap() else {
            panic!("a Down")
        };
        assert_eq!(heard, reference);
        assert_eq!(reason.to_string(), "normal");
    });
}

#[test]
fn signals_take_no_room_in_the_mailbox() {
    run(async |runtime| {
        let (report, heard) = mpsc::channel();
        let (ready, go) = async_channel::bounded(1);
        let others: Vec<_> = (0..100).map(|_| runtime.scope().spawn(idle)).collect();
        let watched = others.clone();
        let address = runtime.scope().actor().mailbox(1).spawn(
            |mut mailbox: Mailbox<u32>, context: Context| async move {
                for other in &watched {
                    let _reference = context.monitor(other);
                }
                go.recv().await.unwrap();
                while let Some(received) = mailbox.next().await {
                    report.send(matches!(received, Received::Signal(_))).unwrap();
                }
            },
        );
        address.send(1).await.unwrap();
        ready.send(()).await.unwrap(); // taken once all are monitored
        for other in &others {
            other.stop();
            other.monitor().exited().await;
        }
        let monitor = address.monitor();
        drop(address);
        monitor.exited().await;
        assert_eq!(heard.iter().filter(|signal| *signal).count(), 100);
    });
}

#[test]
fn an_actor_taken_along_by_a_link_is_not_reported_as_a_crash() {
    let (report, heard) = mpsc::channel();
    let hook = move |event: &seawall_actor::Event<'_>| {
        if let seawall_actor::Event::Crashed { label, .. } = event {
            report.send((*label).to_owned()).unwrap();
        }
    };
    let runtime = Runtime::builder().on_event(hook).build().unwrap();
    let taken: Monitor = runtime.block_on(async {
        let taken = runtime.scope().actor().label("taken along").spawn(
            async |_: Mailbox<()>, context: Context| {
                let actor = context.scope().actor().label("culprit");
                actor.spawn_link(&context, async |_: Mailbox<()>, _: Context| -> () {
                    panic!("boom")
                });
                std::future::pending::<()>().await;
            },
        );
        taken.monitor().exited().await;
        taken.monitor()
    });
    assert_eq!(taken.exit_reason().unwrap().to_string(), "panicked: boom");
    drop(runtime);
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["culprit"]);
}

#[test]
fn an_actor_with_no_address_lives_on_while_a_monitor_may_fire() {
    run(async |runtime| {
        let other = runtime.scope().spawn(sink::<()>);
        let watched = other.clone();
        let monitor = runtime
            .scope()
            .spawn(|mut mailbox: Mailbox<()>, context: Context| async move {
                let _reference = context.monitor(&watched);
                drop(watched);
                assert!(matches!(mailbox.next().await, Some(Received::Signal(_))));
                assert!(mailbox.next().await.is_none());
            })
            .monitor();
        other.stop();
        assert_eq!(monitor.exited().await.to_string(), "normal");
    });
}
