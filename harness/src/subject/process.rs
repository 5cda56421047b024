//! A subject's process: started in a guarded group of its own, watched, and always stopped.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{Error as IoError, Read, stderr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use rustix::process::Signal;

use super::alarm::{Alarm, Alarms};
use super::guard::Guard;
use super::signals::undoing_inheritance;
use crate::error::Error;
use crate::profile::Launch;
use crate::subject::target::Ports;
use crate::wire::within;

/// Octets kept of what the subject wrote, stdout and stderr together: the end is what
/// explains a death.
const MAX_OUTPUT: usize = 64 << 10;
/// How long a process that has ended may keep us waiting for its last words: a child of its own
/// may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running process and what it started. Dropping it kills them all.
#[derive(Debug)]
pub(crate) struct Process {
    command: String,
    guard: Guard,
    /// Closed when all that it will ever write was read.
    heard: Receiver<()>,
    /// Closed when the process is gone.
    gone: Receiver<()>,
    status: Arc<OnceLock<ExitStatus>>,
    output: Output,
    waiter: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `launch.command` in `folder`, the ports filled in. It is watched for a line that holds `awaited`.
    ///
    /// # Errors
    ///
    /// [`Error::Subject`] when there is no such program, or it may not be run.
    pub(crate) fn start(
        launch: &Launch,
        folder: &Path,
        ports: Ports,
        awaited: &str,
    ) -> Result<Self, Error> {
        let filled = |text: &String| ports.fill(text);
        let words: Vec<String> = launch.command.iter().map(filled).collect();
        let mut command = prepare(&words, launch, folder);
        command.envs(launch.env.iter().map(|(key, value)| (key, filled(value))));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = Output { alarms: Alarms::awaiting(awaited), ..Output::default() };
        Self::spawn(words.join(" "), command, output).map_err(|(command, error)| {
            Error::Subject(format!("cannot start the subject: {command}: {error}"))
        })
    }

    fn spawn(
        words: String,
        mut command: Command,
        output: Output,
    ) -> Result<Self, (String, IoError)> {
        let guard = match Guard::start() {
            Ok(guard) => guard,
            Err(error) => return Err(("sh, which guards it".into(), error)),
        };
        guard.admit(&mut command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Err((words, error)),
        };
        let pipes = [
            child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        let (reading, heard) = async_channel::bounded(1);
        for pipe in pipes.into_iter().flatten() {
            let (output, reading) = (output.clone(), reading.clone());
            // Ends with the last process that holds the pipe.
            thread::spawn(move || {
                output.copy(pipe);
                drop(reading);
            });
        }
        let (alive, gone) = async_channel::bounded(1);
        let status = Arc::new(OnceLock::new());
        let waiter = thread::spawn({
            let status = Arc::clone(&status);
            move || wait(child, &status, alive)
        });
        Ok(Self { command: words, guard, heard, gone, status, output, waiter: Some(waiter) })
    }

    /// Ends when the process has ended, and its last words were read.
    pub(crate) async fn gone(&self) {
        // Nothing is ever sent: an error means that the waiter is done, and then the readers.
        _ = self.gone.recv().await;
        _ = within(Instant::now() + LAST_WORDS, self.heard.recv()).await;
    }

    /// How it ended, once it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.status.get().copied()
    }

    /// The number of its group.
    pub(crate) fn group(&self) -> u32 {
        self.guard.group()
    }

    /// What it wrote that no server should write.
    pub(crate) fn alarms(&self) -> Vec<Alarm> {
        self.output.alarms.found()
    }

    /// Whether it has written the line that it was watched for.
    pub(crate) fn has_said_it(&self) -> bool {
        self.output.alarms.heard_awaited()
    }

    /// Command, end, and last words, for an error message.
    pub(crate) fn obituary(&self) -> String {
        let end = self.status().map_or_else(|| "is still running".into(), describe);
        let mut text = format!("its command: {}\nits process {end}", self.command);
        let tail = self.output.tail(20);
        if tail.is_empty() {
            text.push_str("\nit wrote nothing");
        } else {
            text.push_str("\nits last words:");
            for line in tail {
                text.push_str("\n  | ");
                text.push_str(&line);
            }
        }
        text
    }

