//! For a server's own tests: a verdict in a line, and traces as snapshots.

use std::future::pending;

use futures_lite::future::block_on;

use crate::catalogue;
use crate::engine::{Options, run};
use crate::error::Error;
use crate::filter::Filter;
use crate::profile::Profile;
use crate::report::Report;
use crate::verdict::Outcome;

/// Judges the subject by the cases that the filter selects, and waits until that is done. As [`run`], with
/// the usual options.
///
/// # Errors
///
/// As [`run`], and [`Error::NothingToRun`] for a filter that matches nothing.
///
/// # Examples
///
/// ```no_run
/// use seawall_harness::{Filter, Profile, Strength, judge};
///
/// # fn main() {
/// let profile = Profile::load("harness.toml".as_ref()).unwrap();
/// let report = judge(&profile, &Filter::new(["http/CL", "crash"])).unwrap();
/// assert!(report.passes(Strength::Should), "{}", report.to_json());
/// # }
/// ```
pub fn judge(profile: &Profile, filter: &Filter) -> Result<Report, Error> {
    let cases = filter.select(&catalogue::all())?;
    // Boxed: too large for the stack of a test's thread.
    block_on(Box::pin(run(profile, &cases, &Options::default(), pending(), |_| {})))
}

/// What goes over the wire in these cases: the name of a snapshot (`http-CL-04`) and the trace of each.
///
/// # Errors
///
/// As [`judge`], and [`Error::NothingToRun`] for a case that cannot run.
pub fn traces(profile: &Profile, cases: &[&str]) -> Result<Vec<(String, String)>, Error> {
    let mut traces = Vec::new();
    // One after the other: what a case sends must not hang on what runs beside it.
    for id in cases {
        for judged in judge(profile, &Filter::new([*id]))?.results {
            if judged.outcome == Outcome::Skip {
                return Err(Error::NothingToRun(format!("{}: {}", judged.id, judged.got)));
            }
            traces.push((judged.id.replace('/', "-"), judged.trace.join("\n")));
        }
    }
    Ok(traces)
}

/// Asserts with [insta](https://insta.rs) that the traces of these cases are those of their snapshots.
///
/// A trace is the same in every run, so a change of what the server says on the wire shows up in a review,
/// octet by octet. The crate that uses this needs `insta` among its dev-dependencies.
///
/// # Panics
///
/// When a trace differs from its snapshot, or a case cannot run.
///
/// # Examples
///
/// ```ignore
/// #[test]
/// fn what_goes_over_the_wire() {
///     let profile = Profile::load("harness.toml".as_ref()).unwrap();
///     seawall_harness::assert_traces!(profile, ["http/CL-04", "ws/5.6"]);
/// }
/// ```
#[macro_export]
macro_rules! assert_traces {
    ($profile:expr, [$($id:expr),+ $(,)?]) => {
        for (name, trace) in $crate::traces(&$profile, &[$($id),+]).unwrap_or_else(|why| panic!("{why}")) {
            ::insta::assert_snapshot!(name, trace);
        }
    };
}
