//! What `docs/requirements.md` names as its proof exists.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// All functions that are tests, with the name of their file: `file::test`.
fn tests(folder: &Path, found: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Attributes may stand between the mark and the function.
            for after in text.split("#[test]").skip(1) {
                let function = after.split_once("fn ").unwrap().1;
                found.insert(format!("{name}::{}", function.split('(').next().unwrap()));
            }
        }
    }
}

/// A `*` stands for whatever is left.
fn matches(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

#[test]
fn the_proof_of_each_requirement_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut known = HashSet::new();
    tests(root, &mut known);
    let cases: Vec<_> = seawall_harness::catalogue::all().into_iter().map(|case| case.id).collect();
    let text = fs::read_to_string(root.join("docs/requirements.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    for row in rows.iter().filter(|row| !row.starts_with("| id |")) {
        let names: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let (proofs, others): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|name| name.contains("::"));
        assert!(!proofs.is_empty(), "no test: {row}");
        for proof in proofs {
            assert!(known.contains(proof), "there is no test {proof}: {row}");
        }
        for pattern in others.iter().filter(|name| name.contains('/') && !name.starts_with('/')) {
            assert!(cases.iter().any(|id| matches(pattern, id)), "no case {pattern}: {row}");
        }
    }
    assert!(rows.len() > 40, "{} rows", rows.len());
}
