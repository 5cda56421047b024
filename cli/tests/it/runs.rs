use std::fs;

use crate::support::{TempFile, naive_server, run};

#[test]
fn a_case_that_passes_exits_with_0() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, stderr) = run(&["run", "--http", &url, "--filter", "http/RL-01"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("1 cases") && stdout.contains("passed"), "{stdout}");
    assert!(stderr.contains("ready: 1 cases"), "plain lines where there is no terminal: {stderr}");
}

#[test]
fn a_case_that_fails_exits_with_1_and_shows_its_octets() {
    let url = format!("http://{}", naive_server());
    let (code, stdout, _) = run(&["run", "--http", &url, "--filter", "http/HOST-01"]);
    assert_eq!(code, 1);
    for expected in
        ["FAIL", "http/HOST-01", "RFC 9112 §3.2", "expected  400", "c1 > GET / HTTP/1.1\\r\\n"]
    {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
}

#[test]
fn the_level_decides_what_counts() {
    let url = format!("http://{}", naive_server());
    let at =
        |level: &str| run(&["run", "--http", &url, "--filter", "http/METH-01", "--level", level]).0;
    assert_eq!(at("should"), 1);
    assert_eq!(at("must"), 0, "a SHOULD is below MUST");
}

#[test]
fn an_accepted_deviation_is_no_failure_and_a_stale_one_is_told() {
    let url = format!("http://{}", naive_server());
    let deviation = "http/HOST-01=fail: behind a proxy that checks";
    let (code, stdout, _) =
        run(&["run", "--http", &url, "--filter", "http/HOST-01", "--deviation", deviation]);
    assert_eq!(code, 0);
    assert!(stdout.contains("accepted, behind a proxy that checks"), "{stdout}");
    let (code, stdout, _) = run(&[
        "run",
        "--http",
        &url,
        "--filter",
        "http/RL-01",
        "--deviation",
        "http/RL-01=fail: old",
    ]);
    assert_eq!(code, 0);
    assert!(stdout.contains("its deviation (old) can go"), "{stdout}");
}

#[test]
fn json_and_traces_are_written() {
    let url = format!("http://{}", naive_server());
    let json = TempFile::new("report.json", "");
    let folder = json.0.with_extension("traces");
    let (traces, filter) = (folder.to_str().unwrap(), "http/HOST-01");
    run(&["run", "--http", &url, "--filter", filter, "--json", json.path(), "--traces", traces]);
    let report = fs::read_to_string(&json.0).unwrap();
    for expected in [
        "\"schema\": 1",
        "\"id\": \"http/HOST-01\"",
        "\"outcome\": \"fail\"",
        "\"how\": \"complete\"",
    ] {
        assert!(report.contains(expected), "{report}");
    }
    let trace = fs::read_to_string(folder.join("http-HOST-01.trace")).unwrap();
    assert!(trace.starts_with("# http/HOST-01 · fail\nc1 ~ connect\n"), "{trace}");
    fs::remove_dir_all(folder).unwrap();
    let (_, stdout, _) = run(&["run", "--http", &url, "--filter", filter, "--json", "-"]);
    assert!(stdout.starts_with('{') && stdout.ends_with("}\n"), "nothing but JSON: {stdout}");
}

/// The server dies at the first request that is not a plain GET of `/`: whatever runs beside
/// it, the case that sends it must be found.
#[test]
fn a_death_is_pinned_on_its_case_and_the_others_are_still_judged() {
    let script = TempFile::new("mortal.py", MORTAL);
    let arguments =
        ["run", "--filter", "http/RL,http/METH-02", "--", "python3", script.path(), "{port}"];
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let culprit = stdout.split("http/METH-02").nth(1).expect("the culprit is shown in detail");
    assert!(culprit.contains("exited with status 42") && culprit.contains("| goodbye"), "{stdout}");
    let deaths = stdout.matches("the subject survives").count();
    assert_eq!(deaths, 1, "one case is to blame: {stdout}");
}

const MORTAL: &str = r#"
import os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def serve(peer):
    data = b""
    while True:
        try:
            more = peer.recv(65536)
        except OSError:
            return
        if not more:
            return
        data += more
        if data.startswith(b"get "):
            sys.stderr.write("goodbye\n")
            sys.stderr.flush()
            os._exit(42)
        while b"\r\n\r\n" in data:
            data = data.split(b"\r\n\r\n", 1)[1]
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
while True:
    peer, _ = listener.accept()
    threading.Thread(target=serve, args=(peer,), daemon=True).start()
"#;
