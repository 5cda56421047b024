//! `reference`, judged as a library user would judge a server of theirs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use seawall_harness::{Filter, Judged, Outcome, Profile, Report, assert_traces, catalogue, judge};

/// The profile of this repository, with the binary that this test was built with.
fn profile() -> Profile {
    with_our_binary(include_str!("../../../harness.toml"))
}

fn with_our_binary(text: &str) -> Profile {
    let mut profile = Profile::parse(text).unwrap();
    let subject = profile.subject.as_mut().unwrap();
    subject.build.clear();
    subject.command[0] = env!("CARGO_BIN_EXE_reference").into();
    profile
}

/// One at a time: each loads the machine enough, and deadlines may pass in vain on a busy one.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn reference_passes_every_case_and_skips_none() {
    assert_passes_all(&profile());
}

/// TLS-05: what holds over http:// and ws:// holds over https:// and wss://.
#[test]
fn reference_passes_every_case_over_tls_and_skips_none() {
    let profile = with_our_binary(include_str!("../../../harness-tls.toml"));
    assert!(profile.urls.http.is_none() && profile.urls.ws.is_none());
    assert_passes_all(&profile);
}

fn assert_passes_all(profile: &Profile) {
    let _turn = turn();
    let report = judge(profile, &cases()).unwrap();
    // Others tell of a busy machine.
    let accusations: Vec<_> = report.notes.iter().filter(|note| note.failure).collect();
    assert!(accusations.is_empty(), "{accusations:?}");
    let mut others = not_passed(report);
    // What a busy machine keeps the harness from judging, it tries again.
    let unjudged = |judged: &Judged| matches!(judged.outcome, Outcome::Error | Outcome::Flaky);
    for _ in 0..5 {
        if others.is_empty() || !others.iter().all(unjudged) {
            break;
        }
        let ids: Vec<String> = others.into_iter().map(|judged| judged.id).collect();
        others = not_passed(judge(profile, &Filter::new(ids)).unwrap());
    }
    assert!(others.is_empty(), "{others:#?}");
}

/// All but the groups that send hundreds of megabytes: those are for optimised builds, by which `.ci/run` judges.
fn cases() -> Filter {
    let all = catalogue::all();
    let large = Filter::new(["ws/9", "ws/12", "ws/13"]).select(&all).unwrap();
    let is_large = |id: &String| large.iter().any(|case| case.id == *id);
    Filter::new(all.into_iter().map(|case| case.id).filter(|id| !is_large(id)))
}

fn not_passed(report: Report) -> Vec<Judged> {
    report.results.into_iter().filter(|judged| !is_good(judged.outcome)).collect()
}

/// Passed, or measured.
fn is_good(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pass | Outcome::Info)
}

/// The trace of a case is the same in every run, so a change of what our servers say on the wire
/// shows up here, octet by octet.
#[test]
fn what_goes_over_the_wire() {
    let _turn = turn();
    assert_traces!(
        profile(),
        [
            "http/CON-03",
            "http/CL-04",
            "crash/http-panic",
            "ws/5.6",
            "ws/7.3.4",
            "ws/frames/01-text"
        ]
    );
}
