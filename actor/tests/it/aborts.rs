//! Isolation by unwinding is a lie where panics abort: such a build must not come to be.

use std::path::Path;
use std::process::Command;

/// What the compiler says of the crate. Without its dependencies, so this and more.
fn compile(panic: &str) -> String {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-o"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{panic}.rmeta")))
        .args(["-C", &format!("panic={panic}")])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn building_with_aborting_panics_is_an_error_that_says_so() {
    let message = "error: seawall-actor isolates crashes by unwinding; with panic = \"abort\"";
    let unescape = |said: String| said.replace("\\\"", "\"");
    assert!(unescape(compile("abort")).contains(message));
    assert!(!unescape(compile("unwind")).contains(message));
}
