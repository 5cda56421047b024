//! A run while it goes on: batches, suspects, retries, results.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;
use futures_lite::future::zip;

use super::ledger::{Ledger, SURVIVAL, milliseconds};
use super::ran::{Late, Longer, Ran};
use super::watch::Watch;
use super::{Event, Options};
use crate::audit::Audit;
use crate::case::Case;
use crate::context::{Context, Shared, spell};
use crate::error::Error;
use crate::profile::Profile;
use crate::report::{End, Report, SCHEMA};
use crate::route::Route;
use crate::subject::{self, Subject, Unserved};
use crate::verdict::{Outcome, Verdict};

/// A case that takes longer than this is stuck: every wait in it has a deadline of its own.
pub(super) const CASE_LIMIT: Duration = Duration::from_secs(120);
/// Hundreds of megabytes, and fifteen others beside it.
const THOROUGH_CASE_LIMIT: Duration = Duration::from_secs(1800);
/// Connections that the cases side by side and an attack beside them may take.
const FEW: usize = 64;

/// Cases that are to run again alone, and how they first came out.
type Retries = BTreeMap<usize, Verdict>;

pub(super) struct Run<'a, F> {
    pub(super) profile: &'a Profile,
    pub(super) cases: &'a [Case],
    pub(super) options: &'a Options,
    observer: RefCell<F>,
    /// When the subject was about to be started.
    began: Cell<Option<Instant>>,
    pub(super) ledger: RefCell<Ledger<'a>>,
    pub(super) audit: Audit,
    /// What the cases of the audit have come to; what it finds elsewhere is known only at the end.
    withheld: RefCell<BTreeMap<usize, Ran>>,
    watch: Watch,
    /// Cases that failed beside others for want of time.
    pub(super) crowded_out: RefCell<BTreeSet<usize>>,
}

