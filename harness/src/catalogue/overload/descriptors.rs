//! A subject that has no descriptors left: it waits for some, goes on with what it has, and does not spin.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::{again, is_served};
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{get, healthy_on, next_answer};
use crate::route::Route;
use crate::subject::{Shortage, Vitals};
use crate::verdict::{Outcome, Verdict};
use crate::wire::{Connection, Source};

/// Descriptors that the subject is left.
const SPARE: u64 = 16;
/// Connections that are opened at a time, before one asks whether there is room.
const BATCH: usize = 20;
/// When so many have not used up the descriptors, something else is at work.
const MAX_BATCHES: usize = 10;
/// How long there are none.
const HOLD: Duration = Duration::from_secs(1);
/// Between two requests meanwhile.
const BETWEEN: Duration = Duration::from_millis(100);

pub(super) fn case() -> Case {
    let title = "More connections than the subject has descriptors for";
    super::case(Family::Overload, "descriptors", title, &[Route::Hello], short_of_descriptors)
}

async fn short_of_descriptors(cx: Context) -> Result<Verdict, Verdict> {
    let skip = |why: &str| Ok(Verdict::new(Outcome::Skip, "to set the subject's limits", why));
    let Some(group) = cx.group() else {
        return skip("it was not started by the harness");
    };
    let mut regular = cx.connect(Route::Hello, Source::Victim).await?;
    regular.send(&get(&cx, Route::Hello, ""), cx.answer_by()).await;
    let first = next_answer(&mut regular, "GET", cx.answer_by()).await;
    // Who closes after each answer has no connection to go on with.
    let stays = first.response().is_some_and(|response| !response.announces_close());
    let shortage = match Shortage::of_group(group, SPARE) {
        Ok(shortage) => shortage,
        Err(error) => return skip(&error.to_string()),
    };
    let Some(crowd) = use_up(&cx).await? else {
        return skip("connections did not use up the descriptors that it was left");
    };
    let (began, before) = (Instant::now(), Vitals::of_group(group));
    while began.elapsed() < HOLD {
        if stays {
            healthy_on(&cx.untraced(), &mut regular)
                .await
                .map_err(|verdict| verdict.at("a connection that was there before"))?;
        }
        Timer::after(BETWEEN).await;
    }
    let spent = match (before, Vitals::of_group(group)) {
        (Some(before), Some(now)) => now.cpu.saturating_sub(before.cpu),
        _ => Duration::ZERO,
    };
    let lasted = began.elapsed();
    let count = crowd.len();
    drop(crowd);
    // Those that it was left are free again: no more are needed.
    again(&cx).await?;
    drop(shortage);
    let expected = "it pauses, serves those it has, and goes on once there are descriptors";
    let got = format!("beside {count} connections it took {} of {}", spell(spent), spell(lasted));
    // A loop around accept takes all that the machine has left, however busy that is; ten requests take next to nothing.
    if spent > lasted / 10 {
        return Err(Verdict::fail(expected, format!("it spins: {got} of a processor")));
    }
    Ok(Verdict::pass(expected, format!("so it did; {got} of a processor")))
}

/// Connects until somebody is not served; `None` if all always are.
async fn use_up(cx: &Context) -> Result<Option<Vec<Connection>>, Verdict> {
    let mut crowd = Vec::new();
    for batch in 0..MAX_BATCHES {
        for i in 0..BATCH {
            let traced = if (batch, i) == (0, 0) { cx.clone() } else { cx.untraced() };
            match traced.connect_silently(Route::Hello, Source::Attacker).await {
                Ok(connection) => crowd.push(connection),
                // Refused by the system, or ours to explain.
                Err(verdict) if verdict.outcome == Outcome::Fail => {}
                Err(ours) => return Err(ours),
            }
        }
        let quiet = Instant::now() + cx.timing().quiet;
        let mut last = match cx.untraced().connect_soon(Route::Hello, Source::Attacker).await {
            Ok(connection) => connection,
            Err(verdict) if verdict.outcome == Outcome::Fail => return Ok(Some(crowd)),
            Err(ours) => return Err(ours),
        };
        last.send(&get(cx, Route::Hello, ""), quiet).await;
        if !is_served(&next_answer(&mut last, "GET", quiet).await) {
            crowd.push(last);
            return Ok(Some(crowd));
        }
    }
    Ok(None)
}
