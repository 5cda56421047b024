//! Which cases run, in which order, how often, and when the run has seen enough.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{TempFile, answer_to, naive_server, run};

#[test]
fn the_first_failure_ends_the_run() {
    let url = format!("http://{}", naive_server());
    let json = TempFile::new("fast.json", "");
    let flags = ["--fail-fast", "--jobs", "1", "--json", json.path()];
    let (code, stdout, _) =
        run(&[&["run", "--http", &url, "--filter", "http/RL-01,http/HOST"][..], &flags].concat());
    assert_eq!(code, 1);
    assert!(stdout.contains("stopped at the first failure"), "{stdout}");
    let report = fs::read_to_string(&json.0).unwrap();
    assert!(report.contains("\"how\": \"fail-fast\""), "{report}");
    assert_eq!(report.matches("\"outcome\": \"fail\"").count(), 1, "{report}");
    assert!(report.contains("an earlier case failed"), "{report}");
}

#[test]
fn what_fails_only_at_times_is_flaky() {
    let url = format!("http://{}", moody_server());
    let (code, stdout, _) =
        run(&["run", "--http", &url, "--filter", "http/HOST-01", "--repeat", "4", "--jobs", "1"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("FLAKY http/HOST-01"), "{stdout}");
    assert!(stdout.contains("in one run: 200") && stdout.contains("in another: 400"), "{stdout}");
}

#[test]
fn only_what_failed_last_runs_again() {
    let url = format!("http://{}", naive_server());
    let json = TempFile::new("last.json", "");
    let select = ["--filter", "http/HOST-01,http/RL-01"];
    run(&[&["run", "--http", &url, "--json", json.path()][..], &select].concat());
    let (_, stdout, _) = run(&["run", "--http", &url, "--last-failed", json.path()]);
    assert!(stdout.contains("http/HOST-01") && stdout.contains("1 case in"), "{stdout}");
    let again = ["run", "--http", &url, "--last-failed", json.path(), "--filter", "http/RL-01"];
    let (code, _, stderr) = run(&again);
    assert_eq!(code, 4);
    assert!(stderr.contains("none failed in"), "{stderr}");
}

#[test]
fn a_seed_is_told_and_taken() {
    let url = format!("http://{}", naive_server());
    let order = |flags: &[&str]| {
        let all = ["run", "--http", &url, "--filter", "http/RL-0*", "--jobs", "1", "--verbose"];
        let (_, stdout, stderr) = run(&[&all, flags].concat());
        let ids = stderr.split_whitespace().filter(|word| word.starts_with("http/RL"));
        (stdout, ids.map(String::from).collect::<Vec<_>>())
    };
    let (stdout, seven) = order(&["--seed", "7"]);
    assert!(stdout.contains("--seed 7"), "{stdout}");
    assert_eq!(order(&["--seed", "7"]).1, seven);
    assert_ne!(order(&["--seed", "8"]).1, seven);
    assert!(order(&["--shuffle"]).0.contains("--seed "));
}

#[test]
fn no_case_is_begun_after_the_time_budget() {
    let url = format!("http://{}", naive_server());
    let budget = ["run", "--http", &url, "--filter", "http/RL-01", "--time-budget", "0s"];
    let (code, stdout, _) = run(&budget);
    assert_eq!(code, 4);
    assert!(stdout.contains("the time budget was used up"), "{stdout}");
}

#[test]
fn a_deviation_is_accepted_until_its_last_day() {
    let server = naive_server();
    let with = |until: &str| {
        let profile = format!(
            "name = 'x'\n[urls]\nhttp = 'http://{server}'\n[routes]\nhello = '/'\n[[deviations]]\n\
             case = 'http/HOST-01'\nverdict = 'fail'\nreason = 'old'\nuntil = '{until}'\n"
        );
        let file = TempFile::new(&format!("{until}.toml"), &profile);
        run(&["run", "--profile", file.path(), "--filter", "http/HOST-01"])
    };
    assert_eq!(with("9999-12-31").0, 0);
    let (code, stdout, _) = with("2020-01-31");
    assert_eq!(code, 1);
    assert!(stdout.contains("(old) was accepted until 2020-01-31"), "{stdout}");
}

/// A server that refuses a request without Host every other time, the first time not.
fn moody_server() -> std::net::SocketAddr {
    static REFUSES: AtomicBool = AtomicBool::new(true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                answer_to(stream, |head| {
                    let lacks = !head.windows(6).any(|octets| octets == b"Host: ");
                    lacks && REFUSES.fetch_not(Ordering::Relaxed)
                });
            });
        }
    });
    address
}
