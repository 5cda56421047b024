use std::sync::mpsc;
use std::time::Duration;

use futures_lite::future;
use seawall_actor::{CallError, Context, Mailbox, Reply, Runtime};

use crate::{PATIENCE, run};

struct Ask(u32, Reply<u32>);

/// Takes calls and keeps them, unanswered, until it ends.
async fn hoarder(mut mailbox: Mailbox<Ask>, _: Context) {
    let mut kept = Vec::new();
    while let Some(call) = mailbox.recv().await {
        kept.push(call);
    }
}

#[test]
fn a_call_is_answered() {
    run(async |scope| {
        let double = scope.spawn(async |mut mailbox: Mailbox<Ask>, _: Context| {
            while let Some(Ask(n, reply)) = mailbox.recv().await {
                reply.send(n * 2).unwrap();
            }
        });
        for n in 0..100 {
            assert_eq!(double.ask(PATIENCE, |reply| Ask(n, reply)).await.unwrap(), n * 2);
        }
    });
}

#[test]
fn a_call_to_the_dead_fails_at_once_and_gives_the_message_back() {
    run(async |scope| {
        let address = scope.spawn(async |_: Mailbox<Ask>, _: Context| {});
        address.monitor().exited().await;
        let error = address.ask(Duration::MAX, |reply| Ask(7, reply)).await.unwrap_err();
        assert!(matches!(&error, CallError::Closed(Ask(7, _))), "{error:?}");
    });
}

#[test]
fn a_call_fails_at_once_when_the_actor_dies_with_it() {
    run(async |scope| {
        let address = scope.spawn(hoarder);
        let mut call = Box::pin(address.ask(Duration::MAX, |reply| Ask(7, reply)));
        assert!(future::poll_once(&mut call).await.is_none());
        address.kill();
        assert_eq!(call.await.unwrap_err().to_string(), CallError::<()>::Dropped.to_string());
    });
}

#[test]
fn a_call_fails_at_once_when_the_actor_dies_before_it_took_it() {
    run(async |scope| {
        let address = scope.spawn(|mailbox: Mailbox<Ask>, context: Context| async move {
            let _mailbox = mailbox;
            context.stopping().await;
        });
        let mut call = Box::pin(address.ask(Duration::MAX, |reply| Ask(7, reply)));
        assert!(future::poll_once(&mut call).await.is_none());
        address.stop();
        assert!(matches!(call.await, Err(CallError::Dropped)));
    });
}

#[test]
fn a_full_mailbox_gives_the_call_back_at_the_deadline() {
    run(async |scope| {
        let address =
            scope.actor().mailbox(1).spawn(|mailbox: Mailbox<Ask>, context: Context| async move {
                let _mailbox = mailbox;
                context.stopping().await;
            });
        let first = address.ask(Duration::ZERO, |reply| Ask(1, reply)).await;
        assert!(matches!(first, Err(CallError::Elapsed)));
        let second = address.ask(Duration::ZERO, |reply| Ask(2, reply)).await;
        assert!(matches!(second, Err(CallError::Full(Ask(2, _)))));
    });
}

#[test]
fn a_late_answer_goes_nowhere() {
    let (give, calls) = mpsc::channel();
    let runtime = Runtime::new().unwrap();
    let address = runtime.scope().spawn(|mut mailbox: Mailbox<Ask>, _: Context| async move {
        while let Some(Ask(_, reply)) = mailbox.recv().await {
            give.send(reply).unwrap();
        }
    });
    let late = runtime.block_on(address.ask(Duration::ZERO, |reply| Ask(7, reply)));
    assert!(matches!(late, Err(CallError::Elapsed)));
    let reply = calls.recv_timeout(PATIENCE).unwrap();
    assert!(reply.is_closed());
    assert_eq!(reply.send(14), Err(14));
}

#[test]
fn another_actor_may_answer() {
    run(async |scope| {
        let back = scope.spawn(async |mut mailbox: Mailbox<Ask>, _: Context| {
            while let Some(Ask(n, reply)) = mailbox.recv().await {
                reply.send(n + 1).unwrap();
            }
        });
        let front = scope.spawn(|mut mailbox: Mailbox<Ask>, _: Context| async move {
            if let Some(call) = mailbox.recv().await {
                back.send(call).await.unwrap();
            }
        });
        assert_eq!(front.ask(PATIENCE, |reply| Ask(1, reply)).await.unwrap(), 2);
    });
}
