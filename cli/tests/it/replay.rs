//! Traces recorded by one run, sent again by others.

use std::fs;

use crate::support::{TempFile, naive_server, run};

#[test]
fn a_trace_is_answered_as_it_was_or_the_difference_shows() {
    let url = format!("http://{}", naive_server());
    let folder = TempFile::new("traces", "");
    fs::remove_file(&folder.0).unwrap();
    run(&["run", "--http", &url, "--filter", "http/HOST-01", "--traces", folder.path()]);
    let recorded = fs::read_to_string(folder.0.join("http-HOST-01.trace")).unwrap();
    fs::remove_dir_all(&folder.0).unwrap();
    assert!(recorded.contains("c1 < HTTP/1.1 200 OK\\r\\n"), "{recorded}");

    let trace = TempFile::new("alike.trace", &recorded);
    let (code, stdout, stderr) = run(&["replay", trace.path(), "--http", &url]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.ends_with("http/HOST-01: answered as it was\n"), "{stdout}");

    let trace = TempFile::new("other.trace", &recorded.replace("200 OK", "400 Bad Request"));
    let (code, stdout, _) = run(&["replay", trace.path(), "--http", &url]);
    assert_eq!(code, 1, "{stdout}");
    assert!(
        stdout.contains("- c1 < HTTP/1.1 400 Bad Request\\r\\n\n+ c1 < HTTP/1.1 200 OK\\r\\n\n"),
        "{stdout}"
    );
}

#[test]
fn what_makes_no_difference_is_taken_away_and_what_is_wrong_stays() {
    let url = format!("http://{}", naive_server());
    let trace = TempFile::new(
        "long.trace",
        "# http/CL-04 · fail\nc1 ~ connect\nc1 > POST /some/path HTTP/1.1\\r\\n\nc1 > Host: {authority}\\r\\n\n\
         c1 > X-Long: abcdefghijklm\\r\\n\nc1 > Content-Length: abc\\r\\n\nc1 > \\r\\n\n\
         c1 < HTTP/1.1 200 OK\\r\\n\n",
    );
    let (code, stdout, stderr) = run(&["shrink", trace.path(), "--http", &url]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stderr.contains("the subject answers: 200"), "{stderr}");
    assert!(!stdout.contains("X-Long"), "{stdout}");
    // It was wrong by its length, and still is: neither sound now, nor wrong otherwise.
    assert!(
        stdout.to_lowercase().contains("content-length:") && stdout.contains("ost:"),
        "{stdout}"
    );
    let left = TempFile::new("left.trace", &stdout);
    let (code, again, _) = run(&["replay", left.path(), "--http", &url]);
    assert_eq!(code, 0, "{again}");
}
