//! Named by the rule. Each compares the whole story of starts (`+`) and ends (`-`), as the children
//! tell it: a start in the supervisor's own turn, an end as the last thing a child does.

use std::time::Duration;

use async_channel::{Receiver, Sender, unbounded};
use seawall_actor::sim::Simulation;
use seawall_actor::{
    Address, AutoShutdown, Child, Context, Event, ExitReason, Mailbox, Name, Reply, Restart,
    Runtime, Scope, Strategy, Supervisor, SupervisorMessage, time,
};

use crate::{PATIENCE, idle, run, simulate};

/// What a child is told to do.
enum Command {
    Panic,
    End(ExitReason),
}

/// Tells of its child's end, however that comes.
struct Teller(Sender<String>, &'static str);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.try_send(format!("-{}", self.1)).unwrap();
    }
}

struct Story {
    teller: Sender<String>,
    told: Receiver<String>,
}

impl Story {
    fn new() -> Self {
        let (teller, told) = unbounded();
        Self { teller, told }
    }

    fn child(&self, label: &'static str) -> Child {
        let teller = self.teller.clone();
        Child::named(name(label), label, move |mut mailbox: Mailbox<Command>, _: Context| {
            teller.try_send(format!("+{label}")).unwrap();
            let told = Teller(teller.clone(), label);
            async move {
                let _told = told;
                match mailbox.recv().await {
                    Some(Command::Panic) => panic!("{label} panics"),
                    Some(Command::End(reason)) => reason,
                    None => ExitReason::Normal,
                }
            }
        })
    }

    /// The next `n` events.
    async fn next(&self, n: usize) -> String {
        let mut events = Vec::new();
        for _ in 0..n {
            events.push(self.told.recv().await.unwrap());
        }
        events.join(" ")
    }

    /// Everything that has not been asked for yet.
    fn rest(&self) -> String {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect::<Vec<_>>().join(" ")
    }
}

fn name(label: &str) -> Name<Command> {
    Name::from(label.to_owned())
}

/// Tells the child of that name, and waits for its end.
async fn tell(scope: &Scope, label: &str, command: Command) {
    let child = scope.registry().find(&name(label)).unwrap();
    child.send(command).await.unwrap();
    child.monitor().exited().await;
}

fn start(scope: &Scope, supervisor: Supervisor) -> Address<SupervisorMessage> {
    let actor = scope.actor().label("supervisor");
    actor.spawn(|mailbox, context| supervisor.run(mailbox, context))
}

async fn stop(supervisor: &Address<SupervisorMessage>) -> String {
    supervisor.stop();
    supervisor.monitor().exited().await.to_string()
}

#[test]
fn children_start_in_order_and_stop_in_reverse() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        assert_eq!(story.next(3).await, "+a +b +c");
        assert_eq!(stop(&supervisor).await, "shutdown");
        assert_eq!(story.rest(), "-c -b -a");
    });
}

#[test]
fn a_shutdown_of_the_runtime_keeps_the_order() {
    let runtime = Runtime::new().unwrap();
    let story = Story::new();
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .child(story.child("a"))
        .child(story.child("b"))
        .child(story.child("c"));
    let supervisor = start(runtime.scope(), supervisor);
    assert_eq!(runtime.block_on(story.next(3)), "+a +b +c");
    assert!(runtime.shutdown(PATIENCE).is_empty());
    assert_eq!(story.rest(), "-c -b -a");
    assert!(supervisor.is_closed());
}

#[test]
fn one_for_one_restarts_the_one() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "b", Command::Panic).await;
        assert_eq!(story.next(2).await, "-b +b");
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-c -b -a");
    });
}

#[test]
fn one_for_all_restarts_all() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForAll)
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "b", Command::Panic).await;
        assert_eq!(story.next(6).await, "-b -c -a +a +b +c");
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-c -b -a");
    });
}