    /// Sends it a signal, and all that it started.
    pub(crate) fn tell(&self, signal: Signal) {
        self.guard.signal(signal);
    }

    /// Asks it to stop, and kills what is left after `grace`.
    pub(crate) async fn stop(mut self, signal: Signal, grace: Duration) {
        self.guard.signal(signal);
        _ = within(Instant::now() + grace, self.gone()).await;
        self.kill();
    }

    /// Kills the whole group and waits for the process.
    fn kill(&mut self) {
        self.guard.signal(Signal::KILL);
        if let Some(waiter) = self.waiter.take() {
            // The waiter does not panic; and if it had, there would be nothing to do here.
            _ = waiter.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `launch.build` to its end, if there is one; what it writes goes to our standard
/// error, since a build may take minutes. Dropping the future kills the build.
///
/// # Errors
///
/// [`Error::Subject`] when it fails.
pub(crate) async fn build(launch: &Launch, folder: &Path) -> Result<(), Error> {
    if launch.build.is_empty() {
        return Ok(());
    }
    let failed = |command: &str, what: String| {
        Error::Subject(format!("the subject does not build: {command}: {what}"))
    };
    let mut command = prepare(&launch.build, launch, folder);
    command.stdout(stderr()).stderr(stderr());
    let build = Process::spawn(launch.build.join(" "), command, Output::default())
        .map_err(|(command, error)| failed(&command, error.to_string()))?;
    build.gone().await;
    match build.status() {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(failed(&build.command, format!("{}; see above", describe(status)))),
        None => Err(failed(&build.command, "its end was not seen".into())),
    }
}

fn prepare(words: &[String], launch: &Launch, folder: &Path) -> Command {
    let (program, arguments) = words.split_first().map_or(("", words), |(p, a)| (p.as_str(), a));
    // A relative program is the profile's, wherever the harness was started from.
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut words: VecDeque<OsString> = undoing_inheritance().into();
    // `env` would take such a name for a variable. And that there is no such program is ours to say, not for `env` to
    // write, whose end would then be taken for the subject's.
    if program.as_os_str().as_encoded_bytes().contains(&b'=') || !can_be_run(&program) {
        words.clear();
    }
    words.push_back(program.into());
    let mut command = Command::new(words.pop_front().expect("the program is there"));
    command.args(words);
    // `cargo run` describes the package of the harness in the environment. A build that looks at
    // these would begin anew at each change between that and a run by hand.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_package(name)) {
        command.env_remove(name);
    }
    command.args(arguments).envs(&launch.env).stdin(Stdio::null());
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    command
}

/// Whether there is such a program: at that place, or, where it is but a name, on the search path.
fn can_be_run(program: &Path) -> bool {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.components().count() > 1 {
        return is_program(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
}

/// Whether cargo sets this variable for the one package that it runs.
fn is_of_package(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || matches!(name, "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE")
    })
}

fn wait(mut child: Child, status: &OnceLock<ExitStatus>, alive: Sender<()>) {
    if let Ok(end) = child.wait() {
        _ = status.set(end);
    }
    drop(alive);
}

/// An exit status in words.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => {
            let name = match signal {
                4 => " (illegal instruction)",
                6 => " (aborted)",
                7 => " (bus error)",
                9 => " (killed)",
                11 => " (segmentation fault)",
                15 => " (terminated)",
                _ => "",
            };
            format!("was killed by signal {signal}{name}")
        }
        (None, None) => "ended".into(),
    }
}

/// The end of what a process wrote.
#[derive(Clone, Debug, Default)]
struct Output {
    octets: Arc<Mutex<VecDeque<u8>>>,
    alarms: Alarms,
}

impl Output {
    fn copy(&self, mut pipe: impl Read) {
        let mut buffer = [0; 4096];
        let mut lines = self.alarms.lines();
        while let Ok(n @ 1..) = pipe.read(&mut buffer) {
            lines.push(&buffer[..n]);
            let mut octets = self.octets.lock().unwrap_or_else(PoisonError::into_inner);
            octets.extend(&buffer[..n]);
            let over = octets.len().saturating_sub(MAX_OUTPUT);
            octets.drain(..over);
        }
    }

