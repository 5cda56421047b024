//! Whether the subject serves: known when it does, and when it could have and did not.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;

use super::patience::Spent;
use super::{POLL, Subject};
use crate::context::{Context, Shared, spell};
use crate::http::exchange::healthy;
use crate::route::Route;
use crate::timing::Timing;
use crate::verdict::Verdict;
use crate::wire::Source;
use crate::ws::client::Client;
use crate::ws::frame::opcode;

/// Who still computes after so many times the patience for an answer, with nothing left to do, does not come back.
const BACKLOG: u32 = 3;
/// A machine that gives the subject no time for so long, or six times the patience for an answer, will not soon.
const MAX_STARVED: Duration = Duration::from_secs(60);

impl Subject {
    /// Asks whether the subject serves a healthy client, with all the patience that it takes to know: what counts is the time in
    /// which it could have answered. Where cases run `beside`, a subject that works or waits for its turn may do so for
    /// them, and is given no more than twice the patience for an answer before that is not known.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(crate) async fn serves(&self, shared: Shared, beside: bool) -> Result<(), Unserved> {
        let answer = shared.timing.answer;
        let limit = if beside { answer * 2 } else { MAX_STARVED.max(answer * 6) };
        let timing = Timing { answer: limit, ..shared.timing };
        let cx = Context::new(Rc::new(Shared { timing, ..shared }), "probe");
        let last = RefCell::new(String::from("no answer"));
        let probed = async {
            while let Err(verdict) = probe(&cx).await {
                last.replace(verdict.got);
                Timer::after(POLL).await;
            }
            Ok(())
        };
        let gone = async {
            self.gone().await;
            Err(Unserved::Ended(self.end().unwrap_or_else(|| "ended".into())))
        };
        let tired = async {
            // Most answers come sooner than this.
            Timer::after(self.account.interval()).await;
            let began = self.account.spent(Duration::ZERO);
            loop {
                let due = Instant::now() + self.account.interval();
                Timer::at(due).await;
                let spent = self.account.spent(due.elapsed()) - began;
                if let Some(unserved) = Unserved::after(spent, answer, limit, &last.borrow()) {
                    return Err(unserved);
                }
            }
        };
        probed.or(gone).or(tired).await
    }
}

/// Why a healthy client was not served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unserved {
    /// The subject's process has ended, in this way.
    Ended(String),
    /// It could have answered, and did not.
    Hung(String),
    /// It had too little time to compute for anybody to know.
    Unknown(String),
}

impl Unserved {
    /// What follows from time so spent without an answer, where one that could be had is due after `answer`, and after `limit`
    /// it is enough; `None` while it may still come.
    fn after(spent: Spent, answer: Duration, limit: Duration, last: &str) -> Option<Self> {
        let waited = spell(spent.total());
        if spent.idle >= answer {
            Some(Self::Hung(format!("stopped serving: {last} for {waited}")))
        } else if spent.busy >= answer * BACKLOG {
            let busy = spell(spent.busy);
            Some(Self::Hung(format!(
                "stopped serving: {last} for {waited}; it computed for {busy}"
            )))
        } else if spent.total() >= limit {
            let (busy, starved) = (spell(spent.busy), spell(spent.starved));
            Some(Self::Unknown(format!(
                "did not serve for {waited}, of which it computed for {busy} and waited for a processor for {starved}"
            )))
        } else {
            None
        }
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(how) | Self::Hung(how) | Self::Unknown(how) => f.write_str(how),
        }
    }
}

/// Asks whether the subject still serves, in the plainest way that it offers.
///
/// # Errors
///
/// The verdict that follows when it does not.
pub(crate) async fn probe(cx: &Context) -> Result<(), Verdict> {
    if cx.offers(Route::Hello) {
        return healthy(cx, Source::Victim).await;
    }
    let patience = Instant::now() + cx.timing().answer;
    let mut client = Client::open(cx, Route::WsEcho, Source::Victim).await?;
    client.send(opcode::CLOSE, [], patience).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: Duration = Duration::from_secs(2);
    const LIMIT: Duration = Duration::from_secs(60);

    fn after(idle: u64, busy: u64, starved: u64) -> Option<Unserved> {
        let [idle, busy, starved] = [idle, busy, starved].map(Duration::from_secs);
        Unserved::after(Spent { idle, busy, starved }, ANSWER, LIMIT, "no answer")
    }

    #[test]
    fn only_who_could_have_answered_hangs() {
        assert_eq!(after(1, 5, 40), None, "it works, and waits for its turn");
        let hung = |how: &str| Some(Unserved::Hung(how.into()));
        assert_eq!(after(2, 0, 30), hung("stopped serving: no answer for 32s"));
        assert_eq!(after(0, 6, 2), hung("stopped serving: no answer for 8s; it computed for 6s"));
        let unknown = after(1, 5, 54);
        assert!(
            matches!(&unknown, Some(Unserved::Unknown(how)) if how.ends_with("for a processor for 54s")),
            "{unknown:?}"
        );
    }
}
