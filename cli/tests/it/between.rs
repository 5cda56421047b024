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
