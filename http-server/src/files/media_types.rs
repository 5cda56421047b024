//! Media types by the end of a file's name: those that the web is made of. What is not here is
//! octets, which browsers save and do not show.

/// The media type of a file with this name.
pub(super) fn of(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let known = |(ends, _): &&(&[&str], &str)| ends.iter().any(|e| end.eq_ignore_ascii_case(e));
    TYPES.iter().find(known).map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// RFC 2046 and the IANA registry; text is UTF-8.
const TYPES: [(&[&str], &str); 28] = [
    (&["html", "htm"], "text/html; charset=utf-8"),
    (&["css"], "text/css; charset=utf-8"),
    (&["js", "mjs"], "text/javascript; charset=utf-8"),
    (&["json", "map"], "application/json"),
    (&["webmanifest"], "application/manifest+json"),
    (&["wasm"], "application/wasm"),
    (&["txt", "log"], "text/plain; charset=utf-8"),
    (&["md"], "text/markdown; charset=utf-8"),
    (&["csv"], "text/csv; charset=utf-8"),
    (&["xml"], "application/xml"),
    (&["svg"], "image/svg+xml"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["avif"], "image/avif"),
    (&["ico"], "image/vnd.microsoft.icon"),
    (&["woff"], "font/woff"),
    (&["woff2"], "font/woff2"),
    (&["ttf"], "font/ttf"),
    (&["otf"], "font/otf"),
    (&["pdf"], "application/pdf"),
    (&["mp3"], "audio/mpeg"),
    (&["ogg"], "audio/ogg"),
    (&["mp4"], "video/mp4"),
    (&["webm"], "video/webm"),
    (&["zip"], "application/zip"),
    (&["gz"], "application/gzip"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_name_counts_in_any_case() {
        assert_eq!(of("a.b.HTML"), "text/html; charset=utf-8");
        assert_eq!(of("html"), "application/octet-stream");
        assert_eq!(of("a.unheard-of"), "application/octet-stream");
    }
}
