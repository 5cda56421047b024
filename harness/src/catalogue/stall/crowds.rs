//! More stalled handlers than workers: others are served all the while, and as many can stall again afterwards.

use std::mem;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use async_io::Timer;

use super::crowd::{Crowd, Tally};
use super::victims::{Figures, Victims};
use super::{Case, Context, Outcome, Verdict, case};
use crate::case::Family;
use crate::context::spell;
use crate::http::exchange::healthy;
use crate::route::Route;
use crate::wire::Source;

/// Slow requests at a time on any day.
const FEW: usize = 20;
/// More than a server has workers, whose number goes by that of processors, or by a pool of some dozens.
const MANY: usize = 100;
/// How long a handler sleeps, and how long those that never end are watched.
const SLEEP: Duration = Duration::from_millis(300);
/// How long a handler computes.
const SPIN: Duration = Duration::from_millis(500);
/// Handlers that compute, for each processor and in all: so many that workers for each processor are all taken, and so few
/// that who computes one after the other is done in seconds.
const SPINNERS_EACH: usize = 4;
const SPINNERS: std::ops::RangeInclusive<usize> = 8..=32;
/// So many times longer than anybody waits undisturbed nobody is to be served before that means something.
const TELLING: u32 = 8;
/// Handlers take no more times longer than usual where the machine is busy: they are many.
const MAX_STRETCH: u32 = 4;
/// The same crowd comes so often.
const ROUNDS: usize = 2;
/// How long victims are watched while nobody else is there.
const UNDISTURBED: Duration = Duration::from_millis(250);
/// Whose victims get this part of their usual rate, or less, is told so. Between that and all of it a busy machine may
/// be the cause.
const SLOWER: f64 = 0.25;

pub(super) fn cases() -> [Case; 4] {
    let stalls = |id, title, stall: Stall| {
        let needs = [stall.route, Route::Hello];
        case(Family::Stall, id, title, &needs, move |cx| beside(cx, stall))
    };
    let processors = available_parallelism().map_or(1, usize::from);
    let spinners = (processors * SPINNERS_EACH).clamp(*SPINNERS.start(), *SPINNERS.end());
    let [sleep, spin, hang] = [Route::Sleep, Route::Spin, Route::Hang];
    let few = "Twenty slow requests hold up no fast ones";
    let many = "A hundred slow requests hold up no fast ones, and are all answered";
    let computing = "Handlers that compute, more than there are processors, hold up nobody";
    let hanging = "A hundred handlers that hang hold up nobody";
    [
        stalls("sleep-few", few, Stall { route: sleep, count: FEW, span: SLEEP }),
        stalls("sleep-many", many, Stall { route: sleep, count: MANY, span: SLEEP }),
        stalls("spin", computing, Stall { route: spin, count: spinners, span: SPIN }),
        stalls("hang", hanging, Stall { route: hang, count: MANY, span: SLEEP }),
    ]
}

/// Handlers that stall at the same time.
#[derive(Clone, Copy)]
struct Stall {
    route: Route,
    count: usize,
    /// How long each of them stalls; of those that never end, how long they are watched.
    span: Duration,
}

impl Stall {
    /// The same, for a machine on which nobody waits longer than `usual`, and no longer than the subject promises to let
    /// handlers run: those that wait for others of the crowd take twice as long.
    fn fit(self, cx: &Context, usual: Duration) -> Self {
        let longest = self.span * MAX_STRETCH;
        let telling = (self.span * cx.timing().stretch).max(usual * TELLING).min(longest);
        let promised = cx.limits().handler.map_or(longest, |promise| promise / 2);
        Self { span: telling.min(promised), ..self }
    }

    fn query(&self) -> String {
        match self.route {
            Route::Hang => String::new(),
            _ => format!("?ms={}", self.span.as_millis()),
        }
    }

    fn ends(&self) -> bool {
        self.route != Route::Hang
    }

    /// When the last of them has ended, even if they run one after the other.
    fn latest(&self, cx: &Context) -> Instant {
        cx.answer_by() + self.span * self.count as u32
    }

    /// What it does, for a sentence that says how many.
    fn does(&self) -> String {
        let span = spell(self.span);
        match self.route {
            Route::Hang => "hang".into(),
            Route::Spin => format!("compute for {span} each"),
            _ => format!("sleep for {span} each"),
        }
    }
}

/// A round: what came of the crowd, and how others fared meanwhile.
struct Round {
    tally: Tally,
    victims: Figures,
}

