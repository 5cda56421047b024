//! Clients that leave while their handlers hang, again and again: neither workers nor descriptors stay with them for good.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::crowd::{Crowd, Tally};
use super::{Case, Context, MAX_PROMISE, Verdict, case};
use crate::case::Family;
use crate::context::spell;
use crate::http::exchange::healthy;
use crate::route::Route;
use crate::subject::Vitals;
use crate::wire::Source;

/// Clients that leave at a time, and how often: in all more than a pool of some dozens or hundreds of workers.
const LEAVERS: usize = 50;
const ROUNDS: usize = 5;
/// How long each handler sleeps by which capacity is measured.
const SLEEP: Duration = Duration::from_millis(100);
/// Descriptors that a subject may keep for purposes of its own.
const KEPT: u64 = 16;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn case_of_leaving() -> Case {
    let needs = [Route::Hang, Route::Sleep, Route::Hello];
    let title = "Clients that leave while their handlers hang take nothing along";
    case(Family::Stall, "leave", title, &needs, leave_and_look)
}

async fn leave_and_look(cx: Context) -> Result<Verdict, Verdict> {
    let count = Crowd::size(&cx, LEAVERS)?;
    let (_own, cx) = cx.apart().await?;
    let held = descriptors(&cx);
    let before = sleepers(&cx, count).await?;
    let round = format!("beside {count} handlers that hang");
    for _ in 0..ROUNDS {
        let mut crowd = Crowd::gather(&cx, Route::Hang, count).await?;
        crowd.ask(&cx, Route::Hang, "").await;
        healthy(&cx.untraced(), Source::Victim).await.map_err(|verdict| verdict.at(&round))?;
        crowd.leave();
    }
    // What a promised limit is to end may last until then.
    let promise = cx.limits().handler.filter(|promise| *promise <= MAX_PROMISE);
    let patience =
        promise.map_or(cx.timing().answer, |promise| promise + cx.timing().slack(promise));
    let until = Instant::now() + patience;
    let after = as_many_again(&cx, count, &before, until).await?;
    let left = loop {
        let left = descriptors(&cx).zip(held).map(|(now, held)| now.saturating_sub(held));
        if left.is_none_or(|left| left <= KEPT) || Instant::now() >= until {
            break left;
        }
        Timer::after(PAUSE).await;
    };
    Ok(judged(&before, &after, left, promise, patience))
}

/// What became of requests that sleep at the same time, and how long that took.
struct Sleepers {
    tally: Tally,
    took: Duration,
}

impl Sleepers {
    /// Whether the subject had as many workers for them as it had for others `before`: to sleep in more turns takes longer.
    fn are_as_many_as(&self, before: &Self, slack: Duration) -> bool {
        // How many a full queue refuses is a matter of moments.
        self.tally.done * 2 >= before.tally.done && self.took <= before.took * 2 + slack
    }

    fn describe(&self) -> String {
        format!("{} in {}", self.tally.done, spell(self.took))
    }
}

async fn sleepers(cx: &Context, count: usize) -> Result<Sleepers, Verdict> {
    let cx = &cx.untraced();
    let mut crowd = Crowd::gather(cx, Route::Sleep, count).await?;
    let began = Instant::now();
    crowd.ask(cx, Route::Sleep, &format!("?ms={}", SLEEP.as_millis())).await;
    let tally = crowd.answers(cx.answer_by() + SLEEP * count as u32).await;
    Ok(Sleepers { tally, took: began.elapsed() })
}

/// Waits until as many can sleep as before, or the time is up.
async fn as_many_again(
    cx: &Context,
    count: usize,
    before: &Sleepers,
    until: Instant,
) -> Result<Sleepers, Verdict> {
    let slack = cx.timing().slack(SLEEP);
    loop {
        let after = sleepers(cx, count).await?;
        if after.are_as_many_as(before, slack) {
            return Ok(after);
        }
        if Instant::now() >= until {
            cx.trace().waited_in_vain(cx.timing().answer);
            let expected = format!(
                "once the clients of {} handlers that hang have left, as many requests are served as before: {}",
                ROUNDS * count,
                before.describe()
            );
            return Err(Verdict::fail(expected, after.describe()));
        }
        Timer::after(PAUSE).await;
    }
}

fn descriptors(cx: &Context) -> Option<u64> {
    cx.group().and_then(Vitals::of_group).map(|vitals| vitals.descriptors)
}

/// What all comes to, where so many more descriptors are `left` than before; `None` where nobody can see that.
fn judged(
    before: &Sleepers,
    after: &Sleepers,
    left: Option<u64>,
    promise: Option<Duration>,
    patience: Duration,
) -> Verdict {
    let expected = "workers and descriptors are free again";
    let capacity = format!(
        "of requests that sleep {} were answered before, {} then",
        before.describe(),
        after.describe()
    );
    match (left, promise) {
        (Some(left), Some(promise)) if left > KEPT => Verdict::fail(
            expected,
            format!(
                "{left} descriptors more than before are held {} after the last client left, though handlers are promised to end after {}; {capacity}",
                spell(patience),
                spell(promise)
            ),
        ),
        (Some(left), None) if left > KEPT => Verdict::warn(
            expected,
            format!(
                "{left} descriptors more than before are held {} after the last client left, and no limit `handler` is promised that would end that; {capacity}",
                spell(patience)
            ),
        ),
        (Some(_), _) => Verdict::pass(expected, format!("so they are; {capacity}")),
        (None, _) => Verdict::pass(expected, format!("descriptors cannot be seen; {capacity}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Outcome;

    const fn sleepers(done: usize, ms: u64) -> Sleepers {
        let tally = Tally { done, over: 50 - done, open: 0 };
        Sleepers { tally, took: Duration::from_millis(ms) }
    }

    #[test]
    fn fewer_workers_take_longer_or_refuse_more() {
        let slack = Duration::from_millis(500);
        let before = sleepers(50, 100);
        assert!(sleepers(50, 600).are_as_many_as(&before, slack));
        assert!(!sleepers(50, 800).are_as_many_as(&before, slack));
        assert!(!sleepers(20, 100).are_as_many_as(&before, slack));
    }

    #[test]
    fn what_is_kept_breaks_a_promise_or_is_worth_knowing() {
        let some = sleepers(50, 100);
        let second = Duration::from_secs(1);
        let outcome = |left, promise| judged(&some, &some, left, promise, second).outcome;
        assert_eq!(outcome(Some(KEPT), Some(second)), Outcome::Pass);
        assert_eq!(outcome(Some(KEPT + 1), Some(second)), Outcome::Fail);
        assert_eq!(outcome(Some(KEPT + 1), None), Outcome::Warn);
        assert_eq!(outcome(None, Some(second)), Outcome::Pass);
    }
}
