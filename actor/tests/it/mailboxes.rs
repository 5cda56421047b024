use seawall_actor::{Context, Mailbox, Recipient, SendError, TrySendError, UrgentAddress};

use crate::{ROUNDS, run};

#[test]
fn one_senders_messages_keep_their_order() {
    run(async |scope| {
        let (report, seen) = std::sync::mpsc::channel();
        let address = scope.spawn(|mut mailbox: Mailbox<u32>, _: Context| async move {
            while let Some(n) = mailbox.recv().await {
                report.send(n).unwrap();
            }
        });
        let monitor = address.monitor();
        for n in 0..ROUNDS {
            address.send(n).await.unwrap();
        }
        drop(address); // nobody can send any more: `recv` gives None after the last message
        monitor.exited().await;
        assert!(seen.iter().eq(0..ROUNDS));
    });
}

#[test]
fn a_full_mailbox_gives_the_message_back() {
    run(async |scope| {
        let address = scope.actor().mailbox(2).spawn(
            |mailbox: Mailbox<String>, context: Context| async move {
                let _mailbox = mailbox;
                context.stopping().await;
            },
        );
        address.send("a".into()).await.unwrap();
        address.send("b".into()).await.unwrap();
        let refused = address.try_send("c".into()).unwrap_err();
        assert!(matches!(&refused, TrySendError::Full(text) if text == "c"));
    });
}

#[test]
fn the_dead_give_the_message_back() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<u32>, _: Context| {});
        address.monitor().exited().await;
        assert_eq!(address.send(5).await, Err(SendError(5)));
        assert_eq!(address.try_send(6), Err(TrySendError::Closed(6)));
    });
}

#[test]
fn a_waiting_sender_learns_that_the_actor_ended() {
    run(async |scope| {
        let address =
            scope.actor().mailbox(1).spawn(|mailbox: Mailbox<u32>, context: Context| async move {
                let _mailbox = mailbox;
                context.stopping().await;
            });
        address.send(1).await.unwrap();
        let mut waiting = Box::pin(address.send(2));
        assert!(futures_lite::future::poll_once(&mut waiting).await.is_none());
        address.stop();
        assert_eq!(waiting.await, Err(SendError(2)));
    });
}

enum Either {
    Number(u32),
    Text(&'static str),
}

impl From<u32> for Either {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<&'static str> for Either {
    fn from(text: &'static str) -> Self {
        Self::Text(text)
    }
}

#[test]
fn a_recipient_is_known_by_one_type_of_message_and_gives_it_back() {
    run(async |scope| {
        let (report, seen) = std::sync::mpsc::channel();
        let (go, gate) = async_channel::bounded::<()>(1);
        let address =
            scope.actor().mailbox(2).spawn(|mut mailbox: Mailbox<Either>, _: Context| async move {
                let _ = gate.recv().await;
                while let Some(message) = mailbox.recv().await {
                    report
                        .send(match message {
                            Either::Number(number) => number.to_string(),
                            Either::Text(text) => text.to_owned(),
                        })
                        .unwrap();
                }
            });
        let monitor = address.monitor();
        let (numbers, texts): (Recipient<u32>, Recipient<&str>) =
            (address.recipient(), address.recipient());
        assert_eq!((numbers.id(), texts.clone().id()), (address.id(), address.id()));
        drop(address); // they keep the mailbox open
        numbers.send(1).await.unwrap();
        texts.try_send("two").unwrap();
        assert!(matches!(numbers.try_send(3), Err(TrySendError::Full(3))));
        let mut waiting = Box::pin(numbers.send(3));
        assert!(futures_lite::future::poll_once(&mut waiting).await.is_none());
        drop(go);
        waiting.await.unwrap();
        let left = numbers.clone();
        drop(numbers);
        assert!(!texts.is_closed());
        drop((left, texts)); // nobody can send any more
        monitor.exited().await;
        assert_eq!(Vec::from_iter(seen), ["1", "two", "3"]);
    });
}

#[test]
fn the_dead_give_a_recipients_message_back_as_it_came() {
    run(async |scope| {
        let address = scope.spawn(|mut mailbox: Mailbox<Either>, context: Context| async move {
            mailbox.close();
            context.stopping().await;
        });
        let texts: Recipient<&str> = address.recipient();
        address.stop();
        address.monitor().exited().await;
        assert!(texts.is_closed());
        assert_eq!(texts.send("late").await, Err(SendError("late")));
    });
}

/// EEP 76: before ordinary messages, behind earlier urgent ones, and bounded like the others.
#[test]
fn urgent_messages_go_first_in_their_order() {
    run(async |scope| {
        let (give, urgent) = async_channel::bounded::<UrgentAddress<u8>>(1);
        let (go, gone) = async_channel::bounded::<()>(1);
        let receiver = async move |mut mailbox: Mailbox<u8>, _: Context| {
            give.send(mailbox.urgent()).await.unwrap();
            gone.recv().await.unwrap();
            for expected in [10, 11, 1, 2] {
                assert_eq!(mailbox.recv().await, Some(expected));
            }
            assert_eq!(mailbox.recv().await, None, "an urgent address keeps no mailbox open");
        };
        let address = scope.actor().mailbox(2).spawn(receiver);
        let urgent = urgent.recv().await.unwrap();
        for (ordinary, first) in [(1, 10), (2, 11)] {
            address.send(ordinary).await.unwrap();
            urgent.try_send(first).unwrap();
        }
        assert_eq!(urgent.try_send(12), Err(TrySendError::Full(12)));
        assert_eq!(address.len(), 4);
        let end = address.monitor();
        drop(address);
        go.send(()).await.unwrap();
        assert_eq!(end.exited().await.to_string(), "normal");
        assert_eq!(urgent.try_send(13), Err(TrySendError::Closed(13)));
    });
}

/// What comes in between is kept by the actor itself: it is a function with variables.
#[test]
fn an_actor_can_defer_what_it_cannot_take_yet() {
    run(async |scope| {
        let address = scope.spawn(async |mut mailbox: Mailbox<u8>, _: Context| {
            let mut deferred = Vec::new();
            while let Some(message) = mailbox.recv().await
                && message != 0
            {
                deferred.push(message);
            }
            assert_eq!(deferred, [3, 1, 2]);
        });
        for message in [3, 1, 2, 0] {
            address.send(message).await.unwrap();
        }
        assert_eq!(address.monitor().exited().await.to_string(), "normal");
    });
}