async fn beside(cx: Context, stall: Stall) -> Result<Verdict, Verdict> {
    let count = Crowd::size(&cx, stall.count)?;
    let (own, cx) = cx.apart().await?;
    let victims = Victims::new(&cx);
    let act = async {
        let before = undisturbed(&cx, &victims).await?;
        let stall = Stall { count, ..stall }.fit(&cx, before.worst);
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(&cx, &stall, &victims, own.is_some()).await?);
        }
        let after = undisturbed(&cx, &victims).await?;
        Ok(judged(&stall, &rounds, before.rate.min(after.rate)))
    };
    victims.beside(act).await?
}

/// How victims fare while nobody stalls.
async fn undisturbed(cx: &Context, victims: &Victims) -> Result<Figures, Verdict> {
    let from = Instant::now();
    Timer::after(UNDISTURBED).await;
    let figures = victims.between(from, Instant::now());
    let expected = "healthy clients alone are served";
    if let Some(got) = &figures.failed {
        return Err(Verdict::fail(expected, got));
    }
    if figures.staying == 0 || figures.newcomers == 0 {
        healthy(cx, Source::Victim).await?;
        let got =
            format!("the machine was too busy to judge: nobody was for {}", spell(UNDISTURBED));
        return Err(Verdict::new(Outcome::Error, expected, got));
    }
    Ok(figures)
}

async fn round(
    cx: &Context,
    stall: &Stall,
    victims: &Victims,
    is_own: bool,
) -> Result<Round, Verdict> {
    let mut crowd = Crowd::gather(cx, stall.route, stall.count).await?;
    let begun = Instant::now();
    // Before that none of them has ended.
    let to = begun + stall.span * 9 / 10;
    crowd.ask(cx, stall.route, &stall.query()).await;
    // By then whoever runs handlers has begun as many as it will.
    let from = Instant::now() + stall.span / 4;
    Timer::at(to).await;
    let seen = victims.between(from, to);
    let mut early = crowd.answers(Instant::now()).await;
    if begun.elapsed() >= stall.span {
        // We come late: who is done may be so by right.
        early.open += mem::take(&mut early.done);
    }
    if let Err(verdict) = served(stall, early, &seen, to.saturating_duration_since(from)) {
        // Where the machine gave the subject no time, it is to have more, as whoever is late with an answer.
        cx.trace().waited_in_vain(cx.timing().answer);
        if !is_own {
            // Others will ask the same subject: it is to have done what it was asked.
            crowd.answers(stall.latest(cx)).await;
        }
        return Err(verdict);
    }
    let tally = if stall.ends() { crowd.answers(stall.latest(cx)).await } else { early };
    crowd.leave();
    Ok(Round { tally, victims: seen })
}

/// Whether healthy clients were served for this `span`, in which all of the crowd stalled.
fn served(stall: &Stall, early: Tally, victims: &Figures, span: Duration) -> Result<(), Verdict> {
    let (count, does) = (early.all(), stall.does());
    let expected = format!("while {count} handlers {does}, others are served");
    if early.done > 0 {
        let got = format!(
            "{} of them were answered 200 before their time: the route `{}` does not do what the contract says",
            early.done, stall.route
        );
        return Err(Verdict::fail(expected, got));
    }
    if span < stall.span / 4 {
        let got = "the machine was too busy to ask them all in that time";
        return Err(Verdict::new(Outcome::Error, expected, got));
    }
    if let Some(got) = &victims.failed {
        return Err(Verdict::fail(expected, format!("a healthy client beside them: {got}")));
    }
    // Who is held up waits all the while; several who take long, one after the other, are only slow.
    let held_up = match (victims.staying, victims.newcomers) {
        _ if victims.worst < span => return Ok(()),
        (0, 0) => "nobody was",
        (0, _) => "nobody was who stayed on a connection",
        (_, 0) => "no newcomer was",
        _ => return Ok(()),
    };
    let (span, worst) = (spell(span), spell(victims.worst));
    let got = format!("{held_up} for {span}, and somebody waited for {worst} at least");
    if victims.is_busy && stall.route != Route::Spin {
        let got = format!("the machine was too busy to judge: {got}");
        return Err(Verdict::new(Outcome::Error, expected, got));
    }
    // Handlers that compute lack processors by their own doing.
    Err(Verdict::fail(expected, got))
}