    fn tail(&self, lines: usize) -> Vec<String> {
        let octets = self.octets.lock().unwrap_or_else(PoisonError::into_inner);
        let text = octets.iter().copied().collect::<Vec<u8>>();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..]
            .iter()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    fn shell(script: &str) -> Process {
        let launch = Launch {
            command: vec!["sh".into(), "-c".into(), script.into()],
            env: [("GREETING".into(), "hello from {port} and {tls_port}".into())].into(),
            ..Launch::default()
        };
        Process::start(&launch, Path::new(""), Ports { plain: 4711, tls: 4712 }, "").unwrap()
    }

    #[test]
    fn an_end_is_noticed_with_status_and_last_words() {
        let process = shell("echo $GREETING and {port} >&2; exit 3");
        block_on(process.gone());
        assert_eq!(process.status().and_then(|s| s.code()), Some(3));
        let text = process.obituary();
        assert!(
            text.contains("exited with status 3")
                && text.contains("| hello from 4711 and 4712 and 4711"),
            "{text}"
        );
    }

    /// `cargo run --bin harness` once compiled everything above `ring` twice, at each run: ring's
    /// build script looks at these variables, and the subject's build saw others than its own.
    #[test]
    fn the_package_of_the_harness_is_not_the_subjects() {
        let process = shell("echo ${CARGO_PKG_NAME-none} ${CARGO_MANIFEST_DIR-none} $GREETING");
        block_on(process.gone());
        assert_eq!(process.output.tail(1), ["none none hello from 4711 and 4712"]);
    }

    #[test]
    fn a_signal_is_named() {
        let process = shell("kill -ABRT $$");
        block_on(process.gone());
        assert!(process.obituary().contains("its process was killed by signal 6 (aborted)"));
    }

    #[test]
    fn what_ignores_sigterm_is_killed_with_its_children() {
        let process = shell("trap '' TERM; sleep 1000 & echo $!; wait; wait");
        let child = loop {
            if let Some(line) = process.output.tail(1).pop() {
                break line.parse::<i32>().unwrap();
            }
            thread::yield_now();
        };
        block_on(process.stop(Signal::TERM, Duration::from_millis(50)));
        let alive = || {
            // A zombie that nobody reaps yet answers signal 0 as well.
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            !(stat.is_empty() || stat.contains(") Z "))
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        while alive() {
            assert!(Instant::now() < deadline, "the child outlived its group");
            thread::yield_now();
        }
    }

    /// Each as a profile names it. Whoever starts the tests in the background has them ignore the others, and
    /// a shell cannot trap what was ignored when it began.
    #[test]
    fn what_asks_for_another_signal_is_stopped_by_that() {
        for name in ["TERM", "USR1", "USR2"] {
            let launch =
                format!("command = ['sh', '-c', \"{HEEDS}\", 'sh', '{name}']\nstop = '{name}'");
            let launch: Launch = toml::from_str(&launch).unwrap();
            let ports = Ports { plain: 4711, tls: 4712 };
            let process = Process::start(&launch, Path::new(""), ports, "").unwrap();
            let output = process.output.clone();
            while output.tail(1) != ["ready"] {
                thread::yield_now();
            }
            block_on(process.stop(launch.stop.into(), Duration::from_secs(20)));
            let deadline = Instant::now() + Duration::from_secs(20);
            // The shell may have more to say: what became of its child.
            while !output.tail(9).contains(&format!("heard {name}")) {
                assert!(Instant::now() < deadline, "{name}: {:?}", output.tail(9));
                thread::yield_now();
            }
        }
    }

    /// Says that it has heard the signal named by its argument, and ends.
    const HEEDS: &str = "trap 'echo heard '$1'; exit' $1; echo ready; while :; do sleep 0.01; done";

    /// Where the harness itself ignores a signal, a subject is started by way of `env`, whose end with status 127
    /// was once taken for the subject's. Run by `nohup` or in the background of a script, this test shows it.
    #[test]
    fn no_such_program_is_the_subjects_error() {
        let launch = Launch { command: vec!["./no-such-program".into()], ..Launch::default() };
        let error =
            Process::start(&launch, Path::new("/"), Ports { plain: 1, tls: 2 }, "").unwrap_err();
        assert!(
            matches!(&error, Error::Subject(text) if text.contains("no-such-program")),
            "{error}"
        );
    }
}
