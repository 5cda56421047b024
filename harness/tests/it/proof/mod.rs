//! Every case is worth its place: the fault-free subject passes it, and a planted fault fails it.
//!
//! The snapshot says which cases each fault turns red. A change there is a change in what the harness sees:
//! fewer cases are a blind spot, more may be an injustice. Making it anew runs the whole catalogue once for
//! each fault:
//!
//! ```text
//! INSTA_UPDATE=always cargo test --release -p seawall-harness --test it -- --ignored each_fault
//! ```
//!
//! With `PROOF_OF=ws/6.4,http/CL-05` before it, only these cases are run, and what the snapshot says of the others
//! stays: for cases that are new, or were changed.
//!
//! Day by day it is enough to look each case up there, and to run it against the fault that is most its own.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::sync::{Mutex, PoisonError};
use std::thread;

use async_io::block_on;
use seawall_harness::{
    Case, End, Error, Family, Filter, Judged, Launch, Options, Outcome, Profile, Report, Route,
    catalogue, run,
};

use self::table::Table;
use crate::planted::Fault;

#[test]
fn the_fault_free_subject_passes_every_case() {
    let every = catalogue::all().into_iter().map(|case| case.id).collect();
    let is_good = |judged: &Judged| matches!(judged.outcome, Outcome::Pass | Outcome::Info);
    let bad = insist(vec![("", every)], is_good);
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn each_case_is_failed_by_the_fault_that_is_most_its_own() {
    let cases = catalogue::all();
    let table = Table::parse(include_str!("snapshots/it__proof__faults.snap"), &cases);
    let mut proofs: BTreeMap<Fault, Ids> = BTreeMap::new();
    let mut unproven = Vec::new();
    for case in cases {
        match table.most_specific(&case.id) {
            Some(fault) => _ = proofs.entry(fault).or_default().insert(case.id),
            None => unproven.push(case.id),
        }
    }
    assert!(unproven.is_empty(), "no fault fails these, or the snapshot is old: {unproven:?}");
    let runs = proofs.into_iter().map(|(fault, ids)| (fault.name(), ids)).collect();
    // A failure beside others is one, even if the case passes when it is tried again alone.
    // So is one that the harness does not believe, since the machine was too busy: it was seen.
    let is_red = |judged: &Judged| {
        matches!(judged.outcome, Outcome::Fail | Outcome::Flaky)
            || judged.got.starts_with("the machine was too busy to judge")
    };
    let passed = insist(runs, is_red);
    assert!(passed.is_empty(), "{passed:#?}");
}

/// Runs cases until each came out as wanted; gives back those that will not. Everything here waits for
/// deadlines, and on a busy machine one may pass in vain.
fn insist<'a>(mut runs: Vec<(&'a str, Ids)>, is_wanted: impl Fn(&Judged) -> bool) -> Vec<String> {
    // The tests of this file take turns: each loads the machine enough.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut unwanted = Vec::new();
    for _ in 0..3 {
        unwanted.clear();
        let mut again: BTreeMap<&'a str, Ids> = BTreeMap::new();
        for (faults, report) in side_by_side(runs, SMALL_RUNS) {
            for judged in report.results.iter().filter(|judged| !is_wanted(judged)) {
                again.entry(faults).or_default().insert(judged.id.clone());
                unwanted
                    .push(format!("{} [{faults}] {}: {}", judged.outcome, judged.id, judged.got));
            }
        }
        runs = again.into_iter().collect();
        if runs.is_empty() {
            break;
        }
    }
    unwanted
}

#[test]
#[ignore = "runs the whole catalogue once for each fault, which takes minutes"]
fn each_fault_turns_its_cases_red() {
    let cases = catalogue::all();
    let wanted = std::env::var("PROOF_OF").unwrap_or_default();
    let is_partial = !wanted.is_empty();
    let wanted = Filter::new(wanted.split(',').filter(|pattern| !pattern.is_empty()));
    let wanted = wanted.select(&cases).expect("PROOF_OF names cases");
    let ids = |fault: &Fault| {
        let concerns = |case: &&Case| match case.family {
            Family::Tls => fault.is_of_tls(),
            Family::Slow => OF_SLOW_CLIENTS.contains(fault),
            Family::Stall => OF_STALLS.contains(fault),
            Family::Overload => OF_CROWDS.contains(fault),
            Family::Shutdown => OF_THE_END.contains(fault),
            Family::Heartbeat => OF_HEARTBEATS.contains(fault),
            _ => !fault.is_of_tls() && !fault.is_leak(),
        };
        wanted.iter().filter(concerns).map(|case| case.id.clone()).collect()
    };
    let runs = Fault::ALL.iter().map(|fault| (fault.name(), ids(fault)));
    let runs = runs.filter(|(_, ids): &(_, Ids)| !ids.is_empty()).collect();
    let mut table = Table::default();
    let mut width = WHOLE_RUNS;
    if is_partial {
        table = Table::parse(include_str!("snapshots/it__proof__faults.snap"), &cases);
        table.forget(&wanted);
        width = SMALL_RUNS;
    }
    for (fault, report) in side_by_side(runs, width) {
        table.insert(fault.parse().expect("it is a fault"), &report);
    }
    insta::assert_snapshot!("faults", table.to_text(&cases));
}

/// The ids of cases.
type Ids = BTreeSet<String>;

