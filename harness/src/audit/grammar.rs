//! What the values of fields may look like: RFC 9110, and RFC 6455 for the fields of the handshake.
//!
//! Only fields whose grammar is certain are here, and only what no reading of it allows is refused: extensions
//! may use any token, and a list may be empty where its definition says so.

use super::request::is_token;

/// Why `value` cannot be one of the field `name`, in small letters; `None` where it can, or where no grammar is
/// known here.
pub(super) fn fault(name: &str, value: &[u8]) -> Option<&'static str> {
    // What is no UTF-8 is obs-text, which quotation marks and comments may hold, and none of the others.
    let Ok(text) = str::from_utf8(value) else {
        let may_hold_any = matches!(name, "etag" | "content-type" | "cache-control" | "server");
        return fault(name, b"\x7f").filter(|_| !may_hold_any);
    };
    let (sound, form): (bool, _) = match name {
        "date" | "last-modified" => (is_imf_fixdate(text), "an IMF-fixdate"),
        "retry-after" => (is_number(text) || is_imf_fixdate(text), "seconds or an IMF-fixdate"),
        "content-length" | "age" => (is_number(text), "digits"),
        "etag" => (is_entity_tag(text), "an entity tag: \"…\" or W/\"…\""),
        "content-type" => (is_media_type(text), "TYPE/SUBTYPE; NAME=VALUE"),
        "allow"
        | "connection"
        | "vary"
        | "content-encoding"
        | "content-language"
        | "trailer"
        | "access-control-allow-methods"
        | "access-control-allow-headers" => {
            (is_list(text, is_token), "a list of tokens, parted by commas")
        }
        "accept-ranges" => {
            (!text.is_empty() && is_list(text, is_token), "tokens, parted by commas")
        }
        "upgrade" => (is_list(text, is_protocol), "a list of protocols, parted by commas"),
        "cache-control" => (is_list(text, is_directive), "a list of directives, parted by commas"),
        "transfer-encoding" => (is_list(text, is_coding), "a list of codings, parted by commas"),
        "content-range" => (is_content_range(text), "bytes FIRST-LAST/LENGTH or bytes */LENGTH"),
        "location" | "content-location" => (is_uri_reference(text), "a URI reference"),
        "server" => (is_server(text), "products and comments"),
        "sec-websocket-version" => {
            (!text.is_empty() && is_list(text, is_number), "numbers, parted by commas")
        }
        "sec-websocket-protocol" => (is_token(text), "one token"),
        _ => (true, ""),
    };
    (!sound).then_some(form)
}

/// Whether the value is written as RFC 9110 §5.6.7 has senders write it, and names a day that exists:
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn is_imf_fixdate(text: &str) -> bool {
    seconds(text).is_some()
}

/// Seconds between 1970 and this IMF-fixdate.
pub(super) fn seconds(text: &str) -> Option<i64> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = Some(text).filter(|text| text.is_ascii() && text.len() == 29)?;
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let marks = [(3, ", "), (7, " "), (11, " "), (16, " "), (19, ":"), (22, ":"), (25, " GMT")];
    if marks.iter().any(|(at, mark)| text[*at..].get(..mark.len()) != Some(*mark)) {
        return None;
    }
    let month = MONTHS.iter().position(|month| *month == &text[8..11])? as i64 + 1;
    let (day, year) = (number(5, 7)?, number(12, 16)?);
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    // A leap second may be told of.
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since the first of March of the year 0, when a leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let since = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    let days = since + (153 * m + 2) / 5 + day - 1 - 719_468;
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).ok()?];
    (text[..3] == *weekday).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    // obs-text is let through before: the value is then no UTF-8, or holds what is not ASCII.
    inner.is_some_and(|inner| !inner.bytes().any(|b| b <= b' ' || matches!(b, b'"' | 0x7f)))
}

/// A list: nothing, or members of which none is empty, since a sender writes no empty ones (§5.6.1.1).
fn is_list(text: &str, is_member: impl Fn(&str) -> bool) -> bool {
    text.is_empty() || members(text).all(|member| is_member(member.trim_matches([' ', '\t'])))
}

/// Cut at commas, save those within quotation marks.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::replace(&mut escaped, false);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    })
}

fn is_protocol(text: &str) -> bool {
    text.split_once('/')
        .map_or(is_token(text), |(name, version)| is_token(name) && is_token(version))
}

/// `name` or `name=value`.
fn is_directive(text: &str) -> bool {
    text.split_once('=').map_or(is_token(text), |(name, value)| is_token(name) && is_value(value))
}

