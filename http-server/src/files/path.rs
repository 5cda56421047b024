//! From the path of a target to an open file, without leaving the folder.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

/// Decodes `%XX`, once. `None` if that is malformed, or gives something that is no part of a name:
/// a slash, a backslash, which is one elsewhere, or NUL.
pub(super) fn decode(path: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let digit = |octet: &u8| char::from(*octet).to_digit(16);
        let octet = (digit(after.first()?)? * 16 + digit(after.get(1)?)?) as u8;
        if matches!(octet, b'/' | b'\\' | 0) {
            return None;
        }
        octets.push(octet);
        rest = &after[2..];
    }
    (!octets.contains(&b'\\')).then_some(octets)
}

/// The names on the way, and whether the path ends with a slash, or is empty: then it names a
/// folder. `None` if one of them is no name, or begins with a dot, which `.` and `..` do.
pub(super) fn segments(path: &[u8]) -> Option<(Vec<&str>, bool)> {
    let path = std::str::from_utf8(path).ok()?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let (path, is_folder) = match path.strip_suffix('/') {
        Some(path) => (path, true),
        None => (path, path.is_empty()),
    };
    if path.is_empty() {
        return Some((Vec::new(), is_folder));
    }
    let segments: Vec<_> = path.split('/').collect();
    let right = segments.iter().all(|segment| !segment.is_empty() && !segment.starts_with('.'));
    right.then_some((segments, is_folder))
}

/// Opens what the segments lead to, one by one: a link on the way is an error, and none can be put
/// in the way between a look and the opening.
pub(super) fn open(root: &Path, segments: &[&str], follow_links: bool) -> io::Result<File> {
    // Not to wait for the other end of a named pipe.
    let read = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let step = if follow_links { read } else { read | OFlags::NOFOLLOW };
    let mut at = openat(CWD, root, read | OFlags::DIRECTORY, Mode::empty())?;
    for (n, segment) in segments.iter().enumerate() {
        let last = n + 1 == segments.len();
        let flags = if last { step } else { step | OFlags::DIRECTORY };
        at = openat(&at, OsStr::from_bytes(segment.as_bytes()), flags, Mode::empty())?;
    }
    Ok(File::from(at))
}

/// Whether opening failed because of a symbolic link.
pub(super) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_left() {
        let names = |path: &str| {
            let decoded = decode(path)?;
            let (names, is_folder) = segments(&decoded)?;
            Some(names.join(">") + if is_folder { ">" } else { "" })
        };
        for (path, expected) in [
            ("", Some(">")),
            ("/", Some(">")),
            ("/a", Some("a")),
            ("a/b.txt", Some("a>b.txt")),
            ("/a/", Some("a>")),
            ("/%61%20%c3%a9", Some("a \u{e9}")),
            ("/a%252fb", Some("a%2fb")),
            ("/a%2fb", None),
            ("/a%2Fb", None),
            ("/a%5cb", None),
            ("/a\\b", None),
            ("/a%00", None),
            ("/a%0", None),
            ("/a%zz", None),
            ("/%ff", None),
            ("//a", None),
            ("/a//b", None),
            ("/a//", None),
            ("/./a", None),
            ("/../a", None),
            ("/a/..", None),
            ("/%2e%2e/a", None),
            ("/.hidden", None),
        ] {
            assert_eq!(names(path).as_deref(), expected, "{path}");
        }
    }
}
