//! The binary `harness`: arguments and terminal only. All judging is `seawall-harness`.

mod args;
mod exit;
mod explain;
mod progress;
mod summary;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use clap::Parser;
use futures_lite::{StreamExt, future};
use seawall_harness::{Error, Report, catalogue, check_deviations, run};

use args::{Cli, Command, Explain, List, Run};
use progress::Progress;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(arguments) => judge(&arguments),
        Command::List(arguments) => list(&arguments),
        Command::Explain(arguments) => explain(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{} {error}", console::style("error:").for_stderr().red().bold());
        exit::of_error(&error)
    })
}

fn judge(arguments: &Run) -> Result<ExitCode, Error> {
    let profile = arguments.profile()?;
    let catalogue = catalogue::all();
    check_deviations(&profile, &catalogue)?;
    let cases = arguments.selection.filter().select(&catalogue)?;
    let mut signals = Signals::new([Signal::Int, Signal::Term, Signal::Hup])
        .map_err(|source| Error::System { what: "listening for signals".into(), source })?;
    let stop = async {
        signals.next().await;
    };
    let mut progress = Progress::new(arguments.verbose);
    let options = arguments.options();
    let report =
        future::block_on(run(&profile, &cases, &options, stop, |event| progress.show(&event)));
    progress.finish();
    let report = report?;
    let to_stdout = arguments.json.as_deref() == Some(Path::new("-"));
    // Shown first: a file that cannot be written must not cost the result of a run.
    print(&if to_stdout {
        report.to_json()
    } else {
        summary::text(&report, arguments.level, arguments.verbose)
    });
    if let Some(folder) = &arguments.traces {
        write_traces(folder, &report)?;
    }
    if let Some(file) = arguments.json.as_deref().filter(|_| !to_stdout) {
        fs::write(file, report.to_json()).map_err(|source| cannot("write", file, source))?;
    }
    Ok(exit::of_report(&report, arguments.level))
}

fn list(arguments: &List) -> Result<ExitCode, Error> {
    let cases = arguments.selection.filter().select(&catalogue::all())?;
    print(&summary::list(&cases));
    Ok(ExitCode::from(exit::PASSED))
}

fn explain(arguments: &Explain) -> Result<ExitCode, Error> {
    let cases = arguments.filter().select(&catalogue::all())?;
    print(&explain::text(&cases));
    Ok(ExitCode::from(exit::PASSED))
}

fn write_traces(folder: &Path, report: &Report) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| cannot("create", folder, source))?;
    for judged in report.results.iter().filter(|judged| !judged.trace.is_empty()) {
        let file = folder.join(format!("{}.trace", judged.id.replace('/', "-")));
        let text = format!("# {} · {}\n{}\n", judged.id, judged.outcome, judged.trace.join("\n"));
        fs::write(&file, text).map_err(|source| cannot("write", &file, source))?;
    }
    Ok(())
}

fn cannot(what: &str, file: &Path, source: io::Error) -> Error {
    Error::System { what: format!("cannot {what} {}", file.display()), source }
}

/// Prints to standard output. A reader that has seen enough (`harness list | head`) is no error.
fn print(text: &str) {
    _ = io::stdout().lock().write_all(text.as_bytes());
}
