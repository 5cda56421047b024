use crate::support::{TempFile, run};

#[test]
fn a_case_is_explained_with_its_octets_its_rule_and_its_cure() {
    let (code, stdout, _) = run(&["explain", "http/CL-22"]);
    assert_eq!(code, 0);
    for expected in [
        "http/CL-22  Two lengths that differ",
        "must · RFC 9112 §6.3 · needs echo",
        "> Content-Length: 5\\r\\n",
        "Accepts\n  400; then the connection is closed",
        "Why it matters",
        "CVE-2020-10108",
        "What usually fixes it",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
}

#[test]
fn a_wrong_id_is_met_with_the_right_one() {
    let (code, stdout, stderr) = run(&["explain", "http/cl_04"]);
    assert_eq!((code, &stdout[..]), (4, ""));
    assert!(stderr.contains("did you mean http/CL-04"), "{stderr}");
}

#[test]
fn the_list_is_grouped_by_family() {
    let (code, stdout, _) = run(&["list", "--filter", "http/CL-0*,slow"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("HTTP conformance ("), "{stdout}");
    assert!(stdout.contains("\nslow clients (") && stdout.ends_with(" cases\n"), "{stdout}");
}

#[test]
fn the_list_is_there_for_programs_too() {
    let listed = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    let (code, stdout, _) = run(&["list", "--filter", "http/CL-04,tls", "--json", "-"]);
    assert_eq!(code, 0);
    let list = listed(&stdout);
    let checks = list["checks"].as_array().unwrap();
    assert_eq!(list["count"], checks.len());
    let first = &checks[0];
    assert_eq!((&first["id"], &first["family"]), (&"http/CL-04".into(), &"http".into()));
    assert_eq!((&first["rule"], &first["strength"]), (&"RFC 9112 §6.3".into(), &"must".into()));
    assert_eq!(first["needs"], serde_json::json!(["echo"]));
    assert!(first["why"].as_str().unwrap().len() > 20, "{first}");
    assert!(checks[1]["needs"].as_array().unwrap().contains(&"https".into()), "{}", checks[1]);

    let file = TempFile::new("list.json", "");
    let (code, stdout, _) = run(&["list", "--json", file.path()]);
    assert_eq!((code, &stdout[..]), (0, ""));
    let list = listed(&std::fs::read_to_string(&file.0).unwrap());
    assert_eq!(list["count"], list["checks"].as_array().unwrap().len());
}

#[test]
fn completions_and_manual_know_every_subcommand() {
    let subcommands = ["run", "list", "explain", "init", "diff", "compare", "completions", "man"];
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(subcommands.iter().all(|word| stdout.contains(word)), "{shell}");
    }
    let (code, stdout, _) = run(&["man"]);
    assert_eq!(code, 0);
    assert!(
        subcommands.iter().all(|word| stdout.contains(&format!("harness\\-{word}(1)"))),
        "{stdout}"
    );
    let folder = std::env::temp_dir().join(format!("harness-cli-{}-man", std::process::id()));
    assert_eq!(run(&["man", folder.to_str().unwrap()]).0, 0);
    let pages = std::fs::read_dir(&folder).unwrap().count();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(pages > subcommands.len(), "one for each, and one for all");
}