#[test]
fn rest_for_one_restarts_the_one_and_those_after_it() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::RestForOne)
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "b", Command::Panic).await;
        assert_eq!(story.next(4).await, "-b -c +b +c");
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-c -b -a");
    });
}

#[test]
fn permanent_is_restarted_whatever_the_reason() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(3, Duration::from_secs(60))
            .child(story.child("a"));
        let supervisor = start(scope, supervisor);
        story.next(1).await;
        for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::Killed] {
            tell(scope, "a", Command::End(reason)).await;
            assert_eq!(story.next(2).await, "-a +a");
        }
        stop(&supervisor).await;
    });
}

#[test]
fn transient_is_restarted_unless_it_ended_by_normal_or_shutdown() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(2, Duration::from_secs(60))
            .child(story.child("a").restart(Restart::Transient))
            .child(story.child("b").restart(Restart::Transient));
        let supervisor = start(scope, supervisor);
        story.next(2).await;
        tell(scope, "a", Command::Panic).await;
        assert_eq!(story.next(2).await, "-a +a");
        tell(scope, "a", Command::End(ExitReason::Killed)).await;
        assert_eq!(story.next(2).await, "-a +a");
        tell(scope, "a", Command::End(ExitReason::Normal)).await;
        tell(scope, "b", Command::End(ExitReason::Shutdown)).await;
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-a -b");
    });
}

#[test]
fn temporary_is_never_restarted_even_for_a_siblings_sake() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForAll)
            .child(story.child("a").restart(Restart::Temporary))
            .child(story.child("b").restart(Restart::Temporary))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "a", Command::Panic).await;
        assert_eq!(story.next(1).await, "-a");
        tell(scope, "c", Command::Panic).await;
        assert_eq!(story.next(3).await, "-c -b +c");
        let children = supervisor.ask(PATIENCE, SupervisorMessage::Children).await.unwrap();
        assert_eq!(children.len(), 1);
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-c");
    });
}

#[test]
fn more_restarts_than_the_intensity_end_the_children_then_the_supervisor_with_shutdown() {
    let (report, events) = unbounded();
    let hook = move |event: &Event<'_>| {
        let text = match event {
            Event::Crashed { label, .. } => format!("{label} crashed"),
            Event::Restarted { label, .. } => format!("{label} restarted"),
            Event::GaveUp { label, reason } => format!("{label} gave up: {reason}"),
            _ => return,
        };
        report.try_send(text).unwrap();
    };
    let test = async |scope: &Scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "b", Command::Panic).await;
        assert_eq!(story.next(2).await, "-b +b");
        tell(scope, "b", Command::Panic).await; // the second in five seconds
        let reason = supervisor.monitor().exited().await;
        assert!(matches!(reason, ExitReason::Shutdown));
        assert_eq!(story.rest(), "-b -c -a");
    };
    Simulation::new(7).on_event(hook).run(test).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert_eq!(
        events,
        ["b crashed", "b restarted", "b crashed", "supervisor gave up: panicked: b panics"]
    );
}

#[test]
fn a_child_that_does_not_stop_in_time_is_killed() {
    simulate(async |scope| {
        let story = Story::new();
        let teller = story.teller.clone();
        let deaf = Child::new("deaf", move |_: Mailbox<()>, _: Context| {
            let told = Teller(teller.clone(), "deaf");
            async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        });
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(story.child("a"))
            .child(deaf.stop_within(Duration::from_millis(5)));
        let supervisor = start(scope, supervisor);
        story.next(1).await;
        assert_eq!(stop(&supervisor).await, "shutdown");
        assert_eq!(story.rest(), "-deaf -a");
    });
}

