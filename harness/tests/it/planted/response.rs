//! Responses, and the date in them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::fault::{Fault, Faults};

/// A response before its framing is decided.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

/// What a response carries.
pub(super) enum Content {
    /// All of it at hand.
    Whole(Vec<u8>),
    /// Made piece by piece, so that its length is not known.
    Pieces(Box<dyn Iterator<Item = Vec<u8>>>),
}

impl Response {
    /// 200 with content of this type.
    pub(super) fn ok(media_type: &str, content: impl Into<Vec<u8>>) -> Self {
        let fields = vec![("Content-Type", media_type.to_owned())];
        Self { status: 200, fields, content: Content::Whole(content.into()) }
    }

    /// A status that says it all.
    pub(super) fn of(status: u16) -> Self {
        let mut response = Self::ok("text/plain", format!("{status} {}\n", reason(status)));
        response.status = status;
        response
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Status line and fields, up to the empty line.
    pub(super) fn head(&self, faults: &Faults) -> Vec<u8> {
        let has = |fault| self.status == 404 && faults.has(fault);
        let minor = if has(Fault::AnswersHttp12) { 2 } else { 1 };
        let mut head = format!("HTTP/1.{minor} {}", self.status);
        if !has(Fault::NoSpaceBehindStatus) {
            head += &format!(" {}", reason(self.status));
        }
        head += "\r\n";
        if !has(Fault::No404Date) {
            head += &format!("Date: {}\r\n", now());
        }
        for (name, value) in &self.fields {
            let left_out = match *name {
                "Allow" => faults.has(Fault::NoAllow),
                "Upgrade" => self.status == 426 && faults.has(Fault::NoUpgradeIn426),
                "Sec-WebSocket-Version" => faults.has(Fault::NoVersionIn426),
                _ => false,
            };
            if !left_out {
                head += &format!("{name}: {value}\r\n");
            }
        }
        (head + "\r\n").into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    imf_fixdate(now.as_secs())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn imf_fixdate(seconds: u64) -> String {
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(day % 7) as usize];
    let mut year = 1970;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let month = &"JanFebMarAprMayJunJulAugSepOctNovDec"[month * 3..][..3];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_imf_fixdates() {
        assert_eq!(imf_fixdate(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(imf_fixdate(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(imf_fixdate(1_735_689_600), "Wed, 01 Jan 2025 00:00:00 GMT");
    }
}
