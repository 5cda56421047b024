//! A subject that has no descriptors left: it waits for some, goes on with what it has, and does not spin.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::{again, is_served};
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{get, next_answer};
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
    let mut without = None;
    while began.elapsed() < HOLD {
        if stays && without.is_none() {
            without = asked(&cx.untraced(), &mut regular).await?;
        }
        Timer::after(BETWEEN).await;
    }
    let (spent, starved) = match (before, Vitals::of_group(group)) {
        (Some(before), Some(now)) => {
            (now.cpu.saturating_sub(before.cpu), now.starved.saturating_sub(before.starved))
        }
        _ => (Duration::ZERO, Duration::ZERO),
    };
    let lasted = began.elapsed();
    let count = crowd.len();
    drop(crowd);
    // Those that it was left are free again: no more are needed.
    again(&cx).await?;
    drop(shortage);
    let expected = "it pauses, serves those it has, and goes on once there are descriptors";
    let got = format!("beside {count} connections it took {} of {}", spell(spent), spell(lasted));
    // A loop around accept takes all that it can get; ten requests and a second try now and then take next to nothing.
    if spent > lasted / 4 {
        return Err(Verdict::fail(expected, format!("it spins: {got} of a processor")));
    }
    let could = lasted.saturating_sub(starved);
    if starved > lasted / 2 && spent > could / 2 {
        let unknown = "the machine is too busy to tell whether it spins";
        return Ok(Verdict::new(Outcome::Skip, expected, unknown));
    }
    Ok(match without {
        Some(status) => {
            let meanwhile = format!("a connection that was there before is answered {status}");
            Verdict::warn(expected, format!("{meanwhile}, and it goes on; {got} of a processor"))
        }
        None => Verdict::pass(expected, format!("so it did; {got} of a processor")),
    })
}

/// Asks on a connection that was there before. A server that needs a descriptor for the answer, to open a file
/// or to reach a server behind it, cannot give one, and may say so (RFC 9110 §15.6): this is the status.
async fn asked(cx: &Context, regular: &mut Connection) -> Result<Option<u16>, Verdict> {
    regular.send(&get(cx, Route::Hello, ""), cx.answer_by()).await;
    let answer = next_answer(regular, "GET", cx.answer_by()).await;
    judged(answer.status()).map_err(|expected| {
        Verdict::fail(expected, answer.describe()).at("a connection that was there before")
    })
}

fn judged(status: Option<u16>) -> Result<Option<u16>, &'static str> {
    match status {
        Some(200..300) => Ok(None),
        Some(status @ (500 | 502 | 503)) => Ok(Some(status)),
        _ => Err("GET of hello is answered, if only to say that it cannot be"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_that_it_cannot_answer_has_answered() {
        assert_eq!(judged(Some(200)), Ok(None));
        assert_eq!(judged(Some(503)), Ok(Some(503)));
        assert!(judged(Some(404)).is_err() && judged(None).is_err());
    }
}
