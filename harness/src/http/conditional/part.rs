//! Whether a 206 is what it says: one part, or several in `multipart/byteranges`
//! (RFC 9110 §14.4, §14.6, §15.3.7).

use crate::http::Response;

/// The first and the last octet of each part.
///
/// # Errors
///
/// What is wrong with the answer: to a client it would be damage that it cannot see.
pub(super) fn parts(response: &Response, whole: &[u8]) -> Result<Vec<(usize, usize)>, String> {
    let range = response.field("content-range");
    let media_type = response.field("content-type").unwrap_or_default();
    let boundary = media_type
        .get(..21)
        .filter(|start| start.eq_ignore_ascii_case("multipart/byteranges;"))
        .and_then(|_| boundary(&media_type[21..]));
    match (range, boundary) {
        (Some(range), None) => Ok(vec![part(range, &response.content, whole)?]),
        (None, Some(boundary)) => multipart(&response.content, boundary, whole),
        (Some(_), Some(_)) => Err("Content-Range beside multipart/byteranges".into()),
        (None, None) => Err("a 206 without Content-Range".into()),
    }
}

fn boundary(params: &str) -> Option<&str> {
    params.split(';').find_map(|param| {
        let (name, value) = param.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
    })
}

/// Checks one part against its `Content-Range: bytes 2-5/38`.
fn part(range: &str, content: &[u8], whole: &[u8]) -> Result<(usize, usize), String> {
    let malformed = || format!("Content-Range {range:?}");
    let (span, len) = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('/'))
        .ok_or_else(malformed)?;
    let (first, last) = span.split_once('-').ok_or_else(malformed)?;
    let first: usize = first.parse().map_err(|_| malformed())?;
    let last: usize = last.parse().map_err(|_| malformed())?;
    if len != "*" && len.parse() != Ok(whole.len()) {
        return Err(format!("{}, but the resource has {} octets", malformed(), whole.len()));
    }
    match whole.get(first..=last) {
        Some(octets) if octets == content => Ok((first, last)),
        Some(_) => Err(format!("the content is not what {} says", malformed())),
        None => Err(format!("{} is not within the resource", malformed())),
    }
}

fn multipart(content: &[u8], boundary: &str, whole: &[u8]) -> Result<Vec<(usize, usize)>, String> {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The line end before the first delimiter may be missing.
    let mut rest = [b"\r\n", content].concat();
    let mut parts = Vec::new();
    rest = after(&rest, &delimiter).ok_or("no first boundary")?.to_vec();
    while !rest.starts_with(b"--") {
        let head_end = find(&rest, b"\r\n\r\n").ok_or("a part without the end of its head")?;
        let head = String::from_utf8_lossy(&rest[..head_end]).into_owned();
        let body = &rest[head_end + 4..];
        let end = find(body, &delimiter).ok_or("no last boundary")?;
        let range = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-range").then(|| value.trim().to_owned())
        });
        let range = range.ok_or("a part without Content-Range")?;
        parts.push(part(&range, &body[..end], whole)?);
        rest = body[end + delimiter.len()..].to_vec();
    }
    if parts.is_empty() { Err("no part at all".into()) } else { Ok(parts) }
}

fn after<'a>(octets: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    find(octets, word).map(|at| &octets[at + word.len()..])
}

fn find(octets: &[u8], word: &[u8]) -> Option<usize> {
    octets.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(fields: &str, content: &str) -> Response {
        let length = content.len();
        let text = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n{fields}\r\n\r\n{content}"
        );
        Response::whole(text.as_bytes())
    }

    const WHOLE: &[u8] = b"0123456789";

    #[test]
    fn a_part_is_what_its_range_says() {
        let of = |range: &str, content: &str| {
            parts(&response(&format!("Content-Range: {range}"), content), WHOLE)
        };
        assert_eq!(of("bytes 2-5/10", "2345"), Ok(vec![(2, 5)]));
        assert_eq!(of("bytes 9-9/*", "9"), Ok(vec![(9, 9)]));
        for (range, content) in [
            ("bytes 2-5/10", "234"),
            ("bytes 2-5/10", "2346"),
            ("bytes 2-5/11", "2345"),
            ("bytes 9-10/10", "9"),
            ("bytes 5-2/10", ""),
            ("2-5/10", "2345"),
            ("bytes 2/10", "2"),
        ] {
            assert!(of(range, content).is_err(), "{range}: {content}");
        }
        assert!(parts(&response("X: y", "2"), WHOLE).is_err());
    }

    #[test]
    fn several_parts_have_boundaries_and_ranges_of_their_own() {
        let field = "Content-Type: multipart/byteranges; boundary=\"b\"";
        let head =
            |range: &str| format!("Content-Type: text/plain\r\nContent-Range: {range}\r\n\r\n");
        let (first, second) = (head("bytes 0-0/10"), head("bytes 4-5/10"));
        let sound = format!("--b\r\n{first}0\r\n--b\r\n{second}45\r\n--b--\r\n");
        assert_eq!(parts(&response(field, &sound), WHOLE), Ok(vec![(0, 0), (4, 5)]));
        let both = format!("{field}\r\nContent-Range: bytes 0-0/10");
        assert!(parts(&response(&both, &sound), WHOLE).is_err());
        for broken in [
            sound.replace("45", "46"),
            sound.replace("--b--", "--b"),
            sound.replace("Content-Range: bytes 4-5/10", "X: y"),
            sound.replace("--b", "--c"),
            "--b--\r\n".into(),
        ] {
            assert!(parts(&response(field, &broken), WHOLE).is_err(), "{broken}");
        }
    }
}
