//! An actor whose work is to keep other actors running.

use std::time::{Duration, Instant};

use crate::child::Started;
use crate::intensity::{Backoff, Intensity};
use crate::time::{now, timeout, timeout_at};
use crate::{
    ActorId, Child, Context, Event, ExitReason, Mailbox, Received, Reply, Restart, Scope, Signal,
};

/// Which children are started again when one of them ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strategy {
    /// That one.
    OneForOne,
    /// All of them.
    OneForAll,
    /// That one, and those after it.
    RestForOne,
}

/// Whether a supervisor ends when [significant](Child::significant) children have ended that are
/// not started again: transient ones by *normal* or *shutdown*, temporary ones in any way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AutoShutdown {
    /// It does not.
    #[default]
    Never,
    /// When one of them has.
    AnySignificant,
    /// When all of them have.
    AllSignificant,
}

/// An actor whose work is to keep other actors, its children, running.
///
/// Children start in order and stop in reverse order, each within its deadline, after which it is
/// killed. One that ends is started again as its [`Restart`] and the [`Strategy`] say, with a new
/// mailbox: use [`Child::named`] to find it. When more restarts are needed than the intensity
/// allows, the supervisor stops its children and ends with *shutdown*, for its own supervisor to
/// judge. It stops its children before it ends, however it is told to; when it is killed, they end
/// by their links, and those that trap exits are told to stop.
///
/// A child has a scope of its own. What it spawns there outlives its restarts, and is stopped with
/// it when it is stopped. A scope that is stopped leaves the children of its supervisors to these,
/// so that the order holds in a shutdown too.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
/// use seawall_actor::{Child, Context, ExitReason, Mailbox, Runtime, Strategy, Supervisor};
///
/// let starts = Arc::new(AtomicUsize::new(0));
/// let count = Arc::clone(&starts);
/// let worker = move |_: Mailbox<()>, _: Context| {
///     count.fetch_add(1, Ordering::SeqCst);
///     work()
/// };
/// async fn work() {
///     panic!("worn out")
/// }
///
/// let runtime = Runtime::new()?;
/// let supervisor = Supervisor::new(Strategy::OneForOne)
///     .intensity(3, Duration::from_secs(5))
///     .child(Child::new("worker", worker));
/// let supervisor = runtime.scope().spawn(|mailbox, context| supervisor.run(mailbox, context));
/// let reason = runtime.block_on(supervisor.monitor().exited());
/// assert!(matches!(reason, ExitReason::Shutdown)); // a fourth restart would be too many
/// assert_eq!(starts.load(Ordering::SeqCst), 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing starts before `run`"]
pub struct Supervisor {
    strategy: Strategy,
    intensity: Intensity,
    backoff: Backoff,
    auto_shutdown: AutoShutdown,
    children: Vec<Child>,
}

/// What a running supervisor takes.
#[derive(Debug)]
pub enum SupervisorMessage {
    /// Starts one more child, after the others.
    Start(Child, Reply<ActorId>),
    /// Stops the child that runs as this actor, and forgets it. Answers whether there was one.
    Stop(ActorId, Reply<bool>),
    /// Answers with what there is, in order.
    Children(Reply<Vec<ChildStatus>>),
}

/// A child of a supervisor, at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChildStatus {
    /// Its label.
    pub label: String,
    /// The actor that it runs as, or `None` if it has ended and is not to be started again for
    /// its own sake.
    pub id: Option<ActorId>,
}

impl Supervisor {
    /// A supervisor without children, whose intensity is one restart in five seconds.
    pub fn new(strategy: Strategy) -> Self {
        let intensity = Intensity::default();
        let (backoff, auto_shutdown) = (Backoff::default(), AutoShutdown::default());
        Self { strategy, intensity, backoff, auto_shutdown, children: Vec::new() }
    }

    /// How many restarts in which time are taken for accidents. The restart of several children
    /// for the sake of one counts once. Default: 1 in 5 s.
    ///
    /// With supervisors above one another the product of their intensities is what counts.
    pub fn intensity(mut self, restarts: usize, period: Duration) -> Self {
        self.intensity.restarts = restarts;
        self.intensity.period = period;
        self
    }

