//! Exit codes. `--help` and `docs/report.md` repeat them; change all three together.

use std::process::ExitCode;

use seawall_harness::{End, Error, Outcome, Report, Strength};

/// Every case that counts passed.
pub(crate) const PASSED: u8 = 0;
/// A case failed at or above the chosen level, or the time limit was reached.
pub(crate) const FAILED: u8 = 1;
/// A flag or the profile is wrong, or a file cannot be had.
pub(crate) const USAGE: u8 = 2;
/// The subject would not build, start or get ready, or died for good.
pub(crate) const SUBJECT: u8 = 3;
/// Nothing ran: the selection is empty, or every case was skipped.
pub(crate) const NOTHING: u8 = 4;
/// Stopped by a signal, as shells count it for SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code for what stopped a run before there was a report.
pub(crate) fn of_error(error: &Error) -> ExitCode {
    ExitCode::from(match error {
        Error::Usage(_) | Error::System { .. } => USAGE,
        Error::Subject(_) => SUBJECT,
        Error::NothingToRun(_) => NOTHING,
    })
}

/// The code for a report, at this level.
pub(crate) fn of_report(report: &Report, level: Strength) -> ExitCode {
    ExitCode::from(match report.end {
        End::Interrupted => INTERRUPTED,
        End::Dead(_) => SUBJECT,
        End::Complete if report.count(Outcome::Skip) == report.results.len() => NOTHING,
        End::Complete if report.passes(level) => PASSED,
        End::Complete | End::FailFast | End::TimeLimit => FAILED,
    })
}
