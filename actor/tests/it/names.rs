use std::sync::mpsc;

use seawall_actor::{Context, Group, Mailbox, Name, Received, RegisterError, Signal};

use crate::{ROUNDS, idle, run, sink};

const A: Name<()> = Name::new("a");

#[test]
fn a_name_is_released_before_down_is_heard() {
    run(async |scope| {
        for _ in 0..ROUNDS {
            let watcher = scope.spawn(async |mut mailbox: Mailbox<()>, context: Context| {
                let registry = context.scope().registry();
                let (other, _) = context.scope().actor().spawn_monitor(&context, sink::<()>);
                let group = Group::new();
                registry.register(&A, &other).unwrap();
                assert!(group.join(&other));
                other.kill();
                let Some(Received::Signal(Signal::Down { .. })) = mailbox.next().await else {
                    panic!("a Down")
                };
                assert!(registry.find(&A).is_none());
                assert!(group.is_empty());
            });
            assert_eq!(watcher.monitor().exited().await.to_string(), "normal");
        }
    });
}

#[test]
fn a_name_is_released_before_an_exit_is_heard_or_seen() {
    run(async |scope| {
        for _ in 0..ROUNDS {
            let registry = scope.registry();
            let named = scope.spawn(sink::<()>);
            registry.register(&A, &named).unwrap();
            let other = named.clone();
            let linked = scope.spawn(async |mut mailbox: Mailbox<()>, context: Context| {
                context.trap_exit(true);
                context.link(&other);
                drop(other);
                let heard = mailbox.next().await;
                assert!(matches!(heard, Some(Received::Signal(Signal::Exit { .. }))));
                assert!(context.scope().registry().find(&A).is_none());
            });
            named.kill();
            named.monitor().exited().await;
            assert!(registry.find(&A).is_none());
            assert_eq!(linked.monitor().exited().await.to_string(), "normal");
        }
    });
}

#[test]
fn the_dead_get_no_name_and_join_no_group() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<()>, _: Context| {});
        address.monitor().exited().await;
        let registry = scope.registry();
        assert_eq!(registry.register(&A, &address), Err(RegisterError::Ended));
        assert!(registry.find(&A).is_none());
        assert!(!Group::new().join(&address));
    });
}

#[test]
fn one_text_names_one_actor_for_each_type_of_message() {
    run(async |scope| {
        let registry = scope.child().registry().clone(); // one for the whole runtime
        let (first, second) = (scope.spawn(sink::<()>), scope.spawn(sink));
        registry.register(&A, &first).unwrap();
        registry.register(&Name::<u8>::from("a".to_owned()), &second).unwrap();
        assert_eq!(registry.find(&A).unwrap().id(), first.id());
        assert_eq!(registry.find(&Name::<u8>::new("a")).unwrap().id(), second.id());
        assert!(registry.unregister(&A));
        assert!(!registry.unregister(&A));
        assert!(registry.find(&A).is_none());
    });
}

#[test]
fn a_name_keeps_a_mailbox_open_and_a_group_does_not() {
    run(async |scope| {
        let named = scope.spawn(sink::<()>);
        scope.registry().register(&A, &named).unwrap();
        let group = Group::new();
        let member = scope.spawn(sink::<()>);
        group.join(&member);
        let monitors = (named.monitor(), member.monitor());
        drop((named, member));
        monitors.1.exited().await;
        assert!(monitors.0.exit_reason().is_none());
        assert!(scope.registry().unregister(&A));
        monitors.0.exited().await;
    });
}

#[test]
fn a_broadcast_waits_for_nobody_and_counts_the_full() {
    run(async |scope| {
        let (report, heard) = mpsc::channel();
        let group = Group::new();
        let deaf =
            scope.actor().mailbox(1).spawn(|mailbox: Mailbox<u32>, context: Context| async move {
                let _mailbox = mailbox;
                context.stopping().await;
            });
        let listener = scope.spawn(|mut mailbox: Mailbox<u32>, _: Context| async move {
            while let Some(n) = mailbox.recv().await {
                report.send(n).unwrap();
            }
        });
        for member in [&deaf, &listener, &listener] {
            assert!(group.join(member));
        }
        assert_eq!(group.broadcast(&1).sent, 2);
        let second = group.broadcast(&2);
        assert_eq!((second.sent, second.full), (1, 1));
        assert!(group.leave(&listener));
        assert!(!group.leave(&listener));
        group.broadcast(&3);
        let monitor = listener.monitor();
        drop(listener);
        monitor.exited().await;
        assert!(heard.iter().eq([1, 2]));
    });
}

#[test]
fn a_group_forgets_who_leaves_and_is_forgotten_by_who_left() {
    run(async |scope| {
        let address = scope.spawn(idle);
        for _ in 0..ROUNDS {
            let group = Group::new();
            assert!(group.join(&address));
            assert!(group.leave(&address));
        }
        let groups: Vec<_> = (0..10).map(|_| Group::new()).collect();
        assert!(groups.iter().all(|group| group.join(&address)));
        address.kill();
        address.monitor().exited().await;
        assert!(groups.iter().all(Group::is_empty));
    });
}
