//! The chat, in a real browser.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// The names under which distributions install Chromium.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn is_there(program: &str) -> bool {
    let mut asked = Command::new(program);
    asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// Two pages in headless Chromium talk to each other, a third hears nothing of it, and a fourth may
/// not come in. Needs Chromium and Node.js 20.10 or newer, and installs neither: where one is
/// missing it says so, and is no failure.
#[test]
fn two_pages_talk_to_each_other() {
    talk(&[]);
}

#[test]
fn two_pages_talk_to_each_other_over_tls() {
    talk(&["--tls-self-signed"]);
}

fn talk(flags: &[&str]) {
    let Some(browser) = BROWSERS.into_iter().find(|name| is_there(name)) else {
        eprintln!("SKIPPED: no Chromium under any of the names {BROWSERS:?}");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/chat.mjs");
    let node = ["--experimental-websocket", script];
    let flag = Command::new("node").args(["--experimental-websocket", "--version"]).output();
    if !flag.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no Node.js, or one without WebSocket");
        return;
    }
    let mut server = Command::new(env!("CARGO_BIN_EXE_chat"))
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").expect("it says where").to_owned();
    // The screenshot of the docs is taken by hand, with its path as one more argument.
    let output = Command::new("node").args(node).args([browser, &url]).output().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("two pages talked"), "{text}{errors}");
}
