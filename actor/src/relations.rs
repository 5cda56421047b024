//! Links and monitors: who hears of whose end, and what that does.
//!
//! The rules are Erlang/OTP's:
//!
//! - A link joins two actors, at most once. A monitor is one-way, and every one counts.
//! - At an actor's end its links carry its exit reason to the others. Who traps exits hears a
//!   [`Signal::Exit`]; who does not ends with the same reason, unless that is *normal*.
//! - A kill is not an exit signal: it cannot be trapped, and reaches links as the reason *killed*,
//!   which can.
//! - What ties an actor to one that has ended already acts at once, with the reason *noproc*: who
//!   links itself to a peer cannot go on without it, also where that had ended by *normal*.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Weak};

use crate::isolate::Steps;
use crate::life::{Core, Life, State, both};
use crate::sync::MutexGuard;
use crate::{ActorId, ExitReason, Reference, Signal};

/// What ties an actor to others. Most have none.
#[derive(Default)]
pub(crate) struct Relations {
    pub(crate) traps: bool,
    links: BTreeMap<ActorId, Arc<Core>>,
    /// Whose ends the actor hears of.
    watched: BTreeMap<Reference, Arc<Core>>,
    /// Who hears of the actor's end.
    watchers: BTreeMap<Reference, Arc<Core>>,
    signals: VecDeque<Signal>,
    claims: Vec<Weak<dyn Claim>>,
}

/// Where an actor is known until it ends, by a name or as a member.
pub(crate) trait Claim: Send + Sync {
    fn release(&self, id: ActorId);
}

impl Relations {
    /// Whether a signal can still come.
    pub(crate) fn can_hear(&self) -> bool {
        !(self.signals.is_empty() && self.watched.is_empty() && self.links.is_empty())
    }
}

pub(crate) fn link(a: &Arc<Core>, b: &Arc<Core>) {
    if a.id == b.id {
        return;
    }
    let (mut of_a, mut of_b) = both(a, b);
    let (dead_a, dead_b) = (of_a.has_ended(), of_b.has_ended());
    if !dead_a && !dead_b {
        of_a.relations().links.insert(b.id, Arc::clone(b));
        of_b.relations().links.insert(a.id, Arc::clone(a));
    }
    drop((of_a, of_b));
    match (dead_a, dead_b) {
        (false, true) => exit(a, b.id, &ExitReason::NoProcess),
        (true, false) => exit(b, a.id, &ExitReason::NoProcess),
        (false, false) | (true, true) => {}
    }
}

pub(crate) fn unlink(a: &Core, b: &Core) {
    if a.id == b.id {
        return;
    }
    let (mut of_a, mut of_b) = both(a, b);
    let links = [
        of_a.relations.as_mut().and_then(|relations| relations.links.remove(&b.id)),
        of_b.relations.as_mut().and_then(|relations| relations.links.remove(&a.id)),
    ];
    drop((of_a, of_b));
    drop(links);
    // Each may have waited for this link alone.
    a.lane.wake();
    b.lane.wake();
}

pub(crate) fn links(core: &Core) -> Vec<ActorId> {
    let state = core.state();
    state.relations.iter().flat_map(|relations| relations.links.keys().copied()).collect()
}

pub(crate) fn monitor(watcher: &Arc<Core>, watched: &Arc<Core>) -> Reference {
    let reference = Reference::next();
    if watcher.id == watched.id {
        return reference; // nobody hears of their own end
    }
    let (mut of_watcher, mut of_watched) = both(watcher, watched);
    if of_watcher.has_ended() {
        return reference;
    }
    let relations = of_watcher.relations();
    if of_watched.has_ended() {
        let reason = ExitReason::NoProcess;
        relations.signals.push_back(Signal::Down { reference, from: watched.id, reason });
        drop((of_watcher, of_watched));
        watcher.signal();
    } else {
        relations.watched.insert(reference, Arc::clone(watched));
        of_watched.relations().watchers.insert(reference, Arc::clone(watcher));
    }
    reference
}

pub(crate) fn demonitor(watcher: &Core, reference: Reference) {
    let mut state = watcher.state();
    let Some(relations) = &mut state.relations else { return };
    relations.signals.retain(
        |signal| !matches!(signal, Signal::Down { reference: heard, .. } if *heard == reference),
    );
    let watched = relations.watched.remove(&reference);
    drop(state);
    if let Some(watched) = watched {
        forget_watcher(&watched, reference);
        watcher.lane.wake(); // it may have waited for this alone
    }
}

