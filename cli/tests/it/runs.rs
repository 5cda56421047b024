use std::fs;

use crate::support::{TempFile, harness, naive_server, run};

#[test]
fn a_case_that_passes_exits_with_0() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, stderr) = run(&["run", "--http", &url, "--filter", "http/RL-01"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("1 case in") && stdout.contains("passed"), "{stdout}");
    assert!(stderr.contains("ready: 1 case\n"), "plain lines where there is no terminal: {stderr}");
}

#[test]
fn a_case_that_fails_exits_with_1_and_shows_its_octets() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, _) = run(&["run", "--http", &url, "--filter", "http/HOST-01"]);
    assert_eq!(code, 1);
    for expected in
        ["FAIL", "http/HOST-01", "RFC 9112 §3.2", "expected  400", "c1 > GET / HTTP/1.1\\r\\n"]
    {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
}

#[test]
fn the_level_decides_what_counts() {
    let url = format!("http://{}", naive_server());
    let at =
        |level: &str| run(&["run", "--http", &url, "--filter", "http/METH-01", "--level", level]).0;
    assert_eq!(at("should"), 1);
    assert_eq!(at("must"), 0, "a SHOULD is below MUST");
}

#[test]
fn an_accepted_deviation_is_no_failure_and_a_stale_one_is_told() {
    let url = format!("http://{}", naive_server());
    let deviation = "http/HOST-01=fail: behind a proxy that checks";
    let (code, stdout, _) =
        run(&["run", "--http", &url, "--filter", "http/HOST-01", "--deviation", deviation]);
    assert_eq!(code, 0);
    assert!(stdout.contains("accepted, behind a proxy that checks"), "{stdout}");
    let (code, stdout, _) = run(&[
        "run",
        "--http",
        &url,
        "--filter",
        "http/RL-01",
        "--deviation",
        "http/RL-01=fail: old",
    ]);
    assert_eq!(code, 0);
    assert!(stdout.contains("its deviation (old) can go"), "{stdout}");
}

#[test]
fn json_and_traces_are_written() {
    let url = format!("http://{}", naive_server());
    let json = TempFile::new("report.json", "");
    let folder = json.0.with_extension("traces");
    let (traces, filter) = (folder.to_str().unwrap(), "http/HOST-01");
    run(&["run", "--http", &url, "--filter", filter, "--json", json.path(), "--traces", traces]);
    let report = fs::read_to_string(&json.0).unwrap();
    for expected in [
        "\"schema\": 1",
        "\"id\": \"http/HOST-01\"",
        "\"outcome\": \"fail\"",
        "\"how\": \"complete\"",
    ] {
        assert!(report.contains(expected), "{report}");
    }
    let trace = fs::read_to_string(folder.join("http-HOST-01.trace")).unwrap();
    assert!(trace.starts_with("# http/HOST-01 · fail\nc1 ~ connect\n"), "{trace}");
    fs::remove_dir_all(folder).unwrap();
    let (_, stdout, _) = run(&["run", "--http", &url, "--filter", filter, "--json", "-"]);
    assert!(stdout.starts_with('{') && stdout.ends_with("}\n"), "nothing but JSON: {stdout}");
}

#[test]
fn quiet_says_the_result_and_nothing_else() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, stderr) =
        run(&["run", "--quiet", "--http", &url, "--filter", "http/HOST-01"]);
    assert_eq!((code, &stderr[..]), (1, ""));
    assert!(
        stdout.starts_with("subject: 1 case in ") && stdout.ends_with(": 1 failed\n"),
        "{stdout}"
    );
    assert_eq!(stdout.lines().count(), 1);
}

