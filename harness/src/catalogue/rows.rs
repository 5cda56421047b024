//! Holds the catalogue to `catalogue/http-rows.toml`: what is to be asked of an HTTP server is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::all;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    /// So many rows a group, counted from 1.
    rows: BTreeMap<String, u32>,
    elsewhere: BTreeMap<String, Vec<String>>,
    none: BTreeMap<String, String>,
}

fn rows() -> Rows {
    toml::from_str(include_str!("../../catalogue/http-rows.toml"))
        .unwrap_or_else(|error| panic!("http-rows.toml: {error}"))
}

#[test]
fn each_row_has_a_case_or_a_reason() {
    let Rows { rows, elsewhere, none } = rows();
    let ids: BTreeSet<String> = all().into_iter().map(|case| case.id).collect();
    let mut left: BTreeSet<&String> = elsewhere.keys().chain(none.keys()).collect();
    for (group, count) in rows {
        for row in (1..=count).map(|number| format!("{group}-{number:02}")) {
            left.remove(&row);
            match (elsewhere.get(&row), none.get(&row)) {
                (None, None) => assert!(ids.contains(&format!("http/{row}")), "{row} has no case"),
                (Some(cases), None) => {
                    assert!(!cases.is_empty(), "{row} has no case");
                    for case in cases {
                        assert!(ids.contains(case), "{row}: there is no {case}");
                    }
                }
                (None, Some(reason)) => assert!(reason.len() > 20, "{row}: that is no reason"),
                (Some(_), Some(_)) => panic!("{row} cannot both have cases and have none"),
            }
        }
    }
    assert!(left.is_empty(), "these are no rows: {left:?}");
}

#[test]
fn there_are_a_thousand_checks_and_more_requests_of_http() {
    let cases = all();
    assert!(cases.len() >= 1000, "{}", cases.len());
    let http = cases.iter().filter(|case| case.id.starts_with("http/"));
    let requests: usize = http.map(|case| case.script().len().max(1)).sum();
    assert!(requests >= 1000, "{requests}");
}
