use std::fs;
use std::net::TcpListener;

use crate::support::{TempFile, naive_server, run};

/// The server answers everything with 200: only what needs no more is offered, and the draft can be run.
#[test]
fn a_draft_says_what_was_found_and_can_be_run() {
    let url = format!("http://{}/greeting", naive_server());
    let (code, stdout, stderr) = run(&["init", &url, "--output", "-"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("hello = \"/greeting\"\n"), "{stdout}");
    assert!(stdout.contains("# echo = \"/echo\"   # not found\n"), "{stdout}");
    assert!(stdout.contains("# crash = \"/crash\"   # not asked for\n"), "{stdout}");
    let profile = TempFile::new("draft.toml", &stdout);
    assert_eq!(run(&["run", "--profile", profile.path(), "--filter", "http/RL-01"]).0, 0);
}

#[test]
fn a_profile_that_is_there_is_left_alone() {
    let url = format!("http://{}", naive_server());
    let profile = TempFile::new("mine.toml", "mine");
    let (code, _, stderr) = run(&["init", &url, "-o", profile.path()]);
    assert_eq!(code, 2);
    assert!(stderr.contains(profile.path()), "{stderr}");
    assert_eq!(fs::read_to_string(&profile.0).unwrap(), "mine");
}

#[test]
fn where_nobody_answers_there_is_no_draft() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (code, stdout, stderr) = run(&["init", &url, "-o", "-"]);
    assert_eq!((code, &stdout[..]), (3, ""));
    assert!(stderr.contains("nobody answers") && stderr.contains("refused"), "{stderr}");
    assert_eq!(run(&["init", "127.0.0.1:80", "-o", "-"]).0, 2);
}