#[test]
fn colours_are_for_terminals_and_for_those_who_insist() {
    let url = format!("http://{}", naive_server());
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = harness(&["run", "--http", &url, "--filter", "http/RL-01"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    assert!(!coloured(&[]), "no terminal");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

#[test]
fn several_reports_are_written_at_once() {
    let url = format!("http://{}", naive_server());
    let [junit, markdown, notes] =
        ["junit.xml", "summary.md", "notes"].map(|n| TempFile::new(n, ""));
    let run_flags = ["run", "--http", &url, "--filter", "http/HOST-01,http/RL-01"];
    let forms = ["--junit", junit.path(), "--markdown", markdown.path()];
    let forms = [&forms[..], &["--annotations", notes.path()]].concat();
    assert_eq!(run(&[&run_flags[..], &forms].concat()).0, 1);
    let text = |file: &TempFile| fs::read_to_string(&file.0).unwrap();
    assert!(text(&junit).contains("tests=\"2\" skipped=\"0\" failures=\"1\""), "{}", text(&junit));
    assert!(text(&markdown).starts_with("## ❌ subject: 1 failed\n"), "{}", text(&markdown));
    assert!(text(&notes).starts_with("::error title=http/HOST-01 "), "{}", text(&notes));
}

#[test]
fn the_page_shows_each_case_and_replaces_what_was_there() {
    let url = format!("http://{}", naive_server());
    let page = TempFile::new("report.html", "the page of yesterday");
    let (code, ..) = run(&["run", "--http", &url, "--filter", "http/HOST", "--html", page.path()]);
    assert_eq!(code, 1);
    let html = fs::read_to_string(&page.0).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html}");
    assert_eq!(html.matches("<details class=\"case").count(), 15, "a fold for each case");
    let beside = fs::read_dir(page.0.parent().unwrap()).unwrap().flatten();
    let name = page.0.file_name().unwrap().to_str().unwrap();
    let left: Vec<_> = beside
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|other| other.starts_with(name) && other != name)
        .collect();
    assert!(left.is_empty(), "{left:?} were left behind");
}

#[test]
fn a_report_that_cannot_be_written_does_not_cost_the_others_nor_the_result() {
    let url = format!("http://{}", naive_server());
    let json = TempFile::new("beside.json", "");
    let nowhere = "/no/such/folder/report.html";
    let flags = ["--html", nowhere, "--traces", "/dev/null/traces", "--json", json.path()];
    let arguments = [&["run", "--http", &url, "--filter", "http/RL-01"][..], &flags].concat();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(code, 2);
    assert!(stdout.contains("passed"), "{stdout}");
    assert!(stderr.contains(nowhere) && stderr.contains("/dev/null/traces"), "{stderr}");
    assert!(fs::read_to_string(&json.0).unwrap().contains("\"outcome\": \"pass\""));
}

/// The server dies of a method in lower case: whatever runs beside it, the case that sends one
/// must be found, and the others judged.
#[test]
fn a_death_is_pinned_on_its_case() {
    let (code, stdout, stderr) = run_fragile("dies", "http/RL,http/METH-02");
    assert_eq!(code, 1, "{stdout}{stderr}");
    let culprit = stdout.split("http/METH-02").nth(1).expect("the culprit is shown in detail");
    assert!(culprit.contains("exited with status 42") && culprit.contains("| goodbye"), "{stdout}");
    let deaths = stdout.matches("the subject survives").count();
    assert_eq!(deaths, 1, "one case is to blame: {stdout}");
}

/// As above, but the server lives on and serves nobody.
#[test]
fn a_hang_is_pinned_on_its_case() {
    let (code, stdout, stderr) = run_fragile("hangs", "http/RL-01,http/METH-02");
    assert_eq!(code, 1, "{stdout}{stderr}");
    let culprit = stdout.split("http/METH-02").nth(1).expect("the culprit is shown in detail");
    assert!(culprit.contains("the subject stopped serving"), "{stdout}");
    assert!(!stdout.contains("http/RL-01"), "the other case is cleared: {stdout}");
}

/// As above, but what keeps it from serving anybody is an endless loop: to compute is not to serve.
#[test]
fn an_endless_loop_is_pinned_on_its_case() {
    let (code, stdout, stderr) = run_fragile_with("spins", "http/METH-02", &["--jobs", "1"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let culprit = stdout.split("http/METH-02").nth(1).expect("the culprit is shown in detail");
    // Where the machine hardly lets it loop, nobody knows that it does so for ever.
    let is_told = ["the subject stopped serving", "the subject did not serve"];
    assert!(is_told.iter().any(|told| culprit.contains(told)), "{stdout}");
    assert!(culprit.contains("it computed for "), "{stdout}");
}

/// A server that does one thing at a time was once accused of having hung, when all that it did was to work for another
/// case for longer than an answer may take.
#[test]
fn who_works_for_one_client_has_not_hung() {
    let (_, stdout, stderr) = run_fragile("toils", "http/RL-01,http/RL-02,http/METH-02");
    for accusation in ["stopped serving", "survives", "brings it down", "flaky"] {
        assert!(!stdout.contains(accusation), "{stdout}{stderr}");
    }
}

/// The server answers as it should, and panics behind the scenes.
#[test]
fn a_panic_on_standard_error_is_a_verdict() {
    let (code, stdout, stderr) = run_fragile("complains", "http/RL-15");
    assert_eq!(code, 1, "{stdout}{stderr}");
    let culprit = stdout.split("FAIL  http/RL-15").nth(1).expect("the culprit is shown in detail");
    assert!(culprit.contains("got       thread 'handler' panicked at src/handler.rs"), "{stdout}");
    // Not to be pinned where several ran, but no less true.
    let (code, stdout, _) = run_fragile("complains", "http/RL-15,slow/head-stall");
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("panicked at src") && stdout.contains("while these ran: "), "{stdout}");
}

#[test]
fn what_is_not_given_back_is_told() {
    let (_, stdout, stderr) = run_fragile("leaks", "http/METH-02");
    assert!(
        stdout.contains("a leak?") && stdout.contains("descriptors; it began"),
        "{stdout}{stderr}"
    );
    let (_, stdout, _) = run_fragile("leaks", "http/RL-01");
    assert!(!stdout.contains("a leak?"), "nothing was leaked: {stdout}");
}

#[test]
fn the_subjects_process_is_sampled() {
    let json = TempFile::new("samples.json", "");
    run_fragile_with("hangs", "slow/head-stall", &["--json", json.path()]);
    let report = fs::read_to_string(&json.0).unwrap();
    let sample = report.split("\"samples\"").nth(1).expect("it has samples");
    for expected in ["\"memory\": ", "\"descriptors\": ", "\"threads\": ", "slow/head-stall"] {
        assert!(sample.contains(expected), "{expected}: {sample}");
    }
}

fn run_fragile(how: &str, filter: &str) -> (i32, String, String) {
    run_fragile_with(how, filter, &[])
}

fn run_fragile_with(how: &str, filter: &str, more: &[&str]) -> (i32, String, String) {
    let this = std::env::current_exe().unwrap();
    let how = format!("FRAGILE={how}");
    let subject =
        [this.to_str().unwrap(), "--exact", "support::fragile_server", "--ignored", "--nocapture"];
    let flags = ["run", "--filter", filter, "--env", &how, "--env", "PORT={port}", "--"];
    let (flags, dashes) = flags.split_at(flags.len() - 1);
    run(&[flags, more, dashes, &subject].concat())
}
