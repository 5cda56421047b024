use crate::support::run;

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
    assert!(stdout.contains("\nslow clients (10)\n") && stdout.ends_with(" cases\n"), "{stdout}");
}
