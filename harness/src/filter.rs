//! Selecting cases by their ids.

use std::collections::BTreeSet;

use crate::case::Case;
use crate::error::Error;

/// A selection: any of its patterns may match.
///
/// A pattern is an id (`ws/5.6`), the beginning of one up to `/`, `.` or `-` (`ws`, `ws/5`,
/// `http/CL`), an id without its family (`5.6`), or any of these with `*` for any text. The
/// empty selection matches all.
///
/// # Examples
///
/// ```
/// use seawall_harness::{Filter, catalogue};
///
/// let cases = catalogue::all();
/// let select = |pattern: &str| Filter::new([pattern]).select(&cases).map(|cases| cases.len());
/// assert_eq!(select("ws/5.6")?, 1);
/// assert_eq!(select("5.6")?, 1);
/// assert!(select("ws")? > select("ws/5")?);
/// assert!(select("no-such-case").is_err());
/// # Ok::<_, seawall_harness::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Filter {
    patterns: Vec<String>,
}

impl Filter {
    /// A selection of any of these patterns.
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self { patterns: patterns.into_iter().map(Into::into).collect() }
    }

    /// The cases that match, in the order given.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRun`] for a pattern that matches nothing: it is a mistake, whether
    /// or not another pattern matches something.
    pub fn select(&self, cases: &[Case]) -> Result<Vec<Case>, Error> {
        if let Some(pattern) =
            self.patterns.iter().find(|p| !cases.iter().any(|c| matches(p, &c.id)))
        {
            return Err(Error::NothingToRun(format!(
                "no case matches {pattern:?}: {}see `harness list` for the ids there are",
                did_you_mean(pattern, cases)
            )));
        }
        let chosen = |case: &&Case| {
            self.patterns.is_empty() || self.patterns.iter().any(|p| matches(p, &case.id))
        };
        Ok(cases.iter().filter(chosen).cloned().collect())
    }
}

/// The ids, and beginnings of ids, that look most like the pattern, for a message.
fn did_you_mean(pattern: &str, cases: &[Case]) -> String {
    /// More is no hint any more.
    const MAX: usize = 3;
    /// From 0, nothing in common, to 1, equal. Below this, the likeness is chance.
    const LIKE: f64 = 0.8;
    let words = pattern.to_lowercase();
    let likeness = |id: &str| {
        let like = |id: &str| strsim::jaro_winkler(&words, &id.to_lowercase());
        like(id).max(like(short(id)))
    };
    let groups =
        cases.iter().filter_map(|case| case.id.rsplit_once(['-', '.', '/']).map(|(g, _)| g));
    let ids: BTreeSet<&str> = cases.iter().map(|case| &case.id[..]).chain(groups).collect();
    let mut ranked: Vec<(f64, &str)> = ids.into_iter().map(|id| (likeness(id), id)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.len().cmp(&b.1.len())));
    let near: Vec<&str> =
        ranked.iter().take(MAX).filter(|(like, _)| *like >= LIKE).map(|(_, id)| *id).collect();
    if near.is_empty() { String::new() } else { format!("did you mean {}? Or ", near.join(", ")) }
}

/// Whether the pattern, as [`Filter`] has it, selects the case with this id.
pub(crate) fn matches(pattern: &str, id: &str) -> bool {
    [id, short(id)].into_iter().any(|id| {
        glob(pattern, id)
            || id.strip_prefix(pattern).is_some_and(|rest| rest.starts_with(['/', '.', '-']))
    })
}

/// The part of an id behind the family.
pub(crate) fn short(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, short)| short)
}

/// Whether `text` is `pattern` with each `*` replaced by some text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && glob(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn a_slip_is_met_with_what_was_meant() {
        let cases = catalogue::all();
        let hint = |pattern: &str| Filter::new([pattern]).select(&cases).unwrap_err().to_string();
        for (slip, meant) in [
            ("htp/CL-04", "http/CL-04"),
            ("HTTP/cl-04", "http/CL-04"),
            ("CL-4", "http/CL-04"),
            ("ws/handshakes", "ws/handshake"),
            ("crash/http_panic", "crash/http-panic"),
        ] {
            assert!(hint(slip).contains(&format!("did you mean {meant}")), "{}", hint(slip));
        }
        assert!(!hint("qqq").contains("did you mean"), "{}", hint("qqq"));
    }

    #[test]
    fn globs() {
        assert!(glob("ws/*", "ws/5.6") && glob("*CL*", "http/CL-04") && glob("a*b*c", "aXbYc"));
        assert!(!glob("ws/*", "http/CL-04") && !glob("a", "ab") && !glob("*a", "ab"));
    }
}
