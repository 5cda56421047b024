//! Plain tasks of `async-executor` with channels: what actors cost on top.

use std::sync::Arc;
use std::thread;

use async_channel::{Receiver, Sender, bounded};
use async_executor::{Executor, Task};
use futures_lite::future::block_on;

use crate::{BATCH, GiveUp, Library, SENDERS, Starts, WORKERS};

/// As an actor's mailbox.
const BOUND: usize = 64;

pub struct Tasks(Arc<Executor<'static>>);

impl Tasks {
    pub fn new() -> Self {
        let executor = Arc::new(Executor::new());
        for _ in 0..WORKERS {
            let executor = Arc::clone(&executor);
            // For the life of the process.
            thread::spawn(move || block_on(executor.run(std::future::pending::<()>())));
        }
        Self(executor)
    }

    fn taker(&self, n: u64) -> (Sender<u64>, Task<()>) {
        let (sender, receiver) = bounded(BOUND);
        let taker = async move {
            for _ in 0..n {
                receiver.recv().await.unwrap();
            }
        };
        (sender, self.0.spawn(taker))
    }
}

impl Library for Tasks {
    fn name(&self) -> &'static str {
        "plain tasks"
    }

    fn spawn_and_end(&self, n: u64) {
        let executor = Arc::clone(&self.0);
        block_on(self.0.spawn(async move {
            let mut batch = Vec::with_capacity(BATCH as usize);
            for _ in 0..n {
                batch.push(executor.spawn(async {}));
                if batch.len() == BATCH as usize {
                    for task in batch.drain(..) {
                        task.await;
                    }
                }
            }
        }));
    }

    fn one_way(&self, n: u64) {
        let (sender, taker) = self.taker(n);
        let send = async move {
            for n in 0..n {
                sender.send(n).await.unwrap();
            }
        };
        self.0.spawn(send).detach();
        block_on(taker);
    }

    fn ask(&self, n: u64) {
        let (ask, asked) = bounded::<(u64, Sender<u64>)>(BOUND);
        let server = async move {
            while let Ok((n, reply)) = asked.recv().await {
                reply.send(n).await.unwrap();
            }
        };
        self.0.spawn(server).detach();
        block_on(self.0.spawn(async move {
            for n in 0..n {
                let (reply, answer) = bounded(1);
                ask.send((n, reply)).await.unwrap();
                assert_eq!(answer.recv().await, Ok(n));
            }
        }));
    }

    fn ping_pong(&self, n: u64) {
        let (there, back): ((Sender<u64>, Receiver<u64>), _) = (bounded(BOUND), bounded(BOUND));
        let (pinged, pong) = (there.1, back.0);
        let echo = async move {
            while let Ok(n) = pinged.recv().await {
                pong.send(n).await.unwrap();
            }
        };
        self.0.spawn(echo).detach();
        let (ping, ponged) = (there.0, back.1);
        block_on(self.0.spawn(async move {
            for n in 0..n {
                ping.send(n).await.unwrap();
                assert_eq!(ponged.recv().await, Ok(n));
            }
        }));
    }

    fn fan_in(&self, n: u64) {
        let each = n / SENDERS;
        let (sender, taker) = self.taker(each * SENDERS);
        for _ in 0..SENDERS {
            let sender = sender.clone();
            let send = async move {
                for n in 0..each {
                    sender.send(n).await.unwrap();
                }
            };
            self.0.spawn(send).detach();
        }
        block_on(taker);
    }

    /// Nobody supervises a task.
    fn restart(&self, _: u64) -> bool {
        false
    }

    fn idle(&self, n: usize) -> GiveUp<'_> {
        let executor = Arc::clone(&self.0);
        let held = block_on(self.0.spawn(async move {
            let starts = Starts::none();
            let held: Vec<_> = (0..n)
                .map(|_| {
                    let (sender, receiver) = bounded::<u64>(BOUND);
                    let idle = async move {
                        Starts::one_more();
                        while receiver.recv().await.is_ok() {}
                    };
                    (sender, executor.spawn(idle))
                })
                .collect();
            starts.are(n).await;
            held
        }));
        Box::new(move || {
            for (sender, task) in held {
                drop(sender);
                block_on(task);
            }
        })
    }
}
