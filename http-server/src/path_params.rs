//! What the segments that a route's pattern leaves open match in a path.

use std::ops::Range;

/// Name and value of each of them. Keeps its memory when it is cleared.
#[derive(Debug, Default)]
pub(crate) struct PathParams {
    /// The names, one behind the other.
    names: String,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    /// Where the name ends in `names`; it begins where the one before ends.
    name_end: usize,
    /// Where the value lies in the path.
    value: Range<usize>,
}

impl PathParams {
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.found.clear();
    }

    pub(crate) fn push(&mut self, name: &str, value: Range<usize>) {
        self.names.push_str(name);
        self.found.push(Found { name_end: self.names.len(), value });
    }

    /// The value of the first one with this name in `path`, which is the one that was matched.
    pub(crate) fn get<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        self.iter(path).find_map(|(known, value)| (known == name).then_some(value))
    }

    /// All of them, in the order of the pattern.
    pub(crate) fn iter<'p>(
        &self,
        path: &'p str,
    ) -> impl DoubleEndedIterator<Item = (&str, &'p str)> {
        (0..self.found.len()).map(move |n| {
            let Found { name_end, value } = &self.found[n];
            let start = if n == 0 { 0 } else { self.found[n - 1].name_end };
            (&self.names[start..*name_end], path.get(value.clone()).unwrap_or_default())
        })
    }
}
