//! The resource `file`: conditional and range requests (RFC 9110 §13 and §14).

use super::fault::{Fault, Faults};
use super::head::Head;
use super::response::Response;

const CONTENT: &str = "A constant resource that never changes.\n";
const ETAG: &str = "\"planted-1\"";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BOUNDARY: &str = "planted-boundary";

/// Answers a GET or HEAD.
pub(super) fn respond(head: &Head, faults: &Faults) -> Response {
    let part = ranged(head, faults);
    let unchecked = faults.has(Fault::ConditionsIgnored)
        || head.method != "GET" && faults.has(Fault::ConditionsOnGetOnly)
        || part.is_some() && faults.has(Fault::RangeBeatsConditions);
    match failed(head, faults).filter(|_| !unchecked) {
        Some(304) if faults.has(Fault::NotModifiedWithoutTag) => Response::of(304),
        Some(304) => described(Response::of(304)),
        Some(status) => Response::of(status),
        None => part.unwrap_or_else(|| described(Response::ok("text/plain", CONTENT))),
    }
}

/// What a method that knows neither conditions nor ranges is answered, where planted faults have it know them.
pub(super) fn misled(head: &Head, faults: &Faults) -> Option<Response> {
    let conditions = faults.has(Fault::ConditionsOnAnyMethod);
    let ranges = faults.has(Fault::RangeOnAnyMethod);
    if head.method == "GET" || head.target.path != "/file" || !conditions && !ranges {
        return None;
    }
    let response = respond(head, faults);
    (response.status == 304 && conditions || response.status == 206 && ranges).then_some(response)
}

fn described(response: Response) -> Response {
    response.with("ETag", ETAG).with("Last-Modified", MODIFIED)
}

/// The status, if a condition is false, in the order of §13.2.2.
fn failed(head: &Head, faults: &Faults) -> Option<u16> {
    let has = |name: &str| head.values(name).next().is_some();
    if has("If-Match") {
        let weakly = faults.has(Fault::MatchWeak);
        let same = |tag: &str| tag == ETAG || weakly && tag.strip_prefix("W/") == Some(ETAG);
        if !names_ours(head, "If-Match", same) {
            return Some(412);
        }
    }
    let heeded = !has("If-Match") || faults.has(Fault::UnmodifiedSinceBeatsMatch);
    if heeded && !faults.has(Fault::UnmodifiedSinceIgnored) {
        let since = since(head, "If-Unmodified-Since", faults);
        if since.is_some_and(|since| Some(since) < date(MODIFIED)) {
            return Some(412);
        }
    }
    if has("If-None-Match") && !faults.has(Fault::DateBeatsTag) {
        return none_match(head, faults).then_some(304);
    }
    if faults.has(Fault::ModifiedSinceIgnored) {
        return None;
    }
    let Some(since) = since(head, "If-Modified-Since", faults) else {
        return (has("If-None-Match") && none_match(head, faults)).then_some(304);
    };
    (since == NO_DATE || Some(since) >= date(MODIFIED)).then_some(304)
}

/// Whether If-None-Match names our entity tag.
fn none_match(head: &Head, faults: &Faults) -> bool {
    let first = head.values("If-None-Match").next().map(text).unwrap_or_default();
    if faults.has(Fault::NoneMatchExact) {
        return first == ETAG || first == "*";
    }
    if faults.has(Fault::NoneMatchSubstring) && first.contains(ETAG.trim_matches('"')) {
        return true;
    }
    if faults.has(Fault::NoneMatchStarUnknown) && first == "*" {
        return false;
    }
    let strongly = faults.has(Fault::NoneMatchStrong);
    names_ours(head, "If-None-Match", |tag| {
        tag == ETAG || !strongly && tag.strip_prefix("W/") == Some(ETAG)
    })
}

/// Whether a field is `*`, or a list that holds such a tag.
fn names_ours(head: &Head, name: &str, same: impl Fn(&str) -> bool) -> bool {
    head.values(name).map(text).any(|value| value == "*" || tags(&value).any(&same))
}

/// The entity tags of a list, up to what is none: a tag may hold commas (§8.8.3).
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let start = if rest.starts_with("W/") { 2 } else { 0 };
        let end = start + 2 + rest[start..].strip_prefix('"')?.find('"')?;
        let (tag, after) = rest.split_at(end);
        rest = after;
        (after.is_empty() || after.starts_with([',', ' ', '\t'])).then_some(tag)
    })
}

/// The date of a field; none if it is no date, or there are several.
fn since(head: &Head, name: &str, faults: &Faults) -> Option<Date> {
    let mut values = head.values(name);
    let value = text(values.next()?);
    let parsed = date(&value).filter(|_| values.next().is_none());
    let old = !value.ends_with("GMT") || value.contains('-');
    match parsed {
        Some(_) if old && faults.has(Fault::OldDatesUnknown) => None,
        None if faults.has(Fault::NoDateCounts) => Some(NO_DATE),
        parsed => parsed,
    }
}

