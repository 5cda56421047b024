//! The engine: runs cases side by side, notices a subject that dies, and pins the death on
//! its case.
//!
//! First all cases that may run beside others, `jobs` at a time; then, alone, the exclusive
//! ones, those that ran while the subject died (the *suspects*), and those that failed in
//! company. Whatever brings the subject down alone is the culprit; what fails in company and
//! passes alone is flaky.

mod batch;
mod leak;
mod ledger;
mod ran;
mod run;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_lite::FutureExt;

use crate::case::Case;
use crate::error::Error;
use crate::profile::Profile;
use crate::report::{End, Judged, Report};
use crate::verdict::Strength;

use run::Run;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cases run side by side at most this many; where it is more than one, those that wait for seconds run
    /// beside them, as many again.
    pub jobs: usize,
    /// The whole run, build aside, takes at most this long.
    pub time_limit: Duration,
    /// Each case runs so many times. The worst verdict counts, and one that fails in some runs and not in
    /// others is flaky.
    pub repeat: usize,
    /// Cases run in an order drawn from this seed, in place of the usual one.
    pub shuffle: Option<u64>,
    /// The run ends with the first failure of a rule at least this strong.
    pub fail_fast: Option<Strength>,
    /// No case is begun after this long; those left are skipped, the ones that take seconds first. What
    /// failed until then is still tried again alone.
    pub time_budget: Option<Duration>,
    /// Cases that use up what a server has run even where its address is neither loopback nor private:
    /// somebody may need it. They are skipped otherwise.
    pub exhaust: bool,
    /// Nothing is left out to save time: cases of compression send all the messages that the field knows,
    /// eleven gigabytes each way over the whole catalogue.
    pub thorough: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 16,
            time_limit: Duration::from_secs(600),
            repeat: 1,
            shuffle: None,
            fail_fast: None,
            time_budget: None,
            exhaust: false,
            thorough: false,
        }
    }
}

/// What happens during a run, for whoever shows progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// The subject is being built by this command.
    Building(&'a [String]),
    /// The subject is being started, or reached.
    Starting,
    /// The subject is ready; so many cases will run.
    Ready {
        /// Cases that were selected, those to be skipped among them, times their repetitions.
        cases: usize,
    },
    /// A case began.
    Began(&'a Case),
    /// A case was judged.
    Judged(&'a Judged),
    /// The subject died or hung while these cases ran; they will run again, alone.
    Died {
        /// How it ended.
        how: String,
        /// Ids of the cases that ran meanwhile.
        suspects: Vec<&'a str>,
    },
    /// Cases that failed in company run again, alone.
    Retrying(usize),
    /// The run has left something behind; cases run again to find out which does.
    Hunting,
}

/// Runs `cases` against the subject that `profile` describes, until all are judged or `stop`
/// ends. `observer` hears of each step as it is taken.
///
/// # Errors
///
/// [`Error::Usage`] for a profile that contradicts itself or the catalogue,
/// [`Error::Subject`] for a subject that does not build, start or get ready. One that dies
/// later ends the run early, and the report says so.
pub async fn run(
    profile: &Profile,
    cases: &[Case],
    options: &Options,
    stop: impl Future<Output = ()>,
    observer: impl FnMut(Event<'_>),
) -> Result<Report, Error> {
    profile.check()?;
    let run = Run::new(profile, cases, options, observer);
    let stop = async {
        stop.await;
        Ok(End::Interrupted)
    };
    // Stopping drops whatever had begun, and the subject's process with it. Boxed: the states of
    // all that may wait in a run are too much for the stack of a test's thread.
    let end = stop.or(Box::pin(run.whole())).await?;
    Ok(run.report(end))
}

/// Checks that the profile's deviations name cases of the catalogue.
///
/// # Errors
///
/// [`Error::Usage`] with the id that no case has.
pub fn check_deviations(profile: &Profile, catalogue: &[Case]) -> Result<(), Error> {
    let known: BTreeSet<&str> = catalogue.iter().map(|case| &case.id[..]).collect();
    match profile.deviations.iter().find(|deviation| !known.contains(&deviation.case[..])) {
        None => Ok(()),
        Some(deviation) => Err(Error::Usage(format!(
            "the profile has a deviation of {:?}, but no case has this id: see `harness list`",
            deviation.case
        ))),
    }
}
