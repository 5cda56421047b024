//! Arguments.

mod profile;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use seawall_harness::{Deviation, Filter, Limits, Options, Outcome, Report, Route, Strength};

use crate::files::File;

/// Judges any HTTP or WebSocket server from outside.
///
/// The harness starts a server (the subject), or takes one that runs, asks it some hundred
/// questions over the wire, and reports which answers break a rule, with the octets that do.
#[derive(Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the subject is described, if nothing says otherwise.
const DEFAULT_PROFILE: &str = "harness.toml";

const EXAMPLES: &str = "\
Examples:
  harness run                                     the subject that ./harness.toml describes
  harness run --profile servers/mine.toml
  harness run --http http://127.0.0.1:8080        a server that runs already
  harness run --ws ws://127.0.0.1:8080/echo --filter ws/5
  harness run --http http://127.0.0.1:{port} --contract -- ./server --port {port}
  harness init http://127.0.0.1:8080
  harness list --filter http/CL
  harness explain http/CL-04
  harness diff yesterday.json today.json
  harness compare nginx.json mine.json --html compare.html
  harness compare --markdown table.md subjects/*/results.json
  harness replay traces/http-CL-04.trace

Exit codes:
  0    every case passed, or failed only below the chosen level
  1    a case failed at or above the chosen level, or the time limit was reached
  2    a flag or the profile is wrong
  3    the subject would not start or get ready, or died for good
  4    nothing ran
  130  interrupted";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge a subject
    #[command(after_long_help = RUN_EXAMPLES)]
    Run(Box<Run>),
    /// List the cases
    #[command(after_long_help = LIST_EXAMPLES)]
    List(List),
    /// Explain cases: what they send and accept, why that matters, what fixes it
    Explain(Explain),
    /// Send a recorded trace again, and show where the answer differs; exits with 1 if it does
    #[command(after_long_help = REPLAY_EXAMPLES)]
    Replay(Box<Replay>),
    /// Reduce a recorded trace to the fewest octets that have the subject do the same
    #[command(after_long_help = SHRINK_EXAMPLES)]
    Shrink(Box<Shrink>),
    /// Draft a profile for a server that runs, by asking it what it offers
    #[command(after_long_help = INIT_EXAMPLES)]
    Init(Init),
    /// Show what got better or worse between two JSON reports; exits with 1 if anything got worse
    Diff(Diff),
    /// Lay JSON reports of several subjects side by side
    Compare(Compare),
    /// Print completions for a shell, to be sourced by it
    #[command(after_long_help = COMPLETIONS)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each subcommand to a folder
    Man {
        /// Where to; `man -l FOLDER/harness-run.1` shows one
        folder: Option<PathBuf>,
    },
}

const COMPLETIONS: &str = "\
Examples:
  harness completions bash > ~/.local/share/bash-completion/completions/harness
  harness completions zsh > ~/.zfunc/_harness
  harness completions fish > ~/.config/fish/completions/harness.fish";

const RUN_EXAMPLES: &str = "\
Examples:
  harness run                                                    ./harness.toml describes the subject
  harness run --http http://127.0.0.1:8080                       it runs already
  harness run --http https://127.0.0.1:8443 --insecure           over TLS, with any certificate
  harness run -- ./server --port {port}                          it is started on a free port
  harness run --ws ws://127.0.0.1:8080/echo --filter ws/5        some cases
  harness run --level must --html report.html --junit report.xml for CI
  harness run --json today.json && harness diff yesterday.json today.json";

const REPLAY_EXAMPLES: &str = "\
Examples:
  harness run --traces traces                       records a trace of each case
  harness replay traces/http-CL-04.trace            against the subject of ./harness.toml
  harness replay http-CL-04.trace --http http://127.0.0.1:8080";

const SHRINK_EXAMPLES: &str = "\
Examples:
  harness shrink traces/http-CL-04.trace            shows what is left
  harness shrink http-CL-04.trace -o small.trace && harness replay small.trace";

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// A trace, as `harness run --traces` writes it
    pub(crate) trace: PathBuf,

    #[command(flatten)]
    pub(crate) subject: Subject,
}

#[derive(Args, Debug)]
pub(crate) struct Shrink {
    /// A trace of one connection, as `harness run --traces` writes it
    pub(crate) trace: PathBuf,

    /// Write what is left here, rather than to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) subject: Subject,
}

/// How much is said.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Loudness {
    /// The result in a line.
    Quiet,
    /// Progress, failures in detail, warnings in a line each.
    Usual,
    /// A line for every case, and whole traces.
    Verbose,
}

const INIT_EXAMPLES: &str = "\
Examples:
  harness init http://127.0.0.1:8080                   writes ./harness.toml
  harness init https://127.0.0.1:8443/api/hello -o -   shows it";

#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Where the server listens; a path is tried as the `hello` route
    pub(crate) url: String,

    /// The file to write, which must not be there yet; `-` for standard output
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT_PROFILE)]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The report of the earlier run, as JSON or as index.json of Autobahn|Testsuite
    pub(crate) before: PathBuf,
    /// The report of the later run
    pub(crate) after: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// The reports, one for each subject; an index.json of Autobahn|Testsuite has one for each agent
    #[arg(required = true, num_args = 1.., value_name = "REPORT")]
    pub(crate) reports: Vec<PathBuf>,

    /// Every case, not only those whose verdicts differ
    #[arg(long)]
    pub(crate) all: bool,

    /// Write the counts, the agreement and the cases that most fail as Markdown, too; `-` for standard output in
    /// place of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write the comparison as one self-contained HTML page, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// An id, the beginning of one, or a pattern with `*`
    #[arg(required = true, value_name = "CASE")]
    cases: Vec<String>,
}

impl Explain {
    pub(crate) fn filter(&self) -> Filter {
        Filter::new(self.cases.iter().cloned())
    }
}

const LIST_EXAMPLES: &str = "\
Examples:
  harness list --filter http/CL                     a line for each case, by family
  harness list --json -                             each with its rule, strength, needs, and why it matters
  harness list --filter ws --json ws.json";

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Write the cases as JSON instead; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Selection {
    /// Only these cases: an id, the beginning of one, or a pattern with `*`
    #[arg(long, short, value_name = "ID", value_delimiter = ',')]
    filter: Vec<String>,
}

/// Which server is judged, and how it is started and reached.
#[derive(Args, Debug)]
pub(crate) struct Subject {
    /// The profile; ./harness.toml where no flag describes a subject
    #[arg(long, short, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Judge HTTP here, http:// or https://; a path makes it the `hello` route
    #[arg(long, value_name = "URL", help_heading = "Subject")]
    http: Option<String>,

    /// Judge WebSocket here, ws:// or wss://; a path makes it the `ws.echo` route
    #[arg(long, value_name = "URL", help_heading = "Subject")]
    ws: Option<String>,

    /// Believe certificates of the authorities in this PEM file, in place of the system's
    #[arg(long, value_name = "FILE", help_heading = "Subject", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// Believe anyone's certificate
    #[arg(long, help_heading = "Subject")]
    insecure: bool,

    /// A route of the subject contract and its path, such as `echo=/echo`
    #[arg(long, value_name = "NAME=PATH", help_heading = "Subject", value_parser = route)]
    route: Vec<(Route, String)>,

    /// The subject offers the whole contract, each route at its usual path
    #[arg(long, help_heading = "Subject")]
    contract: bool,

    /// What reports call the subject
    #[arg(long, help_heading = "Subject")]
    name: Option<String>,

    /// Build the subject first, by this shell command
    #[arg(long, value_name = "COMMAND", help_heading = "Subject")]
    build: Option<String>,

    /// Add to the subject's environment
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Subject", value_parser = pair)]
    env: Vec<(String, String)>,

    /// The subject is ready once it answers 200 here, rather than once it accepts
    #[arg(long, value_name = "PATH", help_heading = "Subject")]
    ready: Option<String>,

    /// The subject is ready once it has written a line that holds this
    #[arg(long, value_name = "TEXT", help_heading = "Subject")]
    ready_line: Option<String>,

    /// How long the subject may take to get ready [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Subject", value_parser = humantime::parse_duration)]
    ready_timeout: Option<Duration>,

    /// A promised limit, such as `head=10s` or `connections=500`; docs/subject-contract.md lists them
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Subject", value_parser = limit)]
    limit: Vec<(String, String)>,

    /// A verdict that is known and accepted, such as `http/VER-03=warn: by policy`
    #[arg(long, value_name = "ID=VERDICT: REASON", help_heading = "Subject", value_parser = deviation)]
    deviation: Vec<Deviation>,

    /// Program and arguments that start the subject; `{port}` and `{tls_port}` become free ports
    #[arg(last = true, value_name = "COMMAND", help_heading = "Subject")]
    command: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) subject: Subject,

    /// Exhaust the subject even where its address is neither loopback nor private
    #[arg(long)]
    i_own_this: bool,

    /// Run at most this many cases side by side, and as many again of those that wait for seconds
    #[arg(long, short, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Run each case so many times: the worst verdict counts, and what fails only at times is flaky
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,

    /// Run the cases in random order; the report says which seed draws it again
    #[arg(long)]
    shuffle: bool,

    /// Run the cases in the order that this seed draws
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// End the run with the first failure
    #[arg(long)]
    fail_fast: bool,

    /// Only the cases that failed in this JSON report
    #[arg(long, value_name = "REPORT")]
    pub(crate) last_failed: Option<PathBuf>,

    /// Begin no case after this long, and skip what is left
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    time_budget: Option<Duration>,

    /// Leave nothing out to save time: each compressed series sends all its thousand messages, which takes many
    /// minutes (see --time-limit)
    #[arg(long)]
    thorough: bool,

    /// The whole run, the build aside, takes at most this long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    time_limit: Duration,

    /// The weakest rule whose breach fails the run
    #[arg(long, default_value = "hardening", value_parser = strengths())]
    pub(crate) level: Strength,

    /// Write the report as JSON; `-` for standard output in place of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write a record for a repository: the verdicts and what came, a line for each case, for `compare` and `diff`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Write the report as one self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write a summary as Markdown, for a CI run or a comment
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Write failures and warnings as GitHub annotations; to /dev/stdout for GitHub to see them
    #[arg(long, value_name = "FILE")]
    pub(crate) annotations: Option<PathBuf>,

    /// Write the numbered WebSocket cases as the index.json of Autobahn|Testsuite; in a folder, with details
    #[arg(long, value_name = "PATH")]
    pub(crate) index: Option<PathBuf>,

    /// Write the trace of each case to a file in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) traces: Option<PathBuf>,

    /// A line for every case, and whole traces
    #[arg(long, short)]
    verbose: bool,

    /// Nothing but the result, in a line, and what went wrong with the run itself
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,
}

impl Selection {
    pub(crate) fn filter(&self) -> Filter {
        Filter::new(self.filter.iter().cloned())
    }
}

impl Run {
    pub(crate) fn options(&self) -> Options {
        let seed =
            || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_micros() as u64);
        Options {
            jobs: self.jobs.into(),
            time_limit: self.time_limit,
            repeat: self.repeat.into(),
            shuffle: self.seed.or_else(|| self.shuffle.then(seed)),
            fail_fast: self.fail_fast.then_some(self.level),
            time_budget: self.time_budget,
            exhaust: self.i_own_this,
            thorough: self.thorough,
        }
    }

    pub(crate) fn loudness(&self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (false, true) => Loudness::Verbose,
            (false, false) => Loudness::Usual,
        }
    }

    /// Whether standard output is for JSON and nothing else.
    pub(crate) fn json_to_stdout(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }

    /// The forms of the report that were asked for.
    pub(crate) fn files<'a>(&'a self, report: &Report) -> Vec<File<'a>> {
        let level = self.level;
        let form = |path: &'a Option<PathBuf>, content: &dyn Fn() -> String| {
            path.as_deref().map(|path| File { path, content: content() })
        };
        let json = if self.json_to_stdout() { &None } else { &self.json };
        let described_in = self.subject.file().and_then(Path::to_str);
        [
            form(json, &|| report.to_json()),
            form(&self.record, &|| report.to_record()),
            form(&self.html, &|| report.to_html(level)),
            form(&self.junit, &|| report.to_junit(level)),
            form(&self.markdown, &|| report.to_markdown(level)),
            form(&self.annotations, &|| report.to_annotations(level, described_in)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn strengths() -> impl TypedValueParser<Value = Strength> {
    PossibleValuesParser::new(Strength::ALL.iter().rev().map(|strength| strength.word())).map(
        |word| Strength::ALL.into_iter().find(|s| s.word() == word).unwrap_or(Strength::Hardening),
    )
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("write KEY=VALUE".into()),
    }
}

fn route(text: &str) -> Result<(Route, String), String> {
    let (name, path) = pair(text).map_err(|_| "write NAME=PATH, such as echo=/echo")?;
    let names = || Route::ALL.iter().map(|route| route.name()).collect::<Vec<_>>().join(", ");
    let route =
        Route::from_name(&name).ok_or_else(|| format!("no such route; there are {}", names()))?;
    Ok((route, path))
}

fn limit(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text).map_err(|_| "write NAME=VALUE, such as head=10s")?;
    Limits::default().set(&name, &value)?;
    Ok((name, value))
}

fn deviation(text: &str) -> Result<Deviation, String> {
    let form = "write ID=VERDICT: REASON, such as http/VER-03=warn: by policy";
    let (case, rest) = pair(text).map_err(|_| form)?;
    let (word, reason) = rest.split_once(':').ok_or(form)?;
    let verdict = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.word() == word.trim())
        .ok_or_else(|| {
            let words: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.word()).collect();
            format!("no such verdict; there are {}", words.join(", "))
        })?;
    Ok(Deviation { case, verdict, reason: reason.trim().into(), until: None })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for wrong in
            ["--route=x=/", "--limit=tail=1s", "--deviation=x=bad: y", "--jobs=0", "--level=high"]
        {
            assert!(Cli::try_parse_from(["harness", "run", wrong]).is_err(), "{wrong}");
        }
    }
}
