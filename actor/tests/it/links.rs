//! Named by the rule, in the order of the reference manual: links, exit signals, monitors.

use std::sync::mpsc;

use seawall_actor::{
    Address, Context, ExitReason, Mailbox, Monitor, Received, Reference, Runtime, Scope, Signal,
};

use crate::{ROUNDS, idle, run, sink};

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

fn two(scope: &Scope) -> (Puppet, Puppet) {
    (Puppet::spawn(scope), Puppet::spawn(scope))
}

#[test]
fn an_exit_reason_travels_through_a_link() {
    run(async |scope| {
        let (a, b) = two(scope);
        a.links(&b.address).await;
        b.panics("boom").await;
        assert_eq!(a.ends().await, "panicked: boom");
    });
}

#[test]
fn a_link_is_bidirectional() {
    run(async |scope| {
        let (a, b) = two(scope);
        a.links(&b.address).await;
        a.panics("boom").await;
        assert_eq!(b.ends().await, "panicked: boom");
    });
}

#[test]
fn there_is_at_most_one_link_between_two() {
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
        a.traps().await;
        a.links(&a.address).await;
        a.has_heard_nothing().await;
    });
}

#[test]
fn a_link_to_the_dead_acts_at_once_with_noproc_however_that_ended() {
    run(async |scope| {
        let (a, b) = two(scope);
        b.address.stop();
        assert_eq!(b.ends().await, "shutdown");
        a.traps().await;
        a.links(&b.address).await;
        assert_eq!(a.hears().await, "exit: noproc");
        a.does(|context| context.trap_exit(false)).await;
        a.links(&b.address).await;
        assert_eq!(a.ends().await, "noproc");
    });
}

#[test]
fn normal_is_ignored_by_who_does_not_trap() {
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
        let own = a.address.clone();
        a.does(move |context| context.exit(&own, &ExitReason::Normal)).await;
        assert_eq!(a.ends().await, "normal");
    });
}

#[test]
fn an_exit_signal_ends_who_does_not_trap_with_its_reason() {
    run(async |scope| {
        let (a, b) = two(scope);
        let other = b.address.clone();
        a.does(move |context| context.exit(&other, &ExitReason::Shutdown)).await;
        assert_eq!(b.ends().await, "shutdown");
    });
}

#[test]
fn an_exit_signal_is_heard_by_who_traps() {
    run(async |scope| {
        let (a, b) = two(scope);
        b.traps().await;
        let other = b.address.clone();
        a.does(move |context| context.exit(&other, &ExitReason::Shutdown)).await;
        assert_eq!(b.hears().await, "exit: shutdown");
        b.has_heard_nothing().await; // and lives
    });
}

#[test]
fn exits_are_not_trapped_any_more_once_the_flag_is_off() {
    run(async |scope| {
        let (a, b) = two(scope);
        b.traps().await;
        b.does(|context| context.trap_exit(false)).await;
        b.links(&a.address).await;
        a.panics("boom").await;
        assert_eq!(b.ends().await, "panicked: boom");
    });
}

#[test]
fn the_first_exit_signal_gives_the_reason() {
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
        a.traps().await;
        a.address.kill();
        assert_eq!(a.ends().await, "killed");
    });
}

