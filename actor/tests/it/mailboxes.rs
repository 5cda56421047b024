use seawall_actor::{Context, Mailbox, SendError, TrySendError};

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
