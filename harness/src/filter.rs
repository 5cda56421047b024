//! Selecting cases by their ids.

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
        if let Some(pattern) = self.patterns.iter().find(|p| !cases.iter().any(|c| matches(p, c))) {
            return Err(Error::NothingToRun(format!(
                "no case matches {pattern:?}: see `harness list` for the ids there are"
            )));
        }
        let chosen = |case: &&Case| {
            self.patterns.is_empty() || self.patterns.iter().any(|p| matches(p, case))
        };
        Ok(cases.iter().filter(chosen).cloned().collect())
    }
}

fn matches(pattern: &str, case: &Case) -> bool {
    [&case.id, case.short_id()].into_iter().any(|id| {
        glob(pattern, id)
            || id.strip_prefix(pattern).is_some_and(|rest| rest.starts_with(['/', '.', '-']))
    })
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
    use super::glob;

    #[test]
    fn globs() {
        assert!(glob("ws/*", "ws/5.6") && glob("*CL*", "http/CL-04") && glob("a*b*c", "aXbYc"));
        assert!(!glob("ws/*", "http/CL-04") && !glob("a", "ab") && !glob("*a", "ab"));
    }
}
