//! Clients that no one here wrote: `websockets` on Python and `ws` on Node.js, plain and over TLS.
//!
//! Nothing is installed here. `.ci/run` installs both; elsewhere a test says that it was skipped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SUBJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/subjects");

/// `reference`, with its addresses for `ws` and `wss`.
struct Reference(Child, Vec<String>);

impl Reference {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reference"))
            .args(["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-self-signed"])
            .arg("--ws-compression")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let urls = lines.take(2).map(|line| {
            let url = line.strip_prefix("listening on ").expect("it says where");
            format!("{}/ws/echo", url.replacen("http", "ws", 1))
        });
        let urls = urls.collect();
        Self(child, urls)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn talk(program: &Path, script: &str, installed: &Path) {
    if !installed.exists() {
        eprintln!("SKIPPED: {} is not installed; .ci/run does it", installed.display());
        return;
    }
    let reference = Reference::start();
    assert_eq!(reference.1.len(), 2);
    for url in &reference.1 {
        let mut client = Command::new(program);
        let output = client.arg(format!("{SUBJECTS}/{script}")).arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("all went well"), "{url}: {said}{errors}");
    }
}

#[test]
fn websockets_of_python() {
    let python = format!("{SUBJECTS}/websockets/.venv/bin/python");
    talk(Path::new(&python), "websockets/client.py", Path::new(&python));
}

#[test]
fn ws_of_node() {
    let installed = format!("{SUBJECTS}/ws/node_modules/ws");
    talk(Path::new("node"), "ws/client.mjs", Path::new(&installed));
}
