//! Which numbers there are: a case that gets lost shows here.

use std::collections::{BTreeMap, BTreeSet};

use super::all;

/// The groups of Autobahn|Testsuite, each with the number of its cases. 9.9.1 is in its source, but is never run.
const KNOWN: &[(&str, usize)] = &[
    ("1.1", 8),
    ("1.2", 8),
    ("2", 11),
    ("3", 7),
    ("4.1", 5),
    ("4.2", 5),
    ("5", 20),
    ("6.1", 3),
    ("6.2", 4),
    ("6.3", 2),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 11),
    ("6.7", 4),
    ("6.8", 2),
    ("6.9", 4),
    ("6.10", 3),
    ("6.11", 5),
    ("6.12", 8),
    ("6.13", 5),
    ("6.14", 10),
    ("6.15", 1),
    ("6.16", 3),
    ("6.17", 5),
    ("6.18", 5),
    ("6.19", 5),
    ("6.20", 7),
    ("6.21", 8),
    ("6.22", 34),
    ("6.23", 7),
    ("7.1", 6),
    ("7.3", 6),
    ("7.5", 1),
    ("7.7", 13),
    ("7.9", 9),
    ("7.13", 2),
    ("9.1", 6),
    ("9.2", 6),
    ("9.3", 9),
    ("9.4", 9),
    ("9.5", 6),
    ("9.6", 6),
    ("9.7", 6),
    ("9.8", 6),
    ("10.1", 1),
    ("12.1", 18),
    ("12.2", 18),
    ("12.3", 18),
    ("12.4", 18),
    ("12.5", 18),
    ("13.1", 18),
    ("13.2", 18),
    ("13.3", 18),
    ("13.4", 18),
    ("13.5", 18),
    ("13.6", 18),
    ("13.7", 18),
];

/// Our own groups, each with the number of its rows. A row may have several cases: `frames/03-5-in-2`.
const OURS: &[(&str, usize)] = &[("handshake", 38), ("frames", 30), ("deflate", 15)];

/// Rows without a case of that name: what they are about, and the cases that judge it. Where there is none, the
/// text says why.
const ELSEWHERE: &[(&str, &str, &[&str])] = &[
    (
        "handshake/07",
        "a handshake in pieces",
        &["fragmentation/ws-handshake-split", "fragmentation/ws-handshake-octets"],
    ),
    ("handshake/08", "a message in one segment with it", &["fragmentation/ws-coalesced"]),
    ("handshake/35", "a handshake that stops half way", &["slow/ws-handshake-drip"]),
    (
        "frames/14",
        "whether each frame of the subject's is sound",
        &[
            "audit/ws/mask",
            "audit/ws/reserved-bits",
            "audit/ws/opcode",
            "audit/ws/length",
            "audit/ws/control",
            "audit/ws/fragments",
            "audit/ws/utf8",
            "audit/ws/close",
            "audit/ws/after-close",
        ],
    ),
    (
        "frames/24",
        "echoes that are not read for a while: that others are served, and that all comes back",
        &["slow/ws-read-never", "ws/9.1.6"],
    ),
    (
        "frames/25",
        "many messages in a segment, and a message in many",
        &["fragmentation/ws-burst", "ws/9.5.5"],
    ),
    ("frames/26", "heartbeats are minutes apart: a run does not wait for them", &[]),
    ("frames/28", "every case runs over TLS as well, where the profile's URL says so", &[]),
    ("frames/29", "WebSocket over HTTP/2 and HTTP/3 is not spoken here", &[]),
];

#[test]
fn every_number_that_the_field_knows_has_its_case() {
    let expected: BTreeSet<String> = KNOWN
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |number| format!("ws/{group}.{number}")))
        .collect();
    assert_eq!(expected.len(), 517);
    let is_numbered = |id: &String| {
        let short = id.strip_prefix("ws/").unwrap_or_default();
        short.starts_with(|first: char| first.is_ascii_digit())
    };
    let ours: BTreeSet<String> =
        all().into_iter().map(|case| case.id).filter(is_numbered).collect();
    assert_eq!(ours, expected);
}

#[test]
fn every_row_of_ours_has_its_case_or_a_reason() {
    let ids: BTreeSet<String> = all().into_iter().map(|case| case.id).collect();
    let elsewhere: BTreeMap<&str, _> =
        ELSEWHERE.iter().map(|(row, text, cases)| (*row, (*text, *cases))).collect();
    for (group, count) in OURS {
        for number in 1..=*count {
            let row = format!("{group}/{number:02}");
            let id = format!("ws/{row}");
            let variant = format!("{id}-");
            let has_case = ids.iter().any(|other| *other == id || other.starts_with(&variant));
            match elsewhere.get(&row[..]) {
                None => assert!(has_case, "{row} has no case, and no reason for that"),
                Some((text, cases)) => {
                    assert!(!has_case && !text.is_empty(), "{row} has a case of its own");
                    let lost: Vec<_> = cases.iter().filter(|id| !ids.contains(**id)).collect();
                    assert!(lost.is_empty(), "{row} counts on {lost:?}");
                }
            }
        }
    }
}
