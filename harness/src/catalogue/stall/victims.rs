//! Healthy clients beside stalled handlers, and how they fare.

use std::cell::RefCell;
use std::future::pending;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;

use super::{Context, Outcome, Verdict};
use crate::http::exchange::{Answer, get, next_answer};
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::wire::{Connection, Source};

/// Clients that stay on their connection, and as many that come anew for each request.
const OF_A_KIND: usize = 2;
/// Where we had no processor for this part of the time, figures say nothing of the subject.
const BUSY: f64 = 0.25;
/// What our own timers are asked for.
const TICK: Duration = Duration::from_millis(10);
/// Between an answer and the next request of the same client: they are to be healthy, not a load.
const PAUSE: Duration = Duration::from_millis(5);

/// Who asks for `hello` again and again, and what came of it.
pub(super) struct Victims {
    cx: Context,
    log: RefCell<Vec<Asked>>,
    /// When our own timers were due, and how late they were: then we had no processor, and the subject hardly one.
    ticks: RefCell<Vec<(Instant, Duration)>>,
    /// Why we could not ask.
    ours: RefCell<Option<Verdict>>,
}

/// One request.
#[derive(Clone, Debug)]
struct Asked {
    /// On a connection from before.
    stays: bool,
    begun: Instant,
    /// When it was answered, or what came in place of an answer; `None` while it waits.
    ended: Option<(Instant, Result<(), String>)>,
}

/// How they fared for a while.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// Requests of those who stayed on their connection, begun and answered in that time.
    pub(super) staying: usize,
    /// The same of those who came anew.
    pub(super) newcomers: usize,
    /// What somebody got that is no answer.
    pub(super) failed: Option<String>,
    /// Requests answered a second.
    pub(super) rate: f64,
    /// The longest that anybody waited.
    pub(super) worst: Duration,
    /// The machine had little time for us, and so perhaps little for the subject.
    pub(super) is_busy: bool,
}

impl Victims {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            // They are many, and alike: the case's trace is the stalled ones'.
            cx: cx.untraced(),
            log: RefCell::default(),
            ticks: RefCell::default(),
            ours: RefCell::default(),
        }
    }

    /// Has them ask until `act` has come to its end.
    ///
    /// # Errors
    ///
    /// Why we could not ask.
    pub(super) async fn beside<T>(&self, act: impl Future<Output = T>) -> Result<T, Verdict> {
        let asking = async {
            let kinds = [true, false].into_iter().cycle().take(2 * OF_A_KIND);
            side_by_side(kinds.map(|stays| self.ask_on(stays))).await;
            pending().await
        };
        let ticking = async {
            loop {
                let due = Instant::now() + TICK;
                Timer::at(due).await;
                self.ticks.borrow_mut().push((due, due.elapsed()));
            }
        };
        let acted = act.or(asking).or(ticking).await;
        self.ours.take().map_or(Ok(acted), Err)
    }

    /// How they fared between these moments.
    pub(super) fn between(&self, from: Instant, to: Instant) -> Figures {
        let ticks = self.ticks.borrow();
        let ticks = ticks.iter().filter(|(due, _)| (from..to).contains(due));
        let late: Duration = ticks.map(|(_, late)| *late).sum();
        let is_busy = late > to.saturating_duration_since(from).mul_f64(BUSY);
        Figures { is_busy, ..figures(&self.log.borrow(), from, to) }
    }

    async fn ask_on(&self, stays: bool) {
        let mut open = None;
        while self.ours.borrow().is_none() {
            let place = self.log.borrow().len();
            self.log.borrow_mut().push(Asked { stays, begun: Instant::now(), ended: None });
            let asked = self.ask(&mut open).await;
            let ended = match asked {
                Ok(()) => Ok(()),
                Err(verdict) if verdict.outcome == Outcome::Fail => Err(verdict.got),
                Err(ours) => {
                    self.ours.replace(Some(ours));
                    return;
                }
            };
            self.log.borrow_mut()[place].ended = Some((Instant::now(), ended));
            if !stays {
                open = None;
            }
            Timer::after(PAUSE).await;
        }
    }

    /// Asks once, on the connection that is open, if it still is.
    async fn ask(&self, open: &mut Option<Connection>) -> Result<(), Verdict> {
        let cx = &self.cx;
        let request = get(cx, Route::Hello, "");
        let mut was_open = open.is_some();
        loop {
            let mut connection = match open.take() {
                Some(connection) => connection,
                None => cx.connect(Route::Hello, Source::Victim).await?,
            };
            connection.send(&request, cx.answer_by()).await;
            match next_answer(&mut connection, "GET", cx.answer_by()).await {
                Answer::Response(response) if (200..300).contains(&response.status) => {
                    *open = (!response.announces_close()).then_some(connection);
                    return Ok(());
                }
                // It may have had its last request, and been closed while this one was on its way.
                Answer::Closed if was_open => was_open = false,
                answer => return Err(Verdict::fail("2xx", answer.describe())),
            }
        }
    }
}

fn figures(log: &[Asked], from: Instant, to: Instant) -> Figures {
    let mut figures = Figures::default();
    for Asked { stays, begun, ended } in log {
        let until = ended.as_ref().map_or(to, |(at, _)| *at);
        if *begun > to || until < from {
            continue;
        }
        figures.worst = figures.worst.max(until.min(to).saturating_duration_since(*begun));
        match ended {
            Some((at, Ok(()))) if *begun >= from && *at <= to => match stays {
                true => figures.staying += 1,
                false => figures.newcomers += 1,
            },
            Some((at, Err(got))) if *at <= to => figures.failed = Some(got.clone()),
            _ => {}
        }
    }
    let span = to.saturating_duration_since(from).as_secs_f64();
    let served = figures.staying + figures.newcomers;
    figures.rate = if span > 0.0 { served as f64 / span } else { 0.0 };
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_begun_and_answered_in_time_and_who_waits_is_seen() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let asked = |stays, begun, ended: Option<u64>| Asked {
            stays,
            begun: at(begun),
            ended: ended.map(|ms| (at(ms), Ok(()))),
        };
        let mut log = vec![
            asked(true, 0, Some(10)),   // over before
            asked(true, 90, Some(110)), // begun before
            asked(true, 120, Some(130)),
            asked(false, 140, Some(150)),
            asked(false, 160, Some(250)), // answered behind
            asked(true, 20, None),        // waits all the while
        ];
        let seen = figures(&log, at(100), at(200));
        assert_eq!((seen.staying, seen.newcomers), (1, 1));
        assert!((seen.rate - 20.0).abs() < 1e-6, "{seen:?}");
        assert_eq!((seen.worst, seen.failed), (Duration::from_millis(180), None));
        log[3].ended = Some((at(150), Err("503".into())));
        let seen = figures(&log, at(100), at(200));
        assert_eq!((seen.newcomers, seen.failed), (0, Some("503".into())));
    }
}