impl<'a, F: FnMut(Event<'_>)> Run<'a, F> {
    pub(super) fn new(
        profile: &'a Profile,
        cases: &'a [Case],
        options: &'a Options,
        observer: F,
    ) -> Self {
        Self {
            profile,
            cases,
            options,
            observer: RefCell::new(observer),
            began: Cell::new(None),
            ledger: RefCell::new(Ledger::new(profile, cases)),
            audit: Audit::of(constant(profile)),
            withheld: RefCell::default(),
            watch: Watch::default(),
            crowded_out: RefCell::default(),
        }
    }

    /// Builds the subject and judges it, until all is done or the time is up.
    pub(super) async fn whole(&self) -> Result<End, Error> {
        if let Some(launch) =
            self.profile.subject.as_ref().filter(|launch| !launch.build.is_empty())
        {
            self.tell(Event::Building(&launch.build));
        }
        subject::build(self.profile).await?;
        let began = Instant::now();
        self.began.set(Some(began));
        let late = async {
            Timer::after(self.options.time_limit).await;
            Ok(End::TimeLimit)
        };
        let sampled = async {
            self.watch.sample(self.cases, began).await;
            Ok(End::Complete)
        };
        self.judge_all().or(late).or(sampled).await
    }

    async fn judge_all(&self) -> Result<End, Error> {
        self.tell(Event::Starting);
        let subject = Subject::start(self.profile).await?;
        self.watch.begin(&subject);
        self.tell(Event::Ready { cases: self.cases.len() * self.options.repeat });
        let (together, alone) = self.plan(subject.far());
        let retries = RefCell::default();
        let beside = self.on_a_second_instance(alone, !together.is_empty(), &retries);
        let (subject, mut alone) = zip(self.together(together, subject, &retries), beside).await;
        let mut subject = match subject {
            Ok(subject) => subject,
            Err(error) => return Ok(End::Dead(error.to_string())),
        };
        while let Some(i) = alone.pop_front().filter(|_| !self.is_over()) {
            subject = match self.alone(i, subject).await {
                Ok((subject, _)) => subject,
                Err(error) => return Ok(End::Dead(error.to_string())),
            };
        }
        let retries = retries.into_inner();
        if !retries.is_empty() {
            self.tell(Event::Retrying(retries.len()));
        }
        match self.retry(retries, subject).await {
            Ok(mut subject) => {
                self.note_crowded_out();
                let kept = self.watch.look_for_leaks(&self.ledger).await;
                if let Some(kept) = kept.filter(|_| !self.is_over()) {
                    subject = match self.hunt_leak(kept, subject).await {
                        Ok(subject) => subject,
                        Err(error) => return Ok(End::Dead(error.to_string())),
                    };
                }
                // Of one that died, its death has told.
                self.watch.look_at_alarms(&subject, self.cases, &mut self.ledger.borrow_mut());
                subject.stop().await;
            }
            Err(error) => return Ok(End::Dead(error.to_string())),
        }
        Ok(if self.has_failed_fast() { End::FailFast } else { End::Complete })
    }

    /// Runs the queue side by side, finds out who brings the subject down, and gives back the living subject.
    async fn together(
        &self,
        mut queue: VecDeque<usize>,
        mut subject: Subject,
        retries: &RefCell<Retries>,
    ) -> Result<Subject, Error> {
        while !queue.is_empty() && !self.is_over() {
            let mut batch = self.batch(&subject, &self.watch, queue, self.options.jobs).await;
            self.look_after(&subject, &mut batch).await;
            queue = batch.left;
            for (i, first) in batch.failed {
                retries.borrow_mut().entry(i).or_insert(first);
            }
            if let Some((how, suspects)) = batch.death {
                self.suspect(&how, &suspects);
                subject = self.find_culprit(&how, &suspects, subject).await?;
            }
            // Only a failure alone is one, and a reason to end.
            if self.options.fail_fast.is_some() {
                subject = self.retry(retries.take(), subject).await?;
            }
        }
        Ok(subject)
    }

    /// Runs those that must have a subject to themselves on a second one beside the first, where that can be had; gives back those
    /// that are still to be run alone.
    async fn on_a_second_instance(
        &self,
        queue: VecDeque<usize>,
        is_worth_it: bool,
        retries: &RefCell<Retries>,
    ) -> VecDeque<usize> {
        if !is_worth_it
            || queue.is_empty()
            || self.options.jobs == 1
            || !self.profile.can_start_twice()
        {
            return queue;
        }
        let Ok(second) = Subject::start(self.profile).await else { return queue };
        let watch = Watch::default();
        watch.begin(&second);
        let batch = self.batch(&second, &watch, queue, 1).await;
        retries.borrow_mut().extend(batch.failed);
        let mut left = batch.left;
        left.extend(batch.unserved.into_iter().map(|(i, ..)| i));
        match batch.death {
            // It will tell again, when they run alone.
            Some((_, suspects)) => left.extend(suspects),
            None => {
                watch.look_for_leaks(&self.ledger).await;
                watch.look_at_alarms(&second, self.cases, &mut self.ledger.borrow_mut());
            }
        }
        second.stop().await;
        left
    }

    /// Runs alone what failed in company, until enough has failed.
    async fn retry(&self, retries: Retries, mut subject: Subject) -> Result<Subject, Error> {
        for (i, first) in retries {
            if self.has_failed_fast() {
                break;
            }
            (subject, _) = self.alone(i, subject).await?;
            self.ledger.borrow_mut().mark_flaky(i, &first);
        }
        Ok(subject)
    }

    /// Says which cases say nothing of how the subject fares beside others.
    fn note_crowded_out(&self) {
        let crowded_out = self.crowded_out.take();
        if crowded_out.is_empty() {
            return;
        }
        let ids: Vec<&str> = crowded_out.into_iter().map(|i| &self.cases[i].id[..]).collect();
        let text = format!(
            "beside others these were not answered in time, while the subject worked or waited for a processor; their verdicts are of runs alone: {}",
            ids.join(", ")
        );
        self.ledger.borrow_mut().note(false, text);
    }

    /// Whether no case is to be begun any more.
    pub(super) fn is_over(&self) -> bool {
        let spent = self.began.get().map_or(Duration::ZERO, |began| began.elapsed());
        self.options.time_budget.is_some_and(|budget| spent > budget) || self.has_failed_fast()
    }

    fn has_failed_fast(&self) -> bool {
        self.options.fail_fast.is_some_and(|level| self.ledger.borrow().has_failure(level))
    }

    /// Judges what cannot run as skipped; orders the rest: what runs together, long cases
    /// first so that the others run in their waits, and what runs alone.
    fn plan(&self, far: Option<IpAddr>) -> (VecDeque<usize>, VecDeque<usize>) {
        let (mut together, mut alone) = (VecDeque::new(), VecDeque::new());
        // While a case uses up the few connections that are promised, there are none for others.
        let has_few = self.profile.limits.connections.is_some_and(|count| count < FEW);
        for (i, case) in self.cases.iter().enumerate() {
            let missing: Vec<&str> = case
                .needs
                .iter()
                .filter(|route| !self.profile.routes.contains_key(route))
                .map(|route| route.name())
                .collect();
            let plain = case.over_tls && self.profile.urls.https.is_none();
            let skip = if !missing.is_empty() {
                let got = format!("the subject does not offer {}", missing.join(", "));
                Some(Verdict::new(Outcome::Skip, "the routes that the case needs", got))
            } else if plain {
                let got = "the profile has no urls.https";
                Some(Verdict::new(Outcome::Skip, "a URL over TLS", got))
            } else if let Some(far) = far.filter(|_| case.exhausts && !self.options.exhaust) {
                let got = format!(
                    "it uses up what a server has, and {far} is neither loopback nor private: if the server is yours, say --i-own-this"
                );
                Some(Verdict::new(Outcome::Skip, "a server that nobody else needs", got))
            } else {
                None
            };
            if let Some(skip) = skip {
                self.judge(i, Ran::silent(skip));
            } else if case.exclusive
                || case.apart && !self.profile.can_start_twice()
                || case.exhausts && !case.apart && has_few
            {
                alone.push_back(i);
            } else if case.long && self.options.time_budget.is_none() {
                together.push_front(i);
            } else {
                together.push_back(i);
            }
        }
        (self.ordered(together), self.ordered(alone))
    }

    /// The queue as often as cases are repeated, and shuffled where that was asked for.
    fn ordered(&self, queue: VecDeque<usize>) -> VecDeque<usize> {
        let len = queue.len() * self.options.repeat;
        let mut queue: VecDeque<usize> = queue.into_iter().cycle().take(len).collect();
        if let Some(seed) = self.options.shuffle {
            fastrand::Rng::with_seed(seed).shuffle(queue.make_contiguous());
        }
        queue
    }

    /// What cases need to know.
    pub(super) fn shared(&self, subject: &Subject) -> Rc<Shared> {
        Rc::new(self.unshared(subject))
    }

    pub(super) fn unshared(&self, subject: &Subject) -> Shared {
        let shared = subject.shared(self.profile, &self.audit);
        Shared { thorough: self.options.thorough, ..shared }
    }

    /// Runs one case.
    ///
    /// # Errors
    ///
    /// How the subject's process ended meanwhile.
    pub(super) async fn one(
        &self,
        subject: &Subject,
        watch: &Watch,
        shared: &Rc<Shared>,
        i: usize,
    ) -> Result<Ran, String> {
        let case = &self.cases[i];
        self.tell(Event::Began(case));
        let cx = Context::new(Rc::clone(shared), &case.id);
        let place = watch.case_begins(i);
        let (began, before) = (Instant::now(), subject.account().spent(Duration::ZERO));
        let judged = async { Some((case.action)(cx.clone()).await) };
        let gone = async {
            subject.gone().await;
            None
        };
        let stuck = async {
            let limit = if self.options.thorough { THOROUGH_CASE_LIMIT } else { CASE_LIMIT };
            Timer::after(limit).await;
            let got = format!("the case was not done after {}", spell(limit));
            Some(Verdict::new(Outcome::Error, "a verdict", got))
        };
        let verdict = judged.or(gone).or(stuck).await;
        watch.case_ends(place);
        let verdict = verdict.ok_or_else(|| subject.end().unwrap_or_else(|| "ended".into()))?;
        let seconds = began.elapsed().as_secs_f64();
        let authority = if case.over_tls {
            shared.target.tls.as_ref()
        } else if case.needs.iter().any(|route| route.is_websocket()) {
            shared.target.ws.as_ref()
        } else {
            shared.target.http.as_ref()
        };
        let authority = authority.map_or("", |endpoint| &endpoint.authority);
        let (in_vain, limit) = (cx.trace().longest_in_vain(), shared.limits.shortest());
        let late = Late::of(&verdict, began.elapsed(), in_vain, cx.timing(), limit);
        let spent = subject.account().spent(Duration::ZERO) - before;
        Ok(Ran { verdict, trace: cx.trace().render(authority), seconds, late, spent })
    }

    /// Runs one case alone. If the subject dies or hangs, that is its verdict, and the subject is
    /// started again. Gives back the living subject and whether the case was deadly.
    async fn alone(&self, i: usize, subject: Subject) -> Result<(Subject, bool), Error> {
        let mut stretch = 1;
        let unserved = loop {
            let unshared = self.unshared(&subject);
            let timing = unshared.timing.stretched(stretch);
            let shared = Rc::new(Shared { timing, ..unshared });
            let ran = match self.one(&subject, &self.watch, &shared, i).await {
                Ok(ran) => ran,
                Err(how) => break Unserved::Ended(how),
            };
            if let Err(unserved) = subject.serves(self.unshared(&subject), false).await {
                break unserved;
            }
            match ran.was_starved(stretch) {
                Some(Longer::Times(times)) => stretch = times,
                longer => {
                    self.judge(i, if longer.is_none() { ran } else { ran.for_want_of_time() });
                    return Ok((subject, false));
                }
            }
        };
        let mut got = format!("the subject {unserved}");
        let obituary = subject.obituary();
        if !obituary.is_empty() {
            got = format!("{got}\n{obituary}");
        }
        let is_known = !matches!(unserved, Unserved::Unknown(_));
        let outcome = if is_known { Outcome::Fail } else { Outcome::Error };
        self.judge(i, Ran::silent(Verdict::new(outcome, SURVIVAL, got)));
        Ok((self.start_again(subject).await?, is_known))
    }

    /// Runs the suspects alone, one by one. If none of them is deadly alone, the death itself
    /// is on record.
    async fn find_culprit(
        &self,
        how: &Unserved,
        suspects: &[usize],
        dead: Subject,
    ) -> Result<Subject, Error> {
        let mut subject = self.start_again(dead).await?;
        let mut found = false;
        for &i in suspects {
            let deadly;
            (subject, deadly) = self.alone(i, subject).await?;
            found |= deadly;
        }
        if !found {
            let ids: Vec<&str> = suspects.iter().map(|&i| &self.cases[i].id[..]).collect();
            let text = format!(
                "the subject {how} while these cases ran side by side: {}. None of them alone brings it down",
                ids.join(", ")
            );
            let is_known = !matches!(how, Unserved::Unknown(_));
            self.ledger.borrow_mut().note(is_known, text);
        }
        Ok(subject)
    }

    fn suspect(&self, how: &Unserved, suspects: &[usize]) {
        let suspects = suspects.iter().map(|&i| &self.cases[i].id[..]).collect();
        self.tell(Event::Died { how: how.to_string(), suspects });
    }

    pub(super) async fn start_again(&self, subject: Subject) -> Result<Subject, Error> {
        subject.stop().await;
        let subject = Subject::start(self.profile).await?;
        self.watch.begin(&subject);
        Ok(subject)
    }

    pub(super) fn judge(&self, i: usize, ran: Ran) {
        if self.cases[i].audits.is_some() && ran.verdict.outcome != Outcome::Skip {
            self.withheld.borrow_mut().insert(i, ran);
        } else {
            self.enter(i, ran);
        }
    }

    /// What the audit has found by now is the verdict of its cases.
    fn judge_audit(&self) {
        for (i, ran) in self.withheld.take() {
            let verdict = ran.verdict;
            let Some(rule) = self.cases[i].audits else { continue };
            let found = self.audit.verdict(rule);
            // A tour that was not taken to its end says nothing of this rule, unless the subject died of it.
            let broken = verdict.outcome == Outcome::Fail && verdict.expected != SURVIVAL;
            let verdict = match (broken, found.outcome) {
                (true, Outcome::Skip) => {
                    Verdict { got: format!("{}: {}", found.got, verdict.got), ..found }
                }
                (true, _) => found,
                (false, _) => found.worse(verdict),
            };
            self.enter(i, Ran { verdict, ..ran });
        }
    }

    fn enter(&self, i: usize, Ran { verdict, trace, seconds, .. }: Ran) {
        let judged = self.ledger.borrow().judged(i, verdict, trace, seconds);
        self.tell(Event::Judged(&judged));
        self.ledger.borrow_mut().enter(i, judged);
    }

    pub(super) fn tell(&self, event: Event<'_>) {
        (self.observer.borrow_mut())(event);
    }

    /// What was found until then.
    pub(super) fn report(self, end: End) -> Report {
        self.judge_audit();
        let why = match &end {
            End::Complete => "the time budget was used up",
            End::FailFast => "an earlier case failed",
            End::Interrupted => "the run was interrupted",
            End::TimeLimit => "the time limit was reached",
            End::Dead(_) => "the subject was dead",
        };
        let seconds = self.began.get().map_or(0.0, |began| began.elapsed().as_secs_f64());
        let (results, notes) = self.ledger.into_inner().close(why);
        Report {
            schema: SCHEMA,
            harness: env!("CARGO_PKG_VERSION").into(),
            subject: self.profile.name.clone(),
            version: self.profile.version.clone(),
            end,
            seed: self.options.shuffle,
            seconds: milliseconds(seconds),
            results,
            notes,
            samples: self.watch.into_samples(),
        }
    }
}

/// Paths of resources that do not change, as the subject contract has it.
fn constant(profile: &Profile) -> Vec<String> {
    let of = |route| profile.routes.get(&route).cloned();
    [Route::Hello, Route::File].into_iter().filter_map(of).collect()
}
