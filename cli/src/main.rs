//! The binary `harness`: arguments and terminal only. All judging is `seawall-harness`.

mod args;
mod between;
mod exit;
mod explain;
mod files;
mod manual;
mod progress;
mod replay;
mod summary;

use std::io::{self, Write};
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use clap::Parser;
use futures_lite::{FutureExt, StreamExt, future};
use seawall_harness::{
    Change, Comparison, Error, Strength, catalogue, check_deviations, draft, is_ignored, run,
};

use args::{Cli, Command, Compare, Diff, Explain, Init, List, Replay, Run, Shrink};
use files::File;
use progress::Progress;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(arguments) => judge(&arguments),
        Command::List(arguments) => list(&arguments),
        Command::Explain(arguments) => explain(&arguments),
        Command::Completions { shell } => {
            print(&manual::completions(shell));
            Ok(ExitCode::from(exit::PASSED))
        }
        Command::Man { folder: None } => {
            print(&manual::page());
            Ok(ExitCode::from(exit::PASSED))
        }
        Command::Man { folder: Some(folder) } => {
            manual::write_pages(&folder).map(|()| ExitCode::from(exit::PASSED))
        }
        Command::Replay(arguments) => replay(&arguments),
        Command::Shrink(arguments) => shrink(&arguments),
        Command::Init(arguments) => init(&arguments),
        Command::Diff(arguments) => diff(&arguments),
        Command::Compare(arguments) => compare(&arguments),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        exit::of_error(&error)
    })
}

fn judge(arguments: &Run) -> Result<ExitCode, Error> {
    let profile = arguments.subject.profile()?;
    let catalogue = catalogue::all();
    check_deviations(&profile, &catalogue)?;
    let mut cases = arguments.selection.filter().select(&catalogue)?;
    if let Some(path) = &arguments.last_failed {
        let failed = files::read(path)?;
        cases.retain(|case| failed.failures(Strength::Info).any(|judged| judged.id == case.id));
        if cases.is_empty() {
            let nothing = format!("of these cases, none failed in {}", path.display());
            return Err(Error::NothingToRun(nothing));
        }
    }
    let stop = stopped()?;
    let mut progress = Progress::new(arguments.loudness(), &cases, arguments.options().repeat);
    let options = arguments.options();
    let report =
        future::block_on(run(&profile, &cases, &options, stop, |event| progress.show(&event)));
    progress.finish();
    let report = report?;
    // Shown first: a file that cannot be written must not cost the result of a run.
    print(&if arguments.json_to_stdout() {
        report.to_json()
    } else {
        summary::text(&report, arguments.level, arguments.loudness())
    });
    let mut errors = files::write(&arguments.files(&report));
    let index = arguments.index.as_deref().map(|path| files::write_index(path, &report));
    errors.extend(index.and_then(Result::err));
    let traces = arguments.traces.as_deref().map(|folder| files::write_traces(folder, &report));
    errors.extend(traces.and_then(Result::err));
    for error in &errors {
        complain(error);
    }
    Ok(errors.first().map_or_else(|| exit::of_report(&report, arguments.level), exit::of_error))
}

/// Ends when we are asked to stop.
fn stopped() -> Result<impl Future<Output = ()>, Error> {
    /// SIGHUP, which `nohup` has us ignore: that the terminal is gone is no request to stop then.
    const HANGUP: u32 = 1;
    let hangup = Some(Signal::Hup).filter(|_| !is_ignored(HANGUP));
    let mut signals = Signals::new([Signal::Int, Signal::Term].into_iter().chain(hangup))
        .map_err(|source| Error::System { what: "listening for signals".into(), source })?;
    Ok(async move {
        signals.next().await;
    })
}

/// Drops whatever had begun, the subject with it, when we are asked to stop.
fn unless_stopped<T>(work: impl Future<Output = Result<T, Error>>) -> Result<Option<T>, Error> {
    let stop = stopped()?;
    let stop = async {
        stop.await;
        Ok(None)
    };
    future::block_on(Box::pin(async { work.await.map(Some) }).or(stop))
}

