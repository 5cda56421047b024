//! The files that a run leaves behind: each whole or not at all, and none at the cost of another.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use seawall_harness::{Error, Report};

/// A form of the report and the file it goes to.
pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    pub(crate) content: String,
}

/// Writes all of them, whatever becomes of each; gives back what could not be written, and why.
pub(crate) fn write(files: &[File<'_>]) -> Vec<Error> {
    files.iter().filter_map(|file| write_one(file).err()).collect()
}

/// Writes a file.
///
/// # Errors
///
/// Its name, and why it cannot be written.
pub(crate) fn write_one(file: &File<'_>) -> Result<(), Error> {
    atomically(file.path, &file.content)
}

/// Writes a file that is not there yet.
///
/// # Errors
///
/// Its name, and why it cannot be written.
pub(crate) fn create(path: &Path, content: &str) -> Result<(), Error> {
    let mut file = fs::File::create_new(path).map_err(|source| cannot("create", path, source))?;
    file.write_all(content.as_bytes()).map_err(|source| cannot("write", path, source))
}

/// Reads a file.
///
/// # Errors
///
/// Its name, and why it cannot be read.
pub(crate) fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| cannot("read", path, source))
}

/// Reads a JSON report.
///
/// # Errors
///
/// Its name, and why it cannot be read or is no report.
pub(crate) fn read(path: &Path) -> Result<Report, Error> {
    Report::from_json(&text(path)?)
        .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// Reads a JSON report, or an index of Autobahn|Testsuite: one report for each agent.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_all(path: &Path) -> Result<Vec<Report>, Error> {
    let found = text(path)?;
    match Report::from_index(&found) {
        Ok(reports) if !reports.is_empty() => Ok(reports),
        _ => Ok(vec![read(path)?]),
    }
}

/// Reads two reports that are to be compared; where one is an index of Autobahn|Testsuite, by its cases alone.
///
/// # Errors
///
/// As [`read`]; an index of several agents, which may be compared but not set against another.
pub(crate) fn read_pair(before: &Path, after: &Path) -> Result<(Report, Report), Error> {
    let one = |path: &Path| {
        let mut reports = read_all(path)?;
        match (reports.pop(), reports.is_empty()) {
            (Some(report), true) => Ok(report),
            _ => Err(Error::Usage(format!(
                "{} holds several agents: leave one in it, or use harness compare",
                path.display()
            ))),
        }
    };
    let (before, after) = (one(before)?, one(after)?);
    let is_index = |report: &Report| {
        report.results.iter().all(|judged| judged.expected.starts_with("behavior "))
    };
    Ok(match (is_index(&before), is_index(&after)) {
        (true, false) => (before, after.numbered()),
        (false, true) => (before.numbered(), after),
        _ => (before, after),
    })
}

/// Writes the index of Autobahn|Testsuite: to a file; or to a folder, with a file of details for each case.
///
/// # Errors
///
/// The first that could not be written, and why.
pub(crate) fn write_index(path: &Path, report: &Report) -> Result<(), Error> {
    if path.extension().is_some_and(|extension| extension == "json") {
        return atomically(path, &report.to_index(|_| String::new()));
    }
    fs::create_dir_all(path).map_err(|source| cannot("create", path, source))?;
    let name = |id: &str| {
        let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let agent: String = report.subject.chars().map(legal).collect();
        let number: String = id.trim_start_matches("ws/").chars().map(legal).collect();
        format!("{agent}_case_{number}.json").to_lowercase()
    };
    atomically(&path.join("index.json"), &report.to_index(|judged| name(&judged.id)))?;
    let numbered = report.clone().numbered();
    numbered.results.iter().try_for_each(|judged| {
        let details = Report {
            results: vec![judged.clone()],
            notes: Vec::new(),
            samples: Vec::new(),
            ..report.clone()
        };
        atomically(&path.join(name(&judged.id)), &details.to_json())
    })
}

/// Writes the trace of each case to a file of its own in `folder`.
///
/// # Errors
///
/// The first that could not be written, and why; those behind it are not tried.
pub(crate) fn write_traces(folder: &Path, report: &Report) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| cannot("create", folder, source))?;
    report.results.iter().filter(|judged| !judged.trace.is_empty()).try_for_each(|judged| {
        let file = folder.join(format!("{}.trace", judged.id.replace('/', "-")));
        let text = format!("# {} · {}\n{}\n", judged.id, judged.outcome, judged.trace.join("\n"));
        atomically(&file, &text)
    })
}

/// A reader sees the old file or the new one, never half of it. The temporary file lies beside it, since
/// renaming works only within a file system.
fn atomically(path: &Path, content: &str) -> Result<(), Error> {
    // A pipe or a device, /dev/stdout say, cannot be renamed over.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, content).map_err(|source| cannot("write", path, source));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", process::id()));
    let temporary = PathBuf::from(path).with_file_name(name);
    let written = fs::write(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // Best effort: it may be what could not be written.
        _ = fs::remove_file(&temporary);
        cannot("write", path, source)
    })
}

fn cannot(what: &str, file: &Path, source: io::Error) -> Error {
    Error::System { what: format!("cannot {what} {}", file.display()), source }
}
