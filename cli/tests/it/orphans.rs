//! However the harness ends, no process of the subject's is left behind: SIGKILL runs no destructor.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{TempFile, alive, harness};

/// The subject and its child are up, and the harness waits for the subject to get ready. It heeds some of these signals
/// and knows nothing of the others.
#[test]
fn a_killed_harness_takes_the_subject_along() {
    for signal in ["KILL", "TERM", "QUIT", "ABRT", "HUP"] {
        let pid_file = TempFile::new(&format!("killed-{signal}.pid"), "");
        let script = format!("sleep 1000 & echo $$ $! > {}; wait", pid_file.path());
        let run = ["run", "--ready-timeout", "60s", "--", "sh", "-c", &script];
        killed_once_written(&run, &pid_file, signal);
    }
}

#[test]
fn a_killed_harness_takes_the_build_along() {
    let pid_file = TempFile::new("build.pid", "");
    let script = format!("sleep 1000 & echo $$ $! > {}; wait", pid_file.path());
    killed_once_written(&["run", "--build", &script, "--", "sleep", "1000"], &pid_file, "KILL");
}

/// Ends the harness by a signal once the file holds the ids of two processes, and waits for their end.
fn killed_once_written(arguments: &[&str], pid_file: &TempFile, signal: &str) {
    // Whoever starts the tests may have them, and so the harness, ignore the signal; and no core is to be left.
    let reset = format!("ulimit -c 0; exec env --default-signal={signal} \"$@\"");
    let reset = if matches!(signal, "KILL") { "exec \"$@\"" } else { &reset };
    let mut command = Command::new("sh");
    command.args(["-c", reset, "sh", env!("CARGO_BIN_EXE_harness")]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let pids: Vec<u32> = loop {
        assert!(Instant::now() < deadline, "the subject was not started");
        let text = fs::read_to_string(&pid_file.0).unwrap();
        if text.ends_with('\n') {
            break text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        }
        thread::yield_now();
    };
    assert!(pids.len() == 2 && pids.iter().all(|&pid| alive(pid)), "{pids:?}");
    send(signal, child.id());
    child.wait().unwrap();
    while pids.iter().any(|&pid| alive(pid)) {
        assert!(Instant::now() < deadline, "{pids:?} outlived the harness");
        thread::yield_now();
    }
}

/// A shell has a job in the background ignore SIGINT and SIGQUIT, and `nohup` SIGHUP: a subject that inherited that could not be
/// asked to stop.
#[cfg(target_os = "linux")]
#[test]
fn a_subject_ignores_no_signal_by_inheritance() {
    let mask_file = TempFile::new("mask", "");
    let script = format!("grep SigIgn /proc/self/status > {}", mask_file.path());
    let ignoring = "trap '' HUP INT QUIT USR1 USR2; exec \"$@\"";
    let run = [env!("CARGO_BIN_EXE_harness"), "run", "--", "sh", "-c", &script];
    let output = Command::new("sh").args(["-c", ignoring, "sh"]).args(run).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "it ends before it is ready: {output:?}");
    let mask = fs::read_to_string(&mask_file.0).unwrap();
    let mask = u64::from_str_radix(mask.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    for signal in [1, 2, 3, 10, 12, 15] {
        assert_eq!(mask & (1 << (signal - 1)), 0, "signal {signal} is ignored: {mask:x}");
    }
}

/// Under `nohup` the end of a terminal is no reason to end.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stops_nothing() {
    let pid_file = TempFile::new("nohup.pid", "");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.path());
    let run = ["run", "--ready-timeout", "60s", "--", "sh", "-c", &script];
    let ignoring = "trap '' HUP; exec \"$@\"";
    let harness = env!("CARGO_BIN_EXE_harness");
    let mut command = Command::new("sh");
    command.args(["-c", ignoring, "sh", harness]).args(run).stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&pid_file.0).unwrap().ends_with('\n') {
        assert!(Instant::now() < deadline, "the subject was not started");
        thread::yield_now();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    assert_eq!(caught & 0b1, 0, "SIGHUP has a handler: {caught:x}");
    assert_ne!(caught & (1 << 14), 0, "SIGTERM has none: {caught:x}");
    send("TERM", child.id());
    child.wait().unwrap();
}

fn send(signal: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(status.unwrap().success(), "SIG{signal}");
}

/// At whatever moment: before the subject is started, while it is, or after. All that knows the mark of a
/// round in its environment was started by it.
#[test]
fn no_moment_is_too_early_to_be_killed() {
    for round in 0..40_u32 {
        let mark = format!("ORPHAN=round-{round}-{}", std::process::id());
        let mut child = harness(&["run", "--env", &mark, "--", "sleep", "1000"]).spawn().unwrap();
        // Not for the sake of order: each round shall end at another moment.
        thread::sleep(Duration::from_millis(8) * round);
        child.kill().unwrap();
        child.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while marked(&mark) {
            assert!(Instant::now() < deadline, "an orphan of round {round}");
            thread::yield_now();
        }
    }
}

/// Whether a process has this entry in its environment.
fn marked(entry: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut environments =
        processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
    environments.any(|environment| environment.split(|&b| b == 0).any(|e| e == entry.as_bytes()))
}

/// Ctrl-C must stop the subject too, and what it started: an orphan would hold the port.
#[test]
fn an_interruption_leaves_no_process_behind() {
    let pid_file = TempFile::new("pid", "");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.path());
    let child =
        harness(&["run", "--ready-timeout", "60s", "--", "sh", "-c", &script]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let subject = loop {
        assert!(Instant::now() < deadline, "the subject was not started");
        match fs::read_to_string(&pid_file.0).unwrap().trim().parse::<u32>() {
            Ok(pid) => break pid,
            Err(_) => thread::yield_now(),
        }
    };
    send("INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("starting"));
    while alive(subject) {
        assert!(Instant::now() < deadline, "the subject's child outlived the harness");
        thread::yield_now();
    }
}
