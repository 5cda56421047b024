//! A leak is pinned on a case that leaks alone, and nobody else is accused.

use std::future;

use async_io::block_on;
use seawall_harness::{Filter, Judged, Options, Outcome, Report, catalogue, run};

use crate::proof::profile;

fn judge(faults: &str) -> Report {
    let cases = Filter::new(["http/CL"]).select(&catalogue::all()).expect("there are such cases");
    // More descriptors than a pool may keep.
    let options = Options { repeat: 4, ..Options::default() };
    let profile = profile(faults);
    let run = run(&profile, &cases, &options, future::pending(), |_| {});
    block_on(Box::pin(run)).expect("it runs")
}

fn leaks(report: &Report) -> Vec<&Judged> {
    report.results.iter().filter(|judged| judged.got.contains("a leak")).collect()
}

fn accuses(fault: &str, what: &str) {
    let report = judge(fault);
    assert!(report.notes.iter().any(|note| note.text.starts_with("a leak?")), "{:?}", report.notes);
    let [guilty] = leaks(&report)[..] else { panic!("{:?}", leaks(&report)) };
    assert_eq!(guilty.outcome, Outcome::Fail);
    assert!(guilty.got.starts_with("a leak: 20 runs of it alone leave "), "{}", guilty.got);
    assert_eq!(guilty.got.matches(what).count(), 3, "{}", guilty.got);
    assert!(guilty.trace.iter().any(|line| line.contains("< HTTP/1.1 4")), "{:?}", guilty.trace);
}

#[test]
fn descriptors_that_are_lost_are_pinned_on_a_case_that_loses_them_alone() {
    accuses("leaks-descriptors", "more descriptors");
}

#[test]
fn so_are_threads() {
    accuses("leaks-threads", "more threads");
}

#[test]
fn so_is_memory() {
    accuses("leaks-memory", "KiB more of memory");
}

#[test]
fn who_gives_all_back_is_not_accused() {
    let report = judge("");
    assert_eq!(leaks(&report), Vec::<&Judged>::new());
    let noted = report.notes.iter().any(|note| note.text.contains("leak"));
    assert!(!noted, "{:?}", report.notes);
}
