//! ractor, on tokio.

use async_channel::{Sender, bounded, unbounded};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent, call, cast};
use tokio::runtime::{Builder, Runtime};

use crate::{BATCH, GiveUp, Library, SENDERS, WORKERS};

pub struct Ractor(Runtime);

impl Ractor {
    pub fn new() -> Self {
        Self(Builder::new_multi_thread().worker_threads(WORKERS).enable_time().build().unwrap())
    }

    /// On a worker, as what the others do.
    fn until(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.block_on(async { tokio::spawn(work).await.unwrap() });
    }
}

type Started<S> = Result<S, ActorProcessingErr>;
type Handled = Result<(), ActorProcessingErr>;

/// Ends as soon as it has started.
struct Mayfly;

impl Actor for Mayfly {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Started<()> {
        myself.stop(None);
        Ok(())
    }
}

/// Takes so many messages, then ends.
struct Taker;

impl Actor for Taker {
    type Msg = u64;
    type State = u64;
    type Arguments = u64;

    async fn pre_start(&self, _: ActorRef<u64>, count: u64) -> Started<u64> {
        Ok(count)
    }

    async fn handle(&self, myself: ActorRef<u64>, _: u64, left: &mut u64) -> Handled {
        *left -= 1;
        if *left == 0 {
            myself.stop(None);
        }
        Ok(())
    }
}

struct Server;

struct Ask(u64, RpcReplyPort<u64>);

impl Actor for Server {
    type Msg = Ask;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Ask>, (): ()) -> Started<()> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Ask>, Ask(n, reply): Ask, (): &mut ()) -> Handled {
        reply.send(n)?;
        Ok(())
    }
}

struct Ping;

struct Pong;

struct Ball(u64, ActorRef<u64>);

impl Actor for Pong {
    type Msg = Ball;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Ball>, (): ()) -> Started<()> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Ball>, Ball(n, back): Ball, (): &mut ()) -> Handled {
        Ok(cast!(back, n)?)
    }
}

impl Actor for Ping {
    type Msg = u64;
    type State = (ActorRef<Ball>, u64);
    type Arguments = (ActorRef<Ball>, u64);

    async fn pre_start(
        &self,
        myself: ActorRef<u64>,
        state: Self::Arguments,
    ) -> Started<Self::State> {
        cast!(state.0, Ball(1, myself))?;
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<u64>, n: u64, state: &mut Self::State) -> Handled {
        if n == state.1 {
            state.0.stop(None);
            myself.stop(None);
            return Ok(());
        }
        Ok(cast!(state.0, Ball(n + 1, myself))?)
    }
}

/// Starts a new victim for each that dies.
struct Supervisor;

/// Tells of its start, and waits.
struct Victim;

type Told = Sender<ActorRef<()>>;

impl Actor for Victim {
    type Msg = ();
    type State = ();
    type Arguments = Told;

    async fn pre_start(&self, myself: ActorRef<()>, told: Told) -> Started<()> {
        told.try_send(myself)?;
        Ok(())
    }
}

impl Actor for Supervisor {
    type Msg = ();
    type State = Told;
    type Arguments = Told;

    async fn pre_start(&self, myself: ActorRef<()>, told: Told) -> Started<Told> {
        Actor::spawn_linked(None, Victim, told.clone(), myself.get_cell()).await?;
        Ok(told)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        told: &mut Told,
    ) -> Handled {
        if let SupervisionEvent::ActorTerminated(..) | SupervisionEvent::ActorFailed(..) = event {
            Actor::spawn_linked(None, Victim, told.clone(), myself.get_cell()).await?;
        }
        Ok(())
    }
}

impl Library for Ractor {
    fn name(&self) -> &'static str {
        "ractor"
    }

    fn spawn_and_end(&self, n: u64) {
        self.until(async move {
            let mut batch = Vec::with_capacity(BATCH as usize);
            for _ in 0..n {
                batch.push(Actor::spawn(None, Mayfly, ()).await.unwrap().1);
                if batch.len() == BATCH as usize {
                    for end in batch.drain(..) {
                        end.await.unwrap();
                    }
                }
            }
        });
    }

    fn one_way(&self, n: u64) {
        self.until(async move {
            let (taker, end) = Actor::spawn(None, Taker, n).await.unwrap();
            for n in 0..n {
                cast!(taker, n).unwrap();
            }
            end.await.unwrap();
        });
    }

    fn ask(&self, n: u64) {
        self.until(async move {
            let (server, end) = Actor::spawn(None, Server, ()).await.unwrap();
            for n in 0..n {
                assert_eq!(call!(server, |reply| Ask(n, reply)).unwrap(), n);
            }
            server.stop(None);
            end.await.unwrap();
        });
    }

    fn ping_pong(&self, n: u64) {
        self.until(async move {
            let (pong, _) = Actor::spawn(None, Pong, ()).await.unwrap();
            let (_, end) = Actor::spawn(None, Ping, (pong, n)).await.unwrap();
            end.await.unwrap();
        });
    }

    fn fan_in(&self, n: u64) {
        let each = n / SENDERS;
        self.until(async move {
            let (taker, end) = Actor::spawn(None, Taker, each * SENDERS).await.unwrap();
            for _ in 0..SENDERS {
                let taker = taker.clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        cast!(taker, n).unwrap();
                    }
                });
            }
            end.await.unwrap();
        });
    }

    fn restart(&self, n: u64) -> bool {
        self.until(async move {
            let (told, starts) = unbounded();
            let (supervisor, end) = Actor::spawn(None, Supervisor, told).await.unwrap();
            for _ in 0..n {
                starts.recv().await.unwrap().kill();
            }
            supervisor.stop(None);
            end.await.unwrap();
        });
        true
    }

    fn idle(&self, n: usize) -> GiveUp<'_> {
        let (give, actors) = bounded(1);
        self.until(async move {
            let mut actors = Vec::with_capacity(n);
            for _ in 0..n {
                // Returns once it has started.
                actors.push(Actor::spawn(None, Taker, 1).await.unwrap());
            }
            give.send(actors).await.unwrap();
        });
        let actors = actors.recv_blocking().unwrap();
        Box::new(move || {
            self.until(async move {
                for (actor, end) in actors {
                    actor.stop(None);
                    end.await.unwrap();
                }
            });
        })
    }
}
