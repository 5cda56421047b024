//! `harness completions` and `harness man`: what a package installs beside the binary.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use seawall_harness::Error;

use crate::args::Cli;

/// The completions for this shell, to be sourced by it.
pub(crate) fn completions(shell: Shell) -> String {
    let mut octets = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "harness", &mut octets);
    String::from_utf8_lossy(&octets).into_owned()
}

/// The manual page of the binary itself, in roff.
///
/// # Panics
///
/// Never: it is written to memory.
pub(crate) fn page() -> String {
    let mut octets = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut octets)
        .expect("memory takes what is written to it");
    String::from_utf8_lossy(&octets).into_owned()
}

/// Writes a manual page for the binary and each subcommand: `harness.1`, `harness-run.1`, …
///
/// # Errors
///
/// What cannot be written.
pub(crate) fn write_pages(folder: &Path) -> Result<(), Error> {
    let cannot = |source| Error::System {
        what: format!("cannot write manual pages to {}", folder.display()),
        source,
    };
    fs::create_dir_all(folder).map_err(cannot)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(cannot)
}