#[test]
fn a_child_may_be_killed_at_once_or_waited_for_however_long_it_takes() {
    let day = Duration::from_secs(24 * 60 * 60);
    let child = |label| {
        Child::new(label, move |_: Mailbox<()>, context: Context| async move {
            context.stopping().await;
            time::sleep(day).await;
        })
    };
    for (within, lasts) in [(Duration::ZERO, Duration::ZERO), (Duration::MAX, day)] {
        simulate(async |scope| {
            let slow = child("slow").stop_within(within);
            let supervisor = start(scope, Supervisor::new(Strategy::OneForOne).child(slow));
            time::sleep(Duration::from_secs(1)).await; // it runs
            let before = time::now();
            assert_eq!(stop(&supervisor).await, "shutdown");
            assert_eq!(time::now() - before, lasts);
        });
    }
}

#[test]
fn a_killed_supervisor_takes_its_children_along() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne).child(story.child("a"));
        let supervisor = start(scope, supervisor);
        story.next(1).await;
        supervisor.kill();
        assert_eq!(story.next(1).await, "-a");
    });
}

#[test]
fn a_killed_supervisor_leaves_nobody_who_traps_exits() {
    run(async |scope| {
        let story = Story::new();
        let teller = story.teller.clone();
        let trapping = Child::new("trapping", move |mailbox: Mailbox<()>, context: Context| {
            let told = Teller(teller.clone(), "trapping");
            context.trap_exit(true);
            async move {
                let _told = told;
                idle(mailbox, context).await;
            }
        });
        let supervisor =
            Supervisor::new(Strategy::OneForOne).child(trapping).child(story.child("a"));
        let supervisor = start(scope, supervisor);
        assert_eq!(story.next(1).await, "+a");
        supervisor.kill();
        let mut ends = [story.next(1).await, story.next(1).await];
        ends.sort();
        assert_eq!(ends, ["-a", "-trapping"]);
    });
}

#[test]
fn supervisors_nest_and_a_failed_branch_is_restarted_whole() {
    run(async |scope| {
        let story = Story::new();
        let inner = {
            let story = Story { teller: story.teller.clone(), told: story.told.clone() };
            Child::new("inner", move |mailbox, context| {
                Supervisor::new(Strategy::OneForOne)
                    .intensity(0, Duration::from_secs(5))
                    .child(story.child("x"))
                    .child(story.child("y"))
                    .run(mailbox, context)
            })
        };
        let outer = Supervisor::new(Strategy::OneForOne).child(story.child("a")).child(inner);
        let outer = start(scope, outer);
        assert_eq!(story.next(3).await, "+a +x +y");
        tell(scope, "x", Command::Panic).await; // one too many for `inner`
        assert_eq!(story.next(4).await, "-x -y +x +y");
        assert_eq!(stop(&outer).await, "shutdown");
        assert_eq!(story.rest(), "-y -x -a");
    });
}

#[test]
fn the_product_of_the_intensities_up_the_tree_is_the_limit() {
    simulate(async |scope| {
        let story = Story::new();
        async fn crash() {
            panic!("as ever")
        }
        let teller = story.teller.clone();
        let crasher = move |_: Mailbox<()>, _: Context| {
            teller.try_send("+x".to_owned()).unwrap();
            crash()
        };
        // Both have the default: one restart in five seconds.
        let inner = Child::new("inner", move |mailbox, context| {
            let x = Child::new("x", crasher.clone());
            Supervisor::new(Strategy::OneForOne).child(x).run(mailbox, context)
        });
        let outer = start(scope, Supervisor::new(Strategy::OneForOne).child(inner));
        assert_eq!(outer.monitor().exited().await.to_string(), "shutdown");
        assert_eq!(story.rest(), "+x +x +x +x");
    });
}

#[test]
fn a_supervisor_ends_with_its_parent() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne).child(story.child("a"));
        let parent = scope.spawn(|mailbox: Mailbox<()>, context: Context| {
            let actor = context.scope().actor();
            actor.spawn_link(&context, |mailbox, context| supervisor.run(mailbox, context));
            idle(mailbox, context)
        });
        story.next(1).await;
        parent.kill();
        assert_eq!(story.next(1).await, "-a");
    });
}