    /// How long a restart waits: `first`, and each further one of the same child twice as long, up
    /// to `most`. A child that has run for `most` begins anew. Default: not at all.
    ///
    /// It spares what the child stands on, a database that is away for instance. The intensity
    /// counts as ever, so give it room for the restarts of an outage that is to be survived.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Backoff { first, most };
        self
    }

    /// Whether it ends, with *shutdown*, when significant children have. Default: never.
    ///
    /// For a group that works for one thing, a connection for instance, and has nothing to do once
    /// that is over.
    pub fn auto_shutdown(mut self, when: AutoShutdown) -> Self {
        self.auto_shutdown = when;
        self
    }

    /// Adds a child, after the others.
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// The supervisor's life: the function that is spawned.
    pub async fn run(
        self,
        mut mailbox: Mailbox<SupervisorMessage>,
        context: Context,
    ) -> ExitReason {
        context.trap_exit(true);
        // Whoever was linked from the start is the parent, and its end is an order to end.
        let parents = context.links();
        let mut team = Team::start(self, context);
        let reason = loop {
            team.start_due();
            let Ok(received) = timeout_at(team.next_due(), mailbox.next()).await else { continue };
            match received {
                Some(Received::Message(message)) => team.handle_message(message).await,
                Some(Received::Signal(Signal::Exit { from, reason })) => {
                    if parents.contains(&from) {
                        break reason;
                    }
                    if team.handle_exit(from, &reason).await == Verdict::End {
                        break ExitReason::Shutdown;
                    }
                }
                Some(Received::Signal(Signal::Down { .. })) => {}
                // Nobody is left who could send; but a child waits for its restart.
                None if team.next_due().is_some() && !team.context.is_stopping() => {
                    let _ = timeout_at(team.next_due(), team.context.stopping()).await;
                }
                None => break ExitReason::Normal, // which is *shutdown* for one told to stop
            }
        };
        team.stop_all().await;
        reason
    }
}

/// A supervisor's children while it runs.
struct Team {
    strategy: Strategy,
    intensity: Intensity,
    backoff: Backoff,
    auto_shutdown: AutoShutdown,
    context: Context,
    /// Above the children's scopes.
    scope: Scope,
    members: Vec<Member>,
}

struct Member {
    spec: Child,
    scope: Scope,
    running: Option<Started>,
    started: Instant,
    /// When it is to be started again.
    due: Option<Instant>,
    /// How long the last restart has waited.
    waited: Duration,
}

#[derive(PartialEq)]
enum Verdict {
    GoOn,
    End,
}

impl Team {
    fn start(supervisor: Supervisor, context: Context) -> Self {
        let scope = context.scope().supervised();
        let Supervisor { strategy, intensity, backoff, auto_shutdown, children } = supervisor;
        let members = Vec::with_capacity(children.len());
        let mut team =
            Self { strategy, intensity, backoff, auto_shutdown, context, scope, members };
        for child in children {
            team.add(child);
        }
        team
    }

    fn add(&mut self, spec: Child) -> ActorId {
        let mut member = Member {
            spec,
            scope: self.scope.child(),
            running: None,
            started: now(),
            due: None,
            waited: Duration::ZERO,
        };
        let id = member.start(&self.context);
        self.members.push(member);
        id
    }

    async fn handle_message(&mut self, message: SupervisorMessage) {
        // Where a caller waits no more, its answer goes nowhere.
        match message {
            SupervisorMessage::Start(child, reply) => {
                let _ = reply.send(self.add(child));
            }
            SupervisorMessage::Stop(id, reply) => {
                let index = self.index_of(id);
                if let Some(index) = index {
                    self.members.remove(index).stop().await;
                }
                let _ = reply.send(index.is_some());
            }
            SupervisorMessage::Children(reply) => {
                let _ = reply.send(self.members.iter().map(Member::status).collect());
            }
        }
    }

