//! However the harness ends, no process of the subject's is left behind: SIGKILL runs no destructor.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{TempFile, alive, harness};

/// The subject and its child are up, and the harness waits for the subject to get ready.
#[test]
fn a_killed_harness_takes_the_subject_along() {
    let pid_file = TempFile::new("killed.pid", "");
    let script = format!("sleep 1000 & echo $$ $! > {}; wait", pid_file.path());
    let run = ["run", "--ready-timeout", "60s", "--", "sh", "-c", &script];
    killed_once_written(&run, &pid_file);
}

#[test]
fn a_killed_harness_takes_the_build_along() {
    let pid_file = TempFile::new("build.pid", "");
    let script = format!("sleep 1000 & echo $$ $! > {}; wait", pid_file.path());
    killed_once_written(&["run", "--build", &script, "--", "sleep", "1000"], &pid_file);
}

/// Kills the harness once the file holds the ids of two processes, and waits for their end.
fn killed_once_written(arguments: &[&str], pid_file: &TempFile) {
    let mut child = harness(arguments).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let pids: Vec<u32> = loop {
        assert!(Instant::now() < deadline, "the subject was not started");
        let text = fs::read_to_string(&pid_file.0).unwrap();
        if text.ends_with('\n') {
            break text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        }
        thread::yield_now();
    };
    assert!(pids.len() == 2 && pids.iter().all(|&pid| alive(pid)), "{pids:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    while pids.iter().any(|&pid| alive(pid)) {
        assert!(Instant::now() < deadline, "{pids:?} outlived the harness");
        thread::yield_now();
    }
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
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("starting"));
    while alive(subject) {
        assert!(Instant::now() < deadline, "the subject's child outlived the harness");
        thread::yield_now();
    }
}
