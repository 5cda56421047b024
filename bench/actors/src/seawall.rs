//! Ours.

use std::num::NonZero;
use std::time::Duration;

use seawall_actor::{
    Address, Child, Context, Mailbox, Monitor, Name, Reply, Runtime, Strategy, Supervisor,
};

use crate::{BATCH, GiveUp, Library, SENDERS, Starts, WORKERS};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Seawall(Runtime);

impl Seawall {
    pub fn new() -> Self {
        let workers = NonZero::new(WORKERS).unwrap();
        Self(Runtime::builder().workers(workers).build().unwrap())
    }

    fn until(&self, last: &Monitor) {
        let reason = self.0.block_on(last.exited());
        assert!(!reason.is_abnormal(), "{reason}");
    }
}

/// Takes `count` messages, then ends.
async fn take(mut mailbox: Mailbox<u64>, count: u64) {
    for _ in 0..count {
        mailbox.recv().await.expect("there is one more message");
    }
}

impl Library for Seawall {
    fn name(&self) -> &'static str {
        "seawall"
    }

    fn spawn_and_end(&self, n: u64) {
        let spawner = self.0.scope().spawn(move |_: Mailbox<()>, context: Context| async move {
            let scope = context.scope().child();
            let mut batch = Vec::with_capacity(BATCH as usize);
            for _ in 0..n {
                batch.push(scope.spawn(async |_: Mailbox<()>, _: Context| {}).monitor());
                if batch.len() == BATCH as usize {
                    for end in batch.drain(..) {
                        end.exited().await;
                    }
                }
            }
        });
        self.until(&spawner.monitor());
    }

    fn one_way(&self, n: u64) {
        let taker = self.0.scope().spawn(move |mailbox, _| take(mailbox, n));
        let monitor = taker.monitor();
        self.0.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            for n in 0..n {
                taker.send(n).await.unwrap();
            }
        });
        self.until(&monitor);
    }

    fn ask(&self, n: u64) {
        let server =
            self.0.scope().spawn(async |mut mailbox: Mailbox<(u64, Reply<u64>)>, _: Context| {
                while let Some((n, reply)) = mailbox.recv().await {
                    reply.send(n).unwrap();
                }
            });
        let caller = self.0.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            for n in 0..n {
                assert_eq!(server.ask(PATIENCE, |reply| (n, reply)).await.unwrap(), n);
            }
        });
        self.until(&caller.monitor());
    }

    fn ping_pong(&self, n: u64) {
        let pong =
            self.0.scope().spawn(async |mut mailbox: Mailbox<(u64, Address<u64>)>, _: Context| {
                while let Some((n, back)) = mailbox.recv().await {
                    back.send(n).await.unwrap();
                }
            });
        let ping = self.0.scope().spawn(move |mut mailbox: Mailbox<u64>, _| async move {
            let own = mailbox.address().upgrade().expect("it is held outside");
            for n in 0..n {
                pong.send((n, own.clone())).await.unwrap();
                assert_eq!(mailbox.recv().await, Some(n));
            }
        });
        self.until(&ping.monitor());
    }

    fn fan_in(&self, n: u64) {
        let each = n / SENDERS;
        let taker = self.0.scope().spawn(move |mailbox, _| take(mailbox, each * SENDERS));
        for _ in 0..SENDERS {
            let taker = taker.clone();
            self.0.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
                for n in 0..each {
                    taker.send(n).await.unwrap();
                }
            });
        }
        self.until(&taker.monitor());
    }

    fn restart(&self, n: u64) -> bool {
        const NAME: Name<()> = Name::new("victim");
        let driver = self.0.scope().spawn(move |_: Mailbox<()>, context: Context| async move {
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
            for _ in 0..n {
                starts.recv().await.unwrap();
                context.scope().registry().find(&NAME).expect("it has started").kill();
            }
            supervisor.stop();
            supervisor.monitor().exited().await;
        });
        self.until(&driver.monitor());
        true
    }

    fn idle(&self, n: usize) -> GiveUp<'_> {
        let (give, actors) = async_channel::bounded(1);
        self.0.scope().spawn(move |_: Mailbox<()>, context: Context| async move {
            let scope = context.scope().child();
            let starts = Starts::none();
            let addresses: Vec<_> = (0..n)
                .map(|_| {
                    scope.spawn(|mut mailbox: Mailbox<u64>, _: Context| async move {
                        Starts::one_more();
                        while mailbox.recv().await.is_some() {}
                    })
                })
                .collect();
            starts.are(n).await;
            give.send((scope, addresses)).await.unwrap();
        });
        let (scope, addresses) = actors.recv_blocking().unwrap();
        Box::new(move || {
            drop(addresses);
            self.0.block_on(scope.ended());
        })
    }
}
