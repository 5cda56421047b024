//! A handler that takes longer than promised: its client hears so in time, and nothing of it afterwards.

use std::time::{Duration, Instant};

use super::{Case, Context, MAX_PROMISE, Outcome, Verdict, case, skip};
use crate::case::Family;
use crate::context::spell;
use crate::http::Response;
use crate::http::exchange::{Answer, Marked, Marker, get, healthy, next_answer};
use crate::route::Route;
use crate::wire::{Connection, Read, Source};

pub(super) fn cases() -> [Case; 3] {
    let late = |id, title, route: Route| {
        let needs = [route, Route::Hello];
        case(Family::Stall, id, title, &needs, move |cx| handler_is_late(cx, route))
    };
    [
        late("deadline-hang", "A handler that never answers is given up in time", Route::Hang),
        late("deadline-sleep", "A handler that sleeps too long is given up in time", Route::Sleep),
        late("deadline-spin", "A handler that computes too long is given up in time", Route::Spin),
    ]
}

async fn handler_is_late(cx: Context, route: Route) -> Result<Verdict, Verdict> {
    let promised = "a promise that can be waited for";
    let promise = match cx.limits().handler {
        None => return Err(skip(promised, "the profile's [limits] promise nothing of `handler`")),
        Some(promise) if promise > MAX_PROMISE => {
            let got = format!("the promised {} is too long to wait for", spell(promise));
            return Err(skip(promised, got));
        }
        Some(promise) => promise,
    };
    let (_own, cx) = cx.apart().await?;
    let latest = promise + cx.timing().slack(promise);
    let query = match route {
        Route::Hang => String::new(),
        // Its end can then be told from its deadline.
        _ => format!("?ms={}", latest.as_millis()),
    };
    let mut connection = cx.connect(route, Source::Case).await?;
    let began = Instant::now();
    connection.send(&get(&cx, route, &query), cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", began + latest).await;
    let took = began.elapsed();
    let verdict = judged(&answer, took, promise);
    if verdict.outcome == Outcome::Fail {
        return Err(verdict);
    }
    // Of a handler that never ends nothing more can come.
    let ends = if route == Route::Hang { began } else { began + latest };
    nothing_follows(&cx, &mut connection, &answer, ends).await?;
    healthy(&cx, Source::Victim).await.map_err(|verdict| verdict.at("another client"))?;
    Ok(verdict)
}

/// What is to be thought of an answer that came after so long, where the handler takes longer than promised.
fn judged(answer: &Answer, took: Duration, promise: Duration) -> Verdict {
    let expected = format!("504, 503 or 500 after {}, or the connection is closed", spell(promise));
    let got = format!("{}, after {}", answer.describe(), spell(took));
    let outcome = match answer {
        // Who is promised time and gets not half of it is cut off while all is well.
        _ if took < promise / 2 => Outcome::Fail,
        Answer::Closed => Outcome::Pass,
        Answer::Response(response) => match response.status {
            500 | 503 | 504 => Outcome::Pass,
            // It is told that there is no answer, but not whose fault that is.
            400.. => Outcome::Warn,
            _ => Outcome::Fail,
        },
        Answer::Silence | Answer::Http2 | Answer::Malformed(_) => Outcome::Fail,
    };
    Verdict::new(outcome, expected, got)
}

/// The connection ends, or goes on in step: what the handler still says when it `ends` belongs to no other request.
async fn nothing_follows(
    cx: &Context,
    connection: &mut Connection,
    answer: &Answer,
    ends: Instant,
) -> Result<(), Verdict> {
    let closes = answer.response().is_none_or(Response::announces_close);
    let expected = "nothing follows the answer that no request asked for";
    let until = if closes { cx.answer_by() } else { ends + cx.timing().quiet };
    let read = connection.read(until).await;
    if !connection.unread().is_empty() {
        let unread = connection.unread().to_vec();
        return Err(Verdict::fail(expected, "more octets came behind it").with(&unread));
    }
    match read {
        Read::Ended | Read::Reset => return Ok(()),
        Read::Silence if closes => {
            let expected = "a connection whose close was announced is closed";
            return Err(Verdict::fail(expected, "it was still open"));
        }
        Read::Silence | Read::Data => {}
    }
    let Some(marker) = Marker::new(cx, Route::Hello) else { return Ok(()) };
    match marker.ask(cx, connection).await {
        Marked::Answered | Marked::Closed | Marked::Refused(_) => Ok(()),
        Marked::Silence => Err(Verdict::fail("the next request is answered", "no answer")),
        Marked::Surplus(got) => Err(Verdict::fail(expected, got)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Answer {
        Answer::Response(Response { status, ..Response::default() })
    }

    #[test]
    fn a_handler_is_given_up_neither_silently_nor_early() {
        let promise = Duration::from_secs(2);
        let outcome = |answer: &Answer, took| judged(answer, took, promise).outcome;
        for status in [500, 503, 504] {
            assert_eq!(outcome(&answered(status), promise), Outcome::Pass, "{status}");
        }
        assert_eq!(outcome(&Answer::Closed, promise), Outcome::Pass);
        assert_eq!(outcome(&answered(408), promise), Outcome::Warn);
        assert_eq!(outcome(&answered(200), promise), Outcome::Fail);
        assert_eq!(outcome(&Answer::Silence, promise * 2), Outcome::Fail);
        assert_eq!(outcome(&answered(504), promise / 4), Outcome::Fail, "too early");
    }
}