fn replay(arguments: &Replay) -> Result<ExitCode, Error> {
    let trace = files::text(&arguments.trace)?;
    let profile = arguments.subject.profile()?;
    let Some(replayed) = unless_stopped(seawall_harness::replay(&profile, &trace))? else {
        return Ok(ExitCode::from(exit::INTERRUPTED));
    };
    print(&replay::differences(&replayed));
    Ok(ExitCode::from(if replayed.differs() { exit::FAILED } else { exit::PASSED }))
}

fn shrink(arguments: &Shrink) -> Result<ExitCode, Error> {
    let trace = files::text(&arguments.trace)?;
    let profile = arguments.subject.profile()?;
    let progress = replay::Shrinking::new();
    let shrunk = seawall_harness::shrink(&profile, &trace, |left| progress.show(left));
    let shrunk = unless_stopped(shrunk);
    progress.finish();
    let Some(shrunk) = shrunk? else { return Ok(ExitCode::from(exit::INTERRUPTED)) };
    match &arguments.output {
        None => print(&shrunk.trace),
        Some(path) => files::write_one(&File { path, content: shrunk.trace.clone() })?,
    }
    eprintln!("{}", replay::summary(&shrunk));
    Ok(ExitCode::from(exit::PASSED))
}

fn list(arguments: &List) -> Result<ExitCode, Error> {
    let cases = arguments.selection.filter().select(&catalogue::all())?;
    match arguments.json.as_deref() {
        None => print(&summary::list(&cases)),
        Some(path) if path.as_os_str() == "-" => print(&catalogue::to_json(&cases)),
        Some(path) => files::write_one(&File { path, content: catalogue::to_json(&cases) })?,
    }
    Ok(ExitCode::from(exit::PASSED))
}

fn explain(arguments: &Explain) -> Result<ExitCode, Error> {
    let cases = arguments.filter().select(&catalogue::all())?;
    print(&explain::text(&cases));
    Ok(ExitCode::from(exit::PASSED))
}

fn init(arguments: &Init) -> Result<ExitCode, Error> {
    let profile = future::block_on(draft(&arguments.url))?;
    if arguments.output.as_os_str() == "-" {
        print(&profile);
    } else {
        files::create(&arguments.output, &profile)?;
        eprintln!("wrote {}: look it over, then harness run", arguments.output.display());
    }
    Ok(ExitCode::from(exit::PASSED))
}

fn diff(arguments: &Diff) -> Result<ExitCode, Error> {
    let (before, after) = files::read_pair(&arguments.before, &arguments.after)?;
    print(&between::diff(&before, &after));
    let worse = before.diff(&after).iter().any(|found| found.change == Change::Worse);
    Ok(ExitCode::from(if worse { exit::FAILED } else { exit::PASSED }))
}

fn compare(arguments: &Compare) -> Result<ExitCode, Error> {
    let mut reports = Vec::new();
    for path in &arguments.reports {
        reports.extend(files::read_all(path)?);
    }
    if reports.len() < 2 {
        return Err(Error::Usage("one report alone has nothing to be compared with".into()));
    }
    let comparison = Comparison::of(&reports);
    match arguments.markdown.as_deref() {
        Some(path) if path.as_os_str() == "-" => print(&comparison.to_markdown()),
        markdown => {
            print(&between::compare(&comparison, arguments.all));
            if let Some(path) = markdown {
                files::write_one(&File { path, content: comparison.to_markdown() })?;
            }
        }
    }
    if let Some(path) = &arguments.html {
        files::write_one(&File { path, content: comparison.to_html() })?;
    }
    Ok(ExitCode::from(exit::PASSED))
}

fn complain(error: &Error) {
    eprintln!("{} {error}", console::style("error:").for_stderr().red().bold());
}

/// Prints to standard output. A reader that has seen enough (`harness list | head`) is no error.
fn print(text: &str) {
    _ = io::stdout().lock().write_all(text.as_bytes());
}