/// Year, month, day, and the time as text, which sorts as it should.
type Date = (u16, usize, u8, String);

/// What planted faults take for a date.
const NO_DATE: Date = (0, 0, 0, String::new());

/// Reads a date in any of its three forms (§5.6.7).
fn date(text: &str) -> Option<Date> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (day, month, year, time) = match words[..] {
        [weekday, day, month, year, time, "GMT"] if weekday.len() == 4 => (day, month, year, time),
        [_, date, time, "GMT"] => {
            let mut parts = date.split('-');
            (parts.next()?, parts.next()?, parts.next()?, time)
        }
        [weekday, month, day, time, year] if weekday.len() == 3 => (day, month, year, time),
        _ => return None,
    };
    let year: u16 = year.parse().ok()?;
    // Two digits are of this century, or of the last where that would be far ahead.
    let year = if year < 70 {
        year + 2000
    } else if year < 100 {
        year + 1900
    } else {
        year
    };
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(month).filter(|_| month.len() == 3)? / 3;
    let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    (time.len() == 8).then(|| (year, month, day, time.to_owned()))
}

fn text(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// 206 or 416, if a range is asked for and understood.
fn ranged(head: &Head, faults: &Faults) -> Option<Response> {
    let is_get = head.method == "GET" || faults.has(Fault::RangeOnAnyMethod);
    let range = text(head.values("Range").next().filter(|_| is_get)?);
    if let Some(validator) = head.values("If-Range").next().map(text)
        && validator != ETAG
        && validator != MODIFIED
        && !faults.has(Fault::IfRangeIgnored)
    {
        return None;
    }
    let (unit, set) = range.split_once('=')?;
    if unit != "bytes" && !faults.has(Fault::RangeUnitUnchecked) {
        return None;
    }
    let len = CONTENT.len();
    let mut spans = Vec::new();
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        let (first, last) = spec.split_once('-')?;
        let (first, last) = match (position(first)?, position(last)?) {
            (None, None) => return None,
            (None, Some(suffix)) => (len.saturating_sub(suffix), len - 1),
            (Some(first), Some(last)) if last < first => return None,
            (Some(first), last) => (first, last.unwrap_or(len).min(len - 1)),
        };
        let too_short = usize::from(faults.has(Fault::RangeOffByOne));
        if first < len {
            spans.push((first, last - too_short.min(last - first)));
        }
    }
    let sum: usize = spans.iter().map(|(first, last)| last + 1 - first).sum();
    match spans[..] {
        [] if faults.has(Fault::RangeBehindEndEmpty) => {
            Some(part(String::new()).with("Content-Range", format!("bytes {len}-{len}/{len}")))
        }
        [] => Some(Response::of(416).with("Content-Range", format!("bytes */{len}"))),
        [(first, last)] => {
            let octets = CONTENT[first..=last].to_owned();
            let range = if faults.has(Fault::RangeOffByOne) { last + 1 } else { last };
            Some(part(octets).with("Content-Range", format!("bytes {first}-{range}/{len}")))
        }
        // More than the whole is the whole.
        _ if sum > len && !faults.has(Fault::RangesMultiplied) => None,
        _ => Some(parts(&spans, faults)),
    }
}

/// A number, or nothing; one too large for us is behind every end.
fn position(digits: &str) -> Option<Option<usize>> {
    if digits.is_empty() {
        return Some(None);
    }
    let all = digits.bytes().all(|octet| octet.is_ascii_digit());
    all.then(|| Some(digits.parse().unwrap_or(usize::MAX)))
}

fn part(octets: String) -> Response {
    let mut response = described(Response::ok("text/plain", octets));
    response.status = 206;
    response
}

fn parts(spans: &[(usize, usize)], faults: &Faults) -> Response {
    let len = CONTENT.len();
    if faults.has(Fault::RangesRunTogether) {
        let octets = spans.iter().map(|(first, last)| &CONTENT[*first..=*last]).collect();
        let (first, last) = spans[0];
        return part(octets).with("Content-Range", format!("bytes {first}-{last}/{len}"));
    }
    let mut content = String::new();
    for (first, last) in spans {
        content += &format!(
            "--{BOUNDARY}\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{last}/{len}\r\n\r\n{}\r\n",
            &CONTENT[*first..=*last]
        );
    }
    content += &format!("--{BOUNDARY}--\r\n");
    let media_type = format!("multipart/byteranges; boundary={BOUNDARY}");
    let mut response = described(Response::ok(&media_type, content));
    response.status = 206;
    response
}