fn is_value(text: &str) -> bool {
    is_token(text) || text.len() >= 2 && text.starts_with('"') && text.ends_with('"')
}

fn is_coding(text: &str) -> bool {
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    parts.next().is_some_and(is_token) && parts.all(is_directive)
}

fn is_media_type(text: &str) -> bool {
    let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
    let Some((kind, subtype)) = media.trim_end_matches([' ', '\t']).split_once('/') else {
        return false;
    };
    // A semicolon may stand in quotation marks, so parameters are looked at only where there are none.
    let mut parameters = parameters.split(';').map(|part| part.trim_matches([' ', '\t']));
    is_token(kind)
        && is_token(subtype)
        && (text.contains('"')
            || parameters.all(|p| {
                p.is_empty()
                    || p.split_once('=')
                        .is_some_and(|(name, value)| is_token(name) && is_token(value))
            }))
}

fn is_content_range(text: &str) -> bool {
    let Some((unit, range)) = text.split_once(' ') else { return false };
    // Other units have forms of their own.
    if unit != "bytes" {
        return is_token(unit);
    }
    let Some((range, length)) = range.split_once('/') else { return false };
    if range == "*" {
        return is_number(length);
    }
    let Some((first, last)) = range.split_once('-') else { return false };
    let known = length == "*" || is_number(length);
    let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) else {
        return false;
    };
    known && first <= last && length.parse::<u64>().is_ok_and(|length| last < length)
        || length == "*" && first <= last
}

/// Octets that RFC 3986 allows, every `%` before two hexadecimal digits.
fn is_uri_reference(text: &str) -> bool {
    let octets = text.as_bytes();
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(b);
    octets.iter().all(legal)
        && octets.iter().enumerate().filter(|(_, b)| **b == b'%').all(|(at, _)| {
            octets
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        })
}

/// Begins with a product; what stands in parentheses is a comment, and may be anything.
fn is_server(text: &str) -> bool {
    let first = text.split([' ', '\t']).next().unwrap_or_default();
    is_protocol(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_imf_fixdates_of_days_that_exist() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        for wrong in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_servers_send_is_sound() {
        for (name, value) in [
            ("allow", ""),
            ("allow", "GET, HEAD"),
            ("age", "0"),
            ("accept-ranges", "bytes"),
            ("cache-control", "no-cache=\"set-cookie, x\", max-age=0, private"),
            ("connection", "Keep-Alive, Upgrade"),
            ("content-type", "text/html"),
            ("content-type", "text/html; charset=utf-8"),
            ("content-type", "text/html;charset=\"a;b\""),
            ("content-type", "multipart/byteranges; boundary=00000000000000000001"),
            ("content-range", "bytes 0-0/1"),
            ("content-range", "bytes 0-41/*"),
            ("content-range", "bytes */0"),
            ("etag", "\"\""),
            ("etag", "W/\"a,b\""),
            ("location", "//h/%41?a=b#c"),
            ("location", ""),
            ("retry-after", "120"),
            ("server", "nginx/1.22.1 (Debian; x)"),
            ("server", "Python/3.11 websockets/17.4"),
            ("server", "cloudflare"),
            ("transfer-encoding", "gzip, chunked"),
            ("upgrade", "websocket, HTTP/2.0"),
            ("vary", "*"),
            ("vary", ""),
            ("cache-control", ""),
            ("sec-websocket-version", "13, 8, 7"),
            ("x-anything", "\u{1}"),
        ] {
            assert_eq!(fault(name, value.as_bytes()), None, "{name}: {value}");
        }
    }

    #[test]
    fn what_no_reading_allows_is_refused() {
        for (name, value) in [
            ("allow", "GET HEAD"),
            ("allow", "GET,"),
            ("age", "-1"),
            ("accept-ranges", ""),
            ("cache-control", ","),
            ("content-length", "1, 1"),
            ("content-type", "text"),
            ("content-type", "text/html; charset"),
            ("content-range", "bytes 5-4/9"),
            ("content-range", "bytes 0-9/9"),
            ("content-range", "0-9/10"),
            ("date", "now"),
            ("etag", "abc"),
            ("etag", "w/\"a\""),
            ("etag", "\"a b\""),
            ("location", "/a b"),
            ("location", "/%4"),
            ("retry-after", "soon"),
            ("server", ""),
            ("vary", "a b"),
            ("vary", "a,"),
        ] {
            assert!(fault(name, value.as_bytes()).is_some(), "{name}: {value}");
        }
        assert!(fault("location", b"/\xff").is_some() && fault("etag", b"\"\xff\"").is_none());
    }
}