#[test]
fn a_kill_arrives_at_links_as_killed() {
    run(async |scope| {
        let (a, b) = two(scope);
        let c = Puppet::spawn(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
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
    run(async |scope| {
        let puppets: Vec<_> = (0..50).map(|_| Puppet::spawn(scope)).collect();
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
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
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let (a, b) = two(scope);
        let _reference = a.monitors(&b.address).await;
        a.panics("boom").await;
        b.has_heard_nothing().await;
    });
}

#[test]
fn each_monitor_counts_and_has_a_reference_of_its_own() {
    run(async |scope| {
        let (a, b) = two(scope);
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
fn a_monitor_of_the_dead_fires_at_once_with_noproc() {
    run(async |scope| {
        let (a, b) = two(scope);
        b.panics("boom").await;
        let _reference = a.monitors(&b.address).await;
        assert_eq!(a.hears().await, "down: noproc");
        assert_eq!(b.ends().await, "panicked: boom"); // which `Address::monitor` still knows
    });
}

#[test]
fn a_monitor_taken_away_is_not_heard_even_if_its_down_waits() {
    run(async |scope| {
        let (a, b) = two(scope);
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
    run(async |scope| {
        let a = Puppet::spawn(scope);
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
        // This one ends before `spawn_monitor` returns: a monitor set after that would say noproc.
        a.does(|context| {
            let actor = context.scope().actor();
            let early = |_: Mailbox<()>, _: Context| {
                if true {
                    panic!("early");
                }
                async {}
            };
            let _ = actor.spawn_monitor(context, early);
        })
        .await;
        assert_eq!(a.hears().await, "down: panicked: early");
    });
}

#[test]
fn signals_of_one_sender_keep_their_order() {
    run(async |scope| {
        let (a, b) = two(scope);
        a.traps().await;
        a.links(&b.address).await;
        let other = a.address.clone();
        b.address
            .send(Box::new(move |context| {
                for reason in [ExitReason::Normal, ExitReason::Killed, ExitReason::Shutdown] {
                    context.exit(&other, &reason);
                }
                panic!("last");
            }))
            .await
            .unwrap();
        for heard in ["normal", "killed", "shutdown", "panicked: last"] {
            assert_eq!(a.hears().await, format!("exit: {heard}"));
        }
    });
}

#[test]
fn a_down_may_overtake_the_last_messages_of_the_dead_but_takes_none_away() {
    run(async |scope| {
        let watcher = scope.spawn(async |mut mailbox: Mailbox<u8>, context: Context| {
            let own = mailbox.address().upgrade().unwrap();
            let scope = context.scope().child();
            scope.actor().spawn_monitor(&context, |_: Mailbox<()>, _: Context| async move {
                own.send(1).await.unwrap();
                own.send(2).await.unwrap();
            });
            scope.ended().await;
            let Some(Received::Signal(Signal::Down { .. })) = mailbox.next().await else {
                panic!("signals go first")
            };
            assert_eq!((mailbox.recv().await, mailbox.recv().await), (Some(1), Some(2)));
        });
        assert_eq!(watcher.monitor().exited().await.to_string(), "normal");
    });
}

#[test]
fn a_link_made_while_the_other_ends_acts_exactly_once() {
    run(async |scope| {
        let a = Puppet::spawn(scope);
        a.traps().await;
        for _ in 0..ROUNDS {
            let b = Puppet::spawn(scope);
            let other = b.address.clone();
            a.address.send(Box::new(move |context| context.link(&other))).await.unwrap();
            b.address.kill();
            let heard = a.hears().await;
            assert!(["exit: killed", "exit: noproc"].contains(&heard.as_str()), "{heard}");
            a.has_heard_nothing().await;
            assert!(a.does(Context::links).await.is_empty());
        }
    });
}

#[test]
fn nothing_is_heard_through_a_link_that_was_taken_away_before_the_end() {
    run(async |scope| {
        let a = Puppet::spawn(scope);
        for _ in 0..ROUNDS {
            let b = Puppet::spawn(scope);
            a.links(&b.address).await;
            let other = b.address.clone();
            // `a` traps no exits: an exit that came through would end it.
            a.does(move |context| {
                context.unlink(&other);
                other.kill();
            })
            .await;
            assert_eq!(b.ends().await, "killed");
        }
        a.has_heard_nothing().await;
    });
}

#[test]
fn signals_take_no_room_in_the_mailbox() {
    run(async |scope| {
        let (report, heard) = mpsc::channel();
        let (ready, go) = async_channel::bounded(1);
        let others: Vec<_> = (0..100).map(|_| scope.spawn(idle)).collect();
        let watched = others.clone();
        let address = scope.actor().mailbox(1).spawn(
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
    run(async |scope| {
        let other = scope.spawn(sink::<()>);
        let watched = other.clone();
        let monitor = scope
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

/// Nobody woke who had waited for this link alone: it slept until it was told to stop.
#[test]
fn who_waits_for_links_alone_is_done_when_the_last_has_ended_normally() {
    run(async |scope| {
        let (tell, told) = async_channel::bounded::<()>(1);
        let other = scope.spawn(async move |_: Mailbox<()>, _: Context| told.recv().await);
        let peer = other.clone();
        let waiter = scope.spawn(async move |mut mailbox: Mailbox<()>, context: Context| {
            context.link(&peer);
            drop(peer);
            assert!(mailbox.next().await.is_none());
        });
        let end = waiter.monitor();
        drop(waiter);
        tell.send(()).await.unwrap();
        assert_eq!(end.exited().await.to_string(), "normal");
    });
}

/// The same for what is undone by another who has its context.
#[test]
fn who_waits_for_a_monitor_alone_is_done_when_that_is_taken_back() {
    run(async |scope| {
        let watched = scope.spawn(idle);
        let other = watched.clone();
        let (give, context) = async_channel::bounded(1);
        let waiter = scope.spawn(async move |mut mailbox: Mailbox<()>, context: Context| {
            let reference = context.monitor(&other);
            context.link(&other);
            give.send((context, reference)).await.unwrap();
            assert!(mailbox.next().await.is_none());
        });
        let end = waiter.monitor();
        drop(waiter);
        let (context, reference) = context.recv().await.unwrap();
        futures_lite::future::yield_now().await;
        context.unlink(&watched);
        futures_lite::future::yield_now().await;
        context.demonitor(reference);
        assert_eq!(end.exited().await.to_string(), "normal");
    });
}
