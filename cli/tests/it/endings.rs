use std::net::TcpListener;

use crate::support::{TempFile, naive_server, run};

#[test]
fn a_wrong_flag_is_usage() {
    let (code, _, stderr) = run(&["run", "--levle", "must"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--level"), "{stderr}");
}

#[test]
fn a_missing_profile_is_named_with_the_other_ways() {
    let (code, _, stderr) = run(&["run", "--profile", "no/such/profile.toml"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no/such/profile.toml") && stderr.contains("--http URL"), "{stderr}");
}

#[test]
fn a_wrong_key_is_named_with_file_line_and_the_allowed_ones() {
    let profile = TempFile::new("key.toml", "name = 'x'\n[subject]\ncomand = ['y']\n");
    let (code, _, stderr) = run(&["run", "--profile", profile.path()]);
    assert_eq!(code, 2);
    for expected in [profile.path(), "line 3", "comand", "`command`"] {
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_deviation_of_no_case_is_usage() {
    let (code, _, stderr) =
        run(&["run", "--http", "http://127.0.0.1:1", "--deviation", "http/X-1=fail: x"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("http/X-1"), "{stderr}");
}

#[test]
fn an_empty_selection_is_nothing_to_run() {
    let (code, _, stderr) = run(&["run", "--http", "http://127.0.0.1:1", "--filter", "ws/99"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("ws/99") && stderr.contains("harness list"), "{stderr}");
    assert_eq!(run(&["list", "--filter", "nonsense"]).0, 4);
}

#[test]
fn a_run_that_skips_everything_ran_nothing() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, _) = run(&["run", "--http", &url, "--filter", "ws/1"]);
    assert_eq!(code, 4);
    assert!(stdout.contains("does not offer ws.echo"), "{stdout}");
}

#[test]
fn a_subject_that_exits_at_once_is_quoted() {
    let (code, _, stderr) = run(&["run", "--", "sh", "-c", "echo no such table >&2; exit 7"]);
    assert_eq!(code, 3);
    for expected in ["echo no such table", "exited with status 7", "| no such table"] {
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_program_that_is_not_there_is_the_subjects_fault() {
    let (code, _, stderr) = run(&["run", "--", "./no-such-server"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("./no-such-server"), "{stderr}");
}

#[test]
fn a_build_that_fails_stops_the_run() {
    let (code, _, stderr) = run(&["run", "--build", "exit 9", "--", "sleep", "1000"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("does not build") && stderr.contains("status 9"), "{stderr}");
}

#[test]
fn a_subject_that_never_gets_ready_is_given_up() {
    let (code, _, stderr) = run(&["run", "--ready-timeout", "200ms", "--", "sleep", "1000"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("not ready within 200ms") && stderr.contains("refused"), "{stderr}");
}

#[test]
fn a_port_in_use_is_not_taken_for_the_subject() {
    let url = format!("http://{}", naive_server());
    let (code, _, stderr) = run(&["run", "--http", &url, "--", "sleep", "1000"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("in use already") && stderr.contains("{port}"), "{stderr}");
}

#[test]
fn an_unreachable_url_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (code, _, stderr) = run(&["run", "--http", &url, "--ready-timeout", "100ms"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("refused"), "{stderr}");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    // Never accepted by us, but by the system: it connects, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (code, _, stderr) = run(&["run", "--http", &url]);
    assert_eq!(code, 3);
    assert!(stderr.contains("no answer"), "{stderr}");
}

#[test]
fn the_whole_run_has_a_bound() {
    let url = format!("http://{}", naive_server());
    // These cases wait for things that this server never does.
    let arguments =
        ["run", "--http", &url, "--filter", "http/CON-05,http/CON-07", "--time-limit", "300ms"];
    let (code, stdout, _) = run(&arguments);
    assert_eq!(code, 1);
    assert!(stdout.contains("time limit"), "{stdout}");
}
