//! Reports written by one run and read by the next.

use std::fs;

use crate::support::{TempFile, naive_server, run};

/// A report with these two outcomes for the cases of HOST-01 and RL-01.
fn report(name: &str, replace: [&str; 2]) -> TempFile {
    let url = format!("http://{}", naive_server());
    let file = TempFile::new(name, "");
    run(&["run", "--http", &url, "--filter", "http/HOST-01,http/RL-01", "--json", file.path()]);
    let text = fs::read_to_string(&file.0).unwrap();
    fs::write(&file.0, text.replace(replace[0], replace[1])).unwrap();
    file
}

#[test]
fn worse_exits_with_1_and_better_with_0() {
    let failing = report("failing.json", ["", ""]);
    let passing = report("passing.json", ["\"outcome\": \"fail\"", "\"outcome\": \"pass\""]);
    let (code, stdout, _) = run(&["diff", passing.path(), failing.path()]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.starts_with("worse (1)\n  PASS  → FAIL  http/HOST-01  No Host\n"), "{stdout}");
    let (code, stdout, _) = run(&["diff", failing.path(), passing.path()]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.starts_with("better (1)\n"), "{stdout}");
    assert!(stdout.ends_with("1 otherwise, 1 alike\n"), "{stdout}");
}

#[test]
fn what_is_no_report_is_named() {
    let none = TempFile::new("none.json", "{}");
    let (code, _, stderr) = run(&["diff", none.path(), "/no/such/report.json"]);
    assert_eq!(code, 2);
    assert!(stderr.contains(none.path()) && stderr.contains("not a report"), "{stderr}");
    let (code, _, stderr) = run(&["compare", "/no/such/report.json", none.path()]);
    assert_eq!(code, 2);
    assert!(stderr.contains("/no/such/report.json"), "{stderr}");
}

#[test]
fn subjects_are_laid_side_by_side() {
    let one = report("one.json", ["\"subject\": \"subject\"", "\"subject\": \"one\""]);
    let two = report("two.json", ["\"outcome\": \"fail\"", "\"outcome\": \"pass\""]);
    let page = TempFile::new("compare.html", "");
    let (code, stdout, _) = run(&["compare", one.path(), two.path(), "--html", page.path()]);
    assert_eq!(code, 0);
    assert!(stdout.contains("http/HOST-01  FAIL  b  PASS  a"), "{stdout}");
    assert!(!stdout.contains("http/RL-01"), "alike: {stdout}");
    assert!(stdout.contains("2 cases, 1 with different verdicts"), "{stdout}");
    assert!(run(&["compare", "--all", one.path(), two.path()]).1.contains("http/RL-01"));
    let html = fs::read_to_string(&page.0).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("one · subject"), "{html}");
}

/// What Autobahn|Testsuite leaves behind, with these words in both columns of case 1.1.1.
fn index(name: &str, word: &str) -> TempFile {
    let entry = |word: &str| format!(r#"{{ "behavior": "{word}", "behaviorClose": "{word}" }}"#);
    let text =
        format!(r#"{{ "suite": {{ "1.1.1": {}, "1.1.2": {} }} }}"#, entry(word), entry("OK"));
    TempFile::new(name, &text)
}

#[test]
fn an_index_of_the_suite_that_the_field_knows_is_a_report_too() {
    let (sound, broken) = (index("sound.json", "OK"), index("broken.json", "FAILED"));
    let (code, stdout, _) = run(&["diff", sound.path(), broken.path()]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.starts_with("worse (1)\n  PASS  → FAIL  ws/1.1.1"), "{stdout}");
    let (code, stdout, _) = run(&["compare", sound.path(), broken.path()]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("ws/1.1.1  PASS") && stdout.contains("2 cases, 1 with"), "{stdout}");

    // Ours, of a server that shakes no hands.
    let address = naive_server();
    let (http, ws) = (format!("http://{address}"), format!("ws://{address}"));
    let ours = TempFile::new("ours.json", "");
    let filter = ["--filter", "ws/1.1.1", "--index", ours.path()];
    run(&[&["run", "--http", &http, "--ws", &ws][..], &filter].concat());
    let (code, stdout, _) = run(&["diff", sound.path(), ours.path()]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("PASS  → FAIL  ws/1.1.1"), "{stdout}");
}

#[test]
fn a_record_is_compared_as_its_report_is() {
    let url = format!("http://{}", naive_server());
    let [report, record] = ["whole.json", "record.json"].map(|name| TempFile::new(name, ""));
    let filter = ["--filter", "http/HOST-01,http/RL-01"];
    let files = ["--json", report.path(), "--record", record.path()];
    run(&[&["run", "--http", &url, "--name", "mine"][..], &filter, &files].concat());
    let text = fs::read_to_string(&record.0).unwrap();
    assert!(text.contains("\n    {\"id\":\"http/HOST-01\",\"outcome\":\"fail\""), "{text}");
    let (code, stdout, _) = run(&["diff", report.path(), record.path()]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("mine → mine: 0 otherwise, 2 alike"), "{stdout}");

    let table = TempFile::new("table.md", "");
    let both = [report.path(), record.path()];
    let (code, printed, _) = run(&[&["compare", "--markdown", "-"][..], &both].concat());
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("| mine (2) |  | 1 | 1 |"), "{printed}");
    run(&[&["compare", "--markdown", table.path()][..], &both].concat());
    assert_eq!(fs::read_to_string(&table.0).unwrap(), printed);
}