    async fn handle_exit(&mut self, from: ActorId, reason: &ExitReason) -> Verdict {
        // Not there: it was stopped by us meanwhile, or is no child.
        let Some(index) = self.index_of(from) else { return Verdict::GoOn };
        let member = &mut self.members[index];
        member.running = None;
        let again = match member.spec.restart {
            Restart::Permanent => true,
            Restart::Transient => !matches!(reason, ExitReason::Normal | ExitReason::Shutdown),
            Restart::Temporary => false,
        };
        if self.context.is_stopping() {
            return Verdict::GoOn;
        }
        if !again {
            let significant = member.spec.significant;
            if member.spec.restart == Restart::Temporary {
                self.members.remove(index);
            }
            return if significant && self.has_done() { Verdict::End } else { Verdict::GoOn };
        }
        if !self.intensity.spend(now()) {
            let label = self.context.label();
            self.context.scope().report(&Event::GaveUp { label, reason });
            return Verdict::End;
        }
        let label = member.spec.label();
        self.context.scope().report(&Event::Restarted { label, reason });
        let due = now().checked_add(member.wait(self.backoff));
        match self.strategy {
            Strategy::OneForOne => member.due = due,
            Strategy::OneForAll => self.restart_from(0, due).await,
            Strategy::RestForOne => self.restart_from(index, due).await,
        }
        Verdict::GoOn
    }

    async fn restart_from(&mut self, first: usize, due: Option<Instant>) {
        for member in self.members[first..].iter_mut().rev() {
            member.stop().await;
        }
        let mut index = 0;
        self.members.retain(|member| {
            index += 1;
            index <= first || member.spec.restart != Restart::Temporary
        });
        for member in &mut self.members[first..] {
            member.due = due;
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.members.iter().filter_map(|member| member.due).min()
    }

    /// Starts those, in order, whose time has come.
    fn start_due(&mut self) {
        if self.next_due().is_none() || self.context.is_stopping() {
            return;
        }
        let now = now();
        for member in &mut self.members {
            if member.due.is_some_and(|due| due <= now) {
                member.start(&self.context);
            }
        }
    }

    /// Whether there is nothing left to do, now that a significant child has ended.
    fn has_done(&self) -> bool {
        let active = |member: &Member| member.running.is_some() || member.due.is_some();
        match self.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => {
                !self.members.iter().any(|member| member.spec.significant && active(member))
            }
        }
    }

    async fn stop_all(&mut self) {
        while let Some(mut member) = self.members.pop() {
            member.stop().await;
        }
        // What temporary children have spawned and outlived.
        end(&self.scope, Duration::ZERO).await;
    }

    fn index_of(&self, id: ActorId) -> Option<usize> {
        self.members.iter().position(|member| member.id() == Some(id))
    }
}

impl Drop for Team {
    /// A supervisor that is killed can wait for nobody. Its children end by their links; those that
    /// trap exits, and what the children have spawned, are told to stop.
    fn drop(&mut self) {
        self.scope.stop();
    }
}

impl Member {
    fn start(&mut self, parent: &Context) -> ActorId {
        if self.scope.is_stopping() {
            self.scope = self.scope.sibling();
        }
        let started = self.spec.start(parent, &self.scope);
        let id = started.core.id;
        self.running = Some(started);
        self.started = now();
        self.due = None;
        id
    }

    /// How long its next restart waits.
    fn wait(&mut self, backoff: Backoff) -> Duration {
        self.waited = backoff.next(self.waited, now().duration_since(self.started));
        self.waited
    }

    async fn stop(&mut self) {
        end(&self.scope, self.spec.stop_within).await;
        self.running = None;
        self.due = None;
    }

    fn id(&self) -> Option<ActorId> {
        self.running.as_ref().map(|started| started.core.id)
    }

    fn status(&self) -> ChildStatus {
        ChildStatus { label: self.spec.label().to_owned(), id: self.id() }
    }
}

async fn end(scope: &Scope, within: Duration) {
    scope.stop();
    if timeout(within, scope.ended()).await.is_err() {
        scope.kill();
        // A kill takes effect at once, unless the actor blocks its thread: not ours to wait for.
        let _ = timeout(KILL_GRACE, scope.ended()).await;
    }
}

/// How long a killed child is waited for.
const KILL_GRACE: Duration = Duration::from_millis(200);
