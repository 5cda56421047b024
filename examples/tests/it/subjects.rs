//! What is recorded of foreign subjects agrees with their profiles and with what the documents say of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seawall_harness::{Comparison, Outcome, Profile, Report};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder of each subject that has a record, and the record, in the order of a shell's `*`.
fn records() -> Vec<(PathBuf, Report)> {
    let folders = fs::read_dir(root().join("examples/subjects")).unwrap();
    let mut records: Vec<(PathBuf, Report)> = folders
        .map(|folder| folder.unwrap().path())
        .filter(|folder| folder.join("results.json").exists())
        .map(|folder| {
            let text = fs::read_to_string(folder.join("results.json")).unwrap();
            let report = Report::from_json(&text).unwrap();
            (folder, report)
        })
        .collect();
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    records
}

#[test]
fn the_tables_of_foreign_subjects_are_made_from_their_records() {
    let reports: Vec<Report> = records().into_iter().map(|(_, report)| report).collect();
    let text = fs::read_to_string(root().join("docs/subjects.md")).unwrap();
    let (_, rest) = text.split_once("<!-- compared -->\n").expect("a mark where the tables begin");
    let (tables, _) = rest.split_once("<!-- end -->").expect("a mark where they end");
    assert_eq!(
        tables,
        Comparison::of(&reports).to_markdown(),
        "run harness compare as docs/subjects.md says, and put what it prints between the marks"
    );
}

#[test]
fn each_record_is_of_a_whole_run_that_its_profile_explains() {
    for (folder, report) in records() {
        let profile = Profile::load(&folder.join("harness.toml")).unwrap();
        assert_eq!(report.subject, profile.name, "{}", folder.display());
        assert_eq!(report.version, profile.version, "{}", profile.name);
        let judged = |outcomes: &[Outcome]| -> BTreeMap<String, Outcome> {
            let of = report.results.iter().filter(|judged| outcomes.contains(&judged.outcome));
            of.map(|judged| (judged.id.clone(), judged.outcome)).collect()
        };
        let accepted: BTreeMap<String, Outcome> =
            profile.deviations.iter().map(|d| (d.case.clone(), d.verdict)).collect();
        let failed = judged(&[Outcome::Fail, Outcome::Flaky, Outcome::Error]);
        let unexplained: Vec<_> =
            failed.iter().filter(|(case, verdict)| accepted.get(*case) != Some(*verdict)).collect();
        assert!(unexplained.is_empty(), "{}: {unexplained:?}", profile.name);
        // Whether a race is lost is another matter in each run.
        let outdated: Vec<_> = profile
            .deviations
            .iter()
            .filter(|known| failed.get(&known.case) != Some(&known.verdict))
            .filter(|known| !known.reason.contains("a race"))
            .map(|known| &known.case)
            .collect();
        assert!(outdated.is_empty(), "{}: {outdated:?}", profile.name);
    }
}

#[test]
fn each_record_has_a_page_that_explains_it() {
    let index = fs::read_to_string(root().join("docs/subjects.md")).unwrap();
    for (folder, report) in records() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let page = root().join(format!("docs/subjects/{name}.md"));
        let text = fs::read_to_string(&page).unwrap_or_else(|_| panic!("no {}", page.display()));
        assert!(
            index.contains(&format!("(subjects/{name}.md)")),
            "docs/subjects.md leads to {name}"
        );
        // The page gives the counts in words.
        let failed = report.count(Outcome::Fail);
        assert!(text.contains(&format!("{failed} fail")), "{name}: {failed} fail");
    }
}