/// An exit signal: from another actor, or through a link.
pub(crate) fn exit(to: &Arc<Core>, from: ActorId, reason: &ExitReason) {
    let state = to.state();
    hear_exit(to, state, from, reason);
}

fn hear_exit(to: &Core, mut state: MutexGuard<'_, State>, from: ActorId, reason: &ExitReason) {
    if !matches!(state.life, Life::Alive) || to.is_killed() {
        return; // the first signal that ends an actor gives the reason
    }
    if let Some(relations) = state.relations.as_mut().filter(|relations| relations.traps) {
        relations.signals.push_back(Signal::Exit { from, reason: reason.clone() });
        drop(state);
        to.signal();
    } else if !matches!(reason, ExitReason::Normal) || from == to.id {
        state.life = Life::Doomed(reason.clone());
        drop(state);
        to.end_soon();
    } else {
        drop(state);
        to.lane.wake(); // it may have waited for this link alone
    }
}

/// The next signal that waits.
pub(crate) fn next_signal<L: ?Sized>(core: &Core<L>) -> Option<Signal> {
    let mut state = core.state();
    let signal = state.relations.as_mut().and_then(|relations| relations.signals.pop_front());
    if signal.is_none() {
        core.unsignal();
    }
    signal
}

/// Notes where the actor is known, once for each place. Returns false if its end has begun.
pub(crate) fn claim(core: &Core, claim: Weak<dyn Claim>) -> bool {
    let mut state = core.state();
    if matches!(state.life, Life::Leaving | Life::Ended(_)) {
        return false;
    }
    let claims = &mut state.relations().claims;
    if !claims.iter().any(|known| known.ptr_eq(&claim)) {
        if claims.len() == claims.capacity() {
            // Groups that are no more; so there are never many more claims than groups.
            claims.retain(|known| known.strong_count() > 0);
        }
        claims.push(claim);
    }
    true
}

pub(crate) fn unclaim(core: &Core, claim: &Weak<dyn Claim>) {
    if let Some(relations) = &mut core.state().relations {
        relations.claims.retain(|known| !known.ptr_eq(claim));
    }
}

/// An actor's end: first its names are free, then it is reported, then comes the end itself, and
/// last the news of it.
///
/// Each piece of news is a step of its own: wakers and destructors are foreign code.
pub(crate) fn end(core: &Core, reason: &ExitReason, report: Option<&dyn Fn()>, steps: &mut Steps) {
    let mut state = core.state();
    let claims = state.relations.as_mut().map(|relations| mem::take(&mut relations.claims));
    let claims = claims.unwrap_or_default();
    if !claims.is_empty() || report.is_some() {
        state.life = Life::Leaving; // it may take no new names
        drop(state);
        for claim in claims.iter().filter_map(Weak::upgrade) {
            claim.release(core.id);
        }
        if let Some(report) = report {
            report();
        }
        state = core.state();
    }
    let Some(mut relations) = core.end(state, reason.clone(), steps) else { return };
    for peer in mem::take(&mut relations.links).into_values() {
        steps.step(|| end_link(&peer, core.id, reason));
    }
    for (reference, watcher) in mem::take(&mut relations.watchers) {
        steps.step(|| end_watch(&watcher, reference, core.id, reason));
    }
    for (reference, watched) in mem::take(&mut relations.watched) {
        steps.step(|| forget_watcher(&watched, reference));
    }
    steps.drop_each(mem::take(&mut relations.signals));
}

fn end_link(peer: &Core, of: ActorId, reason: &ExitReason) {
    let mut state = peer.state();
    // Not there: the peer has unlinked meanwhile, or is dead.
    let link = state.relations.as_mut().and_then(|theirs| theirs.links.remove(&of));
    if link.is_some() {
        hear_exit(peer, state, of, reason);
    }
}

fn end_watch(watcher: &Core, reference: Reference, from: ActorId, reason: &ExitReason) {
    let mut state = watcher.state();
    let Some(theirs) = &mut state.relations else { return };
    if theirs.watched.remove(&reference).is_some() {
        theirs.signals.push_back(Signal::Down { reference, from, reason: reason.clone() });
        drop(state);
        watcher.signal();
    }
}

fn forget_watcher(watched: &Core, reference: Reference) {
    let mut state = watched.state();
    let watcher =
        state.relations.as_mut().and_then(|relations| relations.watchers.remove(&reference));
    drop(state);
    drop(watcher);
}
