//! kameo, on tokio.

use std::time::Duration;

use async_channel::{Sender, bounded, unbounded};
use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::message::{Context, Message};
use kameo::supervision::RestartPolicy;
use tokio::runtime::{Builder, Runtime};

use crate::{BATCH, GiveUp, Library, SENDERS, WORKERS};

pub struct Kameo(Runtime);

impl Kameo {
    pub fn new() -> Self {
        Self(Builder::new_multi_thread().worker_threads(WORKERS).enable_time().build().unwrap())
    }

    /// On a worker, as what the others do.
    fn until(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.block_on(async { tokio::spawn(work).await.unwrap() });
    }
}

/// Ends as soon as it has started.
struct Mayfly;

impl Actor for Mayfly {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), myself: ActorRef<Self>) -> Result<Self, Infallible> {
        myself.kill();
        Ok(Self)
    }
}

/// Takes so many messages, then ends.
#[derive(Actor)]
struct Taker(u64);

impl Message<u64> for Taker {
    type Reply = ();

    async fn handle(&mut self, _: u64, context: &mut Context<Self, ()>) {
        self.0 -= 1;
        if self.0 == 0 {
            context.stop();
        }
    }
}

#[derive(Actor)]
struct Server;

impl Message<u64> for Server {
    type Reply = u64;

    async fn handle(&mut self, n: u64, _: &mut Context<Self, u64>) -> u64 {
        n
    }
}

#[derive(Actor)]
struct Pong;

struct Ball(u64, ActorRef<Ping>);

impl Message<Ball> for Pong {
    type Reply = ();

    async fn handle(&mut self, Ball(n, back): Ball, _: &mut Context<Self, ()>) {
        back.tell(n).await.unwrap();
    }
}

#[derive(Actor)]
struct Ping(ActorRef<Pong>, u64);

impl Message<u64> for Ping {
    type Reply = ();

    async fn handle(&mut self, n: u64, context: &mut Context<Self, ()>) {
        if n == self.1 {
            context.stop();
        } else {
            let myself = context.actor_ref().clone();
            self.0.tell(Ball(n + 1, myself)).await.unwrap();
        }
    }
}

#[derive(Actor)]
struct Supervisor;

/// Tells of its start, and waits.
struct Victim;

impl Actor for Victim {
    type Args = Sender<ActorRef<Self>>;
    type Error = Infallible;

    async fn on_start(told: Self::Args, myself: ActorRef<Self>) -> Result<Self, Infallible> {
        told.try_send(myself).unwrap();
        Ok(Self)
    }
}

impl Library for Kameo {
    fn name(&self) -> &'static str {
        "kameo"
    }

    fn spawn_and_end(&self, n: u64) {
        self.until(async move {
            let mut batch = Vec::with_capacity(BATCH as usize);
            for _ in 0..n {
                batch.push(Mayfly::spawn(()));
                if batch.len() == BATCH as usize {
                    for actor in batch.drain(..) {
                        actor.wait_for_shutdown().await;
                    }
                }
            }
        });
    }

    fn one_way(&self, n: u64) {
        self.until(async move {
            let taker = Taker::spawn(Taker(n));
            for n in 0..n {
                taker.tell(n).await.unwrap();
            }
            taker.wait_for_shutdown().await;
        });
    }

    fn ask(&self, n: u64) {
        self.until(async move {
            let server = Server::spawn(Server);
            for n in 0..n {
                assert_eq!(server.ask(n).await.unwrap(), n);
            }
        });
    }

    fn ping_pong(&self, n: u64) {
        self.until(async move {
            let pong = Pong::spawn(Pong);
            let ping = Ping::spawn(Ping(pong.clone(), n));
            ping.tell(0).await.unwrap();
            ping.wait_for_shutdown().await;
        });
    }

    fn fan_in(&self, n: u64) {
        let each = n / SENDERS;
        self.until(async move {
            let taker = Taker::spawn(Taker(each * SENDERS));
            for _ in 0..SENDERS {
                let taker = taker.clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        taker.tell(n).await.unwrap();
                    }
                });
            }
            taker.wait_for_shutdown().await;
        });
    }

    fn restart(&self, n: u64) -> bool {
        self.until(async move {
            let (told, starts) = unbounded();
            let supervisor = Supervisor::spawn(Supervisor);
            Victim::supervise(&supervisor, told)
                .restart_policy(RestartPolicy::Permanent)
                .restart_limit(u32::MAX, Duration::from_secs(1))
                .spawn()
                .await;
            for _ in 0..n {
                starts.recv().await.unwrap().kill();
            }
            supervisor.kill();
            supervisor.wait_for_shutdown().await;
        });
        true
    }

    fn idle(&self, n: usize) -> GiveUp<'_> {
        let (give, actors) = bounded(1);
        self.until(async move {
            let actors: Vec<_> = (0..n).map(|_| Taker::spawn(Taker(1))).collect();
            for actor in &actors {
                actor.wait_for_startup().await;
            }
            give.send(actors).await.unwrap();
        });
        let actors = actors.recv_blocking().unwrap();
        Box::new(move || {
            self.until(async move {
                for actor in actors {
                    actor.kill();
                    actor.wait_for_shutdown().await;
                }
            });
        })
    }
}