/// What all rounds come to, where the victims' rate is otherwise `usual`.
fn judged(stall: &Stall, rounds: &[Round], usual: f64) -> Verdict {
    let (first, last) = match rounds {
        [first, .., last] => (first.tally, last.tally),
        _ => return Verdict::new(Outcome::Error, "several rounds", "too few"),
    };
    let (count, does) = (first.all(), stall.does());
    let expected =
        format!("while {count} handlers {does}, others are served, and as many can again");
    if stall.ends() && last.open + first.open > 0 {
        let got = format!("{} requests of the crowd were never answered", last.open + first.open);
        return Verdict::fail(expected, got);
    }
    // How many a full queue refuses is a matter of moments.
    if last.done * 2 < first.done {
        let got = format!("at first {} were answered, the next time {}", first.done, last.done);
        return Verdict::fail(expected, got);
    }
    if first.over == count {
        return Verdict::warn(expected, "all of them were refused at once");
    }
    let rates = rounds.iter().map(|round| round.victims.rate);
    let best = rates.fold(0.0, f64::max);
    let worst = rounds.iter().map(|round| round.victims.worst).max().unwrap_or_default();
    let got = format!(
        "others were answered {best:.0} times a second, {:.2} of the undisturbed rate, within {}; of the crowd {} were refused",
        best / usual,
        spell(worst),
        first.over
    );
    // Who computes takes the processor from others: that is no fault of the subject's.
    let tells = stall.route != Route::Spin && rounds.iter().all(|round| !round.victims.is_busy);
    let outcome = if tells && best < usual * SLOWER { Outcome::Warn } else { Outcome::Pass };
    Verdict::new(outcome, expected, got)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Stall = Stall { route: Route::Sleep, count: 10, span: SLEEP };
    const ALL: Tally = Tally { done: 10, over: 0, open: 0 };

    fn figures(rate: f64) -> Figures {
        Figures { staying: 9, newcomers: 9, rate, ..Figures::default() }
    }

    fn round(tally: Tally, rate: f64) -> Round {
        Round { tally, victims: figures(rate) }
    }

    #[test]
    fn who_serves_nobody_is_at_fault() {
        let asleep = Tally { done: 0, over: 0, open: 10 };
        let outcome = |early, victims: &Figures, span| {
            served(&STALL, early, victims, span).map_err(|verdict| verdict.outcome)
        };
        assert_eq!(outcome(asleep, &figures(1.0), SLEEP), Ok(()));
        assert_eq!(outcome(asleep, &figures(1.0), SLEEP / 5), Err(Outcome::Error));
        for (staying, newcomers) in [(0, 0), (0, 1), (1, 0)] {
            let victims = Figures { staying, newcomers, worst: SLEEP, ..Figures::default() };
            assert_eq!(outcome(asleep, &victims, SLEEP), Err(Outcome::Fail));
            let slow = Figures { worst: SLEEP / 2, ..victims };
            assert_eq!(outcome(asleep, &slow, SLEEP), Ok(()));
        }
        let nobody = Figures { is_busy: true, worst: SLEEP, ..Figures::default() };
        let busy = |stall| served(&stall, asleep, &nobody, SLEEP).unwrap_err().outcome;
        assert_eq!(busy(STALL), Outcome::Error, "it may have had no processor");
        assert_eq!(busy(Stall { route: Route::Spin, ..STALL }), Outcome::Fail, "it took them all");
        let refused = Figures { failed: Some("503".into()), ..figures(1.0) };
        assert_eq!(outcome(asleep, &refused, SLEEP), Err(Outcome::Fail));
        let awake = Tally { done: 1, over: 0, open: 9 };
        assert_eq!(outcome(awake, &figures(1.0), SLEEP), Err(Outcome::Fail), "no sleep");
    }

    #[test]
    fn who_is_slower_is_told_unless_the_machine_was_busy() {
        let outcome = |rounds: [Round; 2]| judged(&STALL, &rounds, 100.0).outcome;
        let slow = || round(ALL, 20.0);
        let mut busy = slow();
        busy.victims.is_busy = true;
        assert_eq!(outcome([slow(), slow()]), Outcome::Warn);
        assert_eq!(outcome([slow(), round(ALL, 30.0)]), Outcome::Pass, "once is chance");
        assert_eq!(outcome([slow(), busy]), Outcome::Pass);
        let spin = Stall { route: Route::Spin, ..STALL };
        assert_eq!(judged(&spin, &[slow(), slow()], 100.0).outcome, Outcome::Pass);
    }

    #[test]
    fn capacity_is_to_return_and_every_request_to_be_told() {
        let outcome =
            |first, last| judged(&STALL, &[round(first, 99.0), round(last, 99.0)], 100.0).outcome;
        let some = |done| Tally { done, over: 10 - done, open: 0 };
        assert_eq!(outcome(ALL, some(5)), Outcome::Pass);
        assert_eq!(outcome(ALL, some(4)), Outcome::Fail);
        assert_eq!(outcome(some(0), some(0)), Outcome::Warn, "nobody stalled");
        assert_eq!(outcome(ALL, Tally { done: 9, over: 0, open: 1 }), Outcome::Fail);
    }
}
