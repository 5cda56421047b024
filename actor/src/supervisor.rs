//! An actor whose work is to keep other actors running.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::child::Started;
use crate::time::{self, timeout};
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
        let intensity =
            Intensity { restarts: 1, period: Duration::from_secs(5), spent: VecDeque::new() };
        Self { strategy, intensity, children: Vec::new() }
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
            match mailbox.next().await {
                Some(Received::Message(message)) => team.handle_message(message).await,
                Some(Received::Signal(Signal::Exit { from, reason })) => {
                    if parents.contains(&from) {
                        break reason;
                    }
                    if team.handle_exit(from, &reason).await == Verdict::GiveUp {
                        break ExitReason::Shutdown;
                    }
                }
                Some(Received::Signal(Signal::Down { .. })) => {}
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
    context: Context,
    /// Above the children's scopes.
    scope: Scope,
    members: Vec<Member>,
}

struct Member {
    spec: Child,
    scope: Scope,
    running: Option<Started>,
}

#[derive(PartialEq)]
enum Verdict {
    GoOn,
    GiveUp,
}

impl Team {
    fn start(supervisor: Supervisor, context: Context) -> Self {
        let scope = context.scope().supervised();
        let Supervisor { strategy, intensity, children } = supervisor;
        let mut team = Self { strategy, intensity, context, scope, members: Vec::new() };
        for child in children {
            team.add(child);
        }
        team
    }

    fn add(&mut self, spec: Child) -> ActorId {
        let mut member = Member { spec, scope: self.scope.child(), running: None };
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
            Restart::Temporary => {
                self.members.remove(index);
                return Verdict::GoOn;
            }
        };
        if !again || self.context.is_stopping() {
            return Verdict::GoOn;
        }
        if !self.intensity.spend(time::now()) {
            let label = self.context.label();
            self.context.scope().report(&Event::GaveUp { label, reason });
            return Verdict::GiveUp;
        }
        let label = member.spec.label();
        self.context.scope().report(&Event::Restarted { label, reason });
        match self.strategy {
            Strategy::OneForOne => drop(self.members[index].start(&self.context)),
            Strategy::OneForAll => self.restart_from(0).await,
            Strategy::RestForOne => self.restart_from(index).await,
        }
        Verdict::GoOn
    }

    async fn restart_from(&mut self, first: usize) {
        for member in self.members[first..].iter_mut().rev() {
            member.stop().await;
        }
        let mut index = 0;
        self.members.retain(|member| {
            index += 1;
            index <= first || member.spec.restart != Restart::Temporary
        });
        if !self.context.is_stopping() {
            for member in &mut self.members[first..] {
                member.start(&self.context);
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
        id
    }

    async fn stop(&mut self) {
        end(&self.scope, self.spec.stop_within).await;
        self.running = None;
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

/// How many restarts in which time are taken for accidents.
#[derive(Debug)]
struct Intensity {
    restarts: usize,
    period: Duration,
    /// The restarts within the last period, at most one more than allowed.
    spent: VecDeque<Instant>,
}

impl Intensity {
    /// Counts a restart. Returns false if it is one too many.
    fn spend(&mut self, now: Instant) -> bool {
        self.spent.push_back(now);
        while self.spent.front().is_some_and(|at| now.duration_since(*at) > self.period) {
            self.spent.pop_front();
        }
        self.spent.len() <= self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intensity_forgets_what_is_older_than_its_period() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut intensity = Supervisor::new(Strategy::OneForOne).intensity;
        assert!(intensity.spend(at(0)));
        assert!(intensity.spend(at(6)));
        assert!(!intensity.spend(at(11)), "two in five seconds");
        assert!(intensity.spend(at(30)));
    }
}
