//! The crates depend on each other in one direction, and on nothing that is given up.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each package may depend on, of ours (ARCHITECTURE.md).
const MAY_USE: &[(&str, &[&str])] = &[
    ("seawall-codec", &[]),
    ("seawall-actor", &[]),
    ("seawall-tls", &[]),
    ("seawall-http-server", &["seawall-actor", "seawall-codec", "seawall-tls"]),
    ("seawall-ws-server", &["seawall-actor", "seawall-codec", "seawall-http-server"]),
    ("seawall-harness", &[]),
    ("seawall-cli", &["seawall-harness"]),
    (
        "seawall-examples",
        &["seawall-actor", "seawall-http-server", "seawall-tls", "seawall-ws-server"],
    ),
];

/// Only tests may: the servers' examples are judged by the harness, and TLS is tested with it.
const TESTS_MAY_USE: &[(&str, &str)] = &[("seawall-examples", "seawall-harness")];

/// Discontinued, and with advisories that nobody will fix.
const GIVEN_UP: &[&str] = &["async-std", "async-tls", "http-types", "rustls-pemfile"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn dependencies_point_one_way() {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let packages = packages();
    assert_eq!(
        packages.len(),
        may_use.len(),
        "a package is missing from this test, or from the workspace"
    );
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let allowed =
            may_use.get(name).unwrap_or_else(|| panic!("{name} has no place in the graph"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let in_tests = dependency["kind"] == "dev" && TESTS_MAY_USE.contains(&(name, used));
            let ours = used.starts_with("seawall-");
            assert!(
                !ours || in_tests || allowed.contains(&used),
                "{name} must not depend on {used}"
            );
        }
    }
}

#[test]
fn nothing_that_is_given_up_is_locked() {
    let lock = include_str!("../../../Cargo.lock");
    for name in GIVEN_UP {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
}