#[test]
fn what_a_child_spawned_is_stopped_with_it_and_outlives_its_restarts() {
    run(async |scope| {
        let story = Story::new();
        let teller = story.teller.clone();
        let parent = Child::named(
            name("parent"),
            "parent",
            move |mut mailbox: Mailbox<Command>, context: Context| {
                let told = Teller(teller.clone(), "grandchild");
                context.scope().spawn(|mailbox: Mailbox<()>, context: Context| async move {
                    let _told = told;
                    idle(mailbox, context).await;
                });
                teller.try_send("+parent".to_owned()).unwrap();
                async move {
                    if mailbox.recv().await.is_some() {
                        panic!("boom");
                    }
                }
            },
        );
        let supervisor = start(scope, Supervisor::new(Strategy::OneForOne).child(parent));
        story.next(1).await;
        tell(scope, "parent", Command::Panic).await;
        assert_eq!(story.next(1).await, "+parent");
        assert_eq!(stop(&supervisor).await, "shutdown");
        assert_eq!(story.rest(), "-grandchild -grandchild");
    });
}

#[test]
fn a_name_that_is_taken_fails_the_start() {
    run(async |scope| {
        let story = Story::new();
        let other = scope.spawn(|mailbox: Mailbox<Command>, context: Context| async move {
            let _mailbox = mailbox;
            context.stopping().await;
        });
        scope.registry().register(&name("a"), &other).unwrap();
        let supervisor = start(scope, Supervisor::new(Strategy::OneForOne).child(story.child("a")));
        assert_eq!(supervisor.monitor().exited().await.to_string(), "shutdown");
    });
}

#[test]
fn children_come_and_go_at_run_time() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = start(scope, Supervisor::new(Strategy::OneForOne).child(story.child("a")));
        let start_b = |reply: Reply<_>| SupervisorMessage::Start(story.child("b"), reply);
        let b = supervisor.ask(PATIENCE, start_b).await.unwrap();
        assert_eq!(story.next(2).await, "+a +b");
        let children = supervisor.ask(PATIENCE, SupervisorMessage::Children).await.unwrap();
        assert_eq!(children.last().unwrap().id, Some(b));
        let stop_b = |reply| SupervisorMessage::Stop(b, reply);
        assert!(supervisor.ask(PATIENCE, stop_b).await.unwrap());
        assert_eq!(story.rest(), "-b");
        assert!(!supervisor.ask(PATIENCE, stop_b).await.unwrap());
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-a");
    });
}

#[test]
fn a_restart_waits_twice_as_long_each_time_until_the_child_has_run_for_the_longest_wait() {
    simulate(async |scope| {
        let start = time::now();
        let (report, starts) = unbounded();
        let worker = move |_: Mailbox<()>, _: Context| {
            report.try_send((time::now() - start).as_secs()).unwrap();
            async move {
                // Recovered after a while; before and after it breaks at once.
                if (time::now() - start).as_secs() == 23 {
                    time::sleep(Duration::from_secs(8)).await;
                }
                Err::<(), _>(std::io::Error::other("the database is away"))
            }
        };
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(7, Duration::from_secs(60))
            .backoff(Duration::from_secs(1), Duration::from_secs(8))
            .child(Child::new("worker", worker));
        assert_eq!(self::start(scope, supervisor).monitor().exited().await.to_string(), "shutdown");
        let starts: Vec<_> = std::iter::from_fn(|| starts.try_recv().ok()).collect();
        assert_eq!(starts, [0, 1, 3, 7, 15, 23, 32, 34]);
    });
}

#[test]
fn those_that_are_restarted_together_wait_together() {
    simulate(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::RestForOne)
            .backoff(Duration::from_secs(3), Duration::from_secs(3))
            .child(story.child("a"))
            .child(story.child("b"))
            .child(story.child("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        let before = time::now();
        tell(scope, "b", Command::Panic).await;
        assert_eq!(story.next(4).await, "-b -c +b +c");
        assert_eq!(time::now() - before, Duration::from_secs(3));
        stop(&supervisor).await;
        assert_eq!(story.rest(), "-c -b -a");
    });
}