/// Runs cases on subjects with faults, each in a process of its own, so many at a time.
fn side_by_side(runs: Vec<(&str, Ids)>, width: usize) -> Vec<(&str, Report)> {
    let queue = Mutex::new(runs.into_iter().enumerate());
    let reports = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let next = queue.lock().expect("no run panics here").next();
            let Some((number, (faults, ids))) = next else { return };
            let report = judge(faults, &ids);
            reports.lock().expect("no run panics here").insert(number, (faults, report));
        }
    };
    thread::scope(|scope| {
        for _ in 0..width {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, work).expect("a thread can be had");
        }
    });
    reports.into_inner().expect("no run panics here").into_values().collect()
}

fn judge(faults: &str, ids: &Ids) -> Report {
    let profile = profile(faults);
    let mut cases = catalogue::all();
    cases.retain(|case| ids.contains(&case.id));
    // A port may go to a client of another run before the subject has it, and many runs can use up the ports.
    let is_of_ports =
        |why: &str| why.contains("in use") || why.contains("Cannot assign requested address");
    // Where the port was to be had again, that it was not is what the case is about.
    let lacks_port = |judged: &Judged| judged.id != "shutdown/restart" && is_of_ports(&judged.got);
    for _ in 0..TRIES {
        match block_on(run(&profile, &cases, &Options::default(), future::pending(), |_| {})) {
            Ok(Report { end: End::Dead(why), .. }) | Err(Error::Subject(why))
                if is_of_ports(&why) => {}
            Ok(report) if report.results.iter().any(lacks_port) => {}
            Ok(report) if report.end == End::Complete => return report,
            ended => panic!("{faults}: {ended:?}"),
        }
    }
    panic!("{faults}: no port could be had");
}

pub(crate) fn profile(faults: &str) -> Profile {
    let mut profile = Profile::parse(
        r#"
        [urls]
        http = "http://127.0.0.1:{port}"
        https = "https://127.0.0.1:{tls_port}"
        ws = "ws://127.0.0.1:{port}"
        [tls]
        insecure = true
        names = ["one.test", "other.test"]
        [limits]
        first_byte = "3s"
        head = "1500ms"
        body = "1500ms"
        keep_alive = "4s"
        handler = "1500ms"
        handshake = "1500ms"
        ping = "2s"
        pong = "1500ms"
        write = "3s"
        connections = 600
        connections_per_address = 150
        "#,
    )
    .expect("the profile is right");
    let itself = std::env::current_exe().expect("the test has a path");
    let itself = itself.to_str().expect("the path is text");
    let serve = ["planted::serve", "--exact", "--ignored", "--nocapture"];
    let ports = ["env", "PLANTED_PORT={port}", "PLANTED_TLS_PORT={tls_port}", itself];
    let command = ports.into_iter().chain(serve);
    profile.subject = Some(Launch {
        command: command.map(str::to_owned).collect(),
        // A backtrace would leave no room among the last words for what went wrong.
        env: [("PLANTED_FAULTS", faults), ("RUST_BACKTRACE", "0")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Launch::default()
    });
    profile.routes =
        Route::ALL.iter().map(|route| (*route, route.default_path().to_owned())).collect();
    profile
}

/// Cases of slow clients take seconds and a crowd of connections each. They run on the faults that concern
/// them, lest the machine that runs them all be the slow client itself.
const OF_SLOW_CLIENTS: &[Fault] = &[
    Fault::NoFirstByteTimeout,
    Fault::NoIdleTimeout,
    Fault::NoHeadTimeout,
    Fault::HeadTimeoutRestarts,
    Fault::NoBodyTimeout,
    Fault::OneAtATime,
    Fault::SilentOnRefusal,
    Fault::DiesOnRefusal,
];
/// The same holds for handlers that stall: each case of these starts a subject of its own, too.
const OF_STALLS: &[Fault] = &[
    Fault::NoHandlerTimeout,
    Fault::HandlerTimeoutEarly,
    Fault::LateAnswerSent,
    Fault::OneHandler,
    Fault::FewHandlers,
    Fault::SpinHoldsAll,
    Fault::HungPlacesLost,
    Fault::HungDescriptorsKept,
];
/// The same holds for crowds.
const OF_CROWDS: &[Fault] = &[
    Fault::NoCapPerAddress,
    Fault::NoCapInAll,
    Fault::AcceptSpins,
    Fault::AcceptStops,
    Fault::OneAtATime,
];
/// Each case of these starts a subject of its own.
const OF_THE_END: &[Fault] = &[
    Fault::TermDropsRequests,
    Fault::TermWaitsForClients,
    Fault::TermWithoutClose,
    Fault::NoAddressReuse,
];
/// Heartbeats take seconds each.
const OF_HEARTBEATS: &[Fault] = &[
    Fault::DropControlInFragments,
    Fault::ControlEndsMessage,
    Fault::PongsUnsolicited,
    Fault::PongRefused,
    Fault::NoPing,
    Fault::PingsOnce,
    Fault::SilenceForgiven,
    Fault::PongForgotten,
    Fault::AnyPongCounts,
    Fault::PongHurried,
    Fault::NoWriteTimeout,
];
/// Runs of the whole catalogue side by side: more would use up the ports of an address, which the system
/// keeps for a minute after use.
const WHOLE_RUNS: usize = 3;
/// Runs of few cases side by side. They wait more than they compute.
const SMALL_RUNS: usize = 16;
/// How often a run may find itself without a port.
const TRIES: usize = 8;
/// A run is one large future, which an unoptimised build moves about on the stack.
const STACK: usize = 64 << 20;