#[test]
fn a_stop_does_not_wait_for_a_restart() {
    simulate(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .backoff(Duration::from_secs(3600), Duration::from_secs(3600))
            .child(story.child("a"));
        let supervisor = start(scope, supervisor);
        story.next(1).await;
        let before = time::now();
        tell(scope, "a", Command::Panic).await;
        assert_eq!(stop(&supervisor).await, "shutdown");
        assert_eq!((story.rest().as_str(), time::now()), ("-a", before));
    });
}

#[test]
fn the_default_intensity_forgives_one_restart_in_five_seconds() {
    simulate(async |scope| {
        let story = Story::new();
        let supervisor = start(scope, Supervisor::new(Strategy::OneForOne).child(story.child("a")));
        story.next(1).await;
        for _ in 0..10 {
            tell(scope, "a", Command::Panic).await;
            assert_eq!(story.next(2).await, "-a +a");
            time::sleep(Duration::from_millis(5001)).await;
        }
        tell(scope, "a", Command::Panic).await;
        assert_eq!(story.next(2).await, "-a +a");
        time::sleep(Duration::from_millis(4999)).await;
        tell(scope, "a", Command::Panic).await;
        assert_eq!(supervisor.monitor().exited().await.to_string(), "shutdown");
        assert_eq!(story.rest(), "-a");
    });
}

#[test]
fn any_significant_child_that_is_done_ends_the_supervisor_with_shutdown() {
    run(async |scope| {
        let story = Story::new();
        let significant = |label| story.child(label).restart(Restart::Transient).significant();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .auto_shutdown(AutoShutdown::AnySignificant)
            .child(story.child("a").restart(Restart::Temporary))
            .child(significant("b"))
            .child(significant("c"));
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "a", Command::Panic).await; // of no significance
        assert_eq!(story.next(1).await, "-a");
        tell(scope, "b", Command::Panic).await; // not done: it is started again
        assert_eq!(story.next(2).await, "-b +b");
        tell(scope, "b", Command::End(ExitReason::Normal)).await;
        assert_eq!(supervisor.monitor().exited().await.to_string(), "shutdown");
        assert_eq!(story.rest(), "-b -c");
    });
}

#[test]
fn all_significant_children_that_are_done_end_the_supervisor_with_shutdown() {
    run(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .auto_shutdown(AutoShutdown::AllSignificant)
            .child(story.child("a"))
            .child(story.child("b").restart(Restart::Transient).significant())
            .child(story.child("c").restart(Restart::Temporary).significant());
        let supervisor = start(scope, supervisor);
        story.next(3).await;
        tell(scope, "c", Command::Panic).await;
        assert_eq!(story.next(1).await, "-c");
        // The supervisor hears of the end after what the child held was dropped, which told.
        while supervisor.ask(PATIENCE, SupervisorMessage::Children).await.unwrap().len() > 2 {}
        assert!(!supervisor.is_closed(), "one of them is not all");
        tell(scope, "b", Command::End(ExitReason::Normal)).await;
        assert_eq!(supervisor.monitor().exited().await.to_string(), "shutdown");
        assert_eq!(story.rest(), "-b -a");
    });
}

/// With nobody to send to it, and its only child dead, nothing seemed left that it could hear of.
#[test]
fn a_supervisor_that_nobody_addresses_still_restarts_after_a_wait() {
    simulate(async |scope| {
        let story = Story::new();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(1, Duration::from_secs(60))
            .backoff(Duration::from_secs(3), Duration::from_secs(3))
            .child(story.child("a"));
        drop(start(scope, supervisor));
        assert_eq!(story.next(1).await, "+a");
        tell(scope, "a", Command::Panic).await;
        assert_eq!(story.next(2).await, "-a +a");
        tell(scope, "a", Command::Panic).await;
        assert_eq!(story.next(1).await, "-a");
        scope.ended().await;
    });
}
