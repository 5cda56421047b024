//! What a first request learned of the resource, and how requests speak of it.

use crate::http::Response;
use crate::verdict::Verdict;
use crate::wire::text;

/// The resource as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) content: Vec<u8>,
    /// Strong, quotes included.
    pub(super) etag: String,
    /// In the form that the subject sends.
    pub(super) modified: String,
    /// The same in the form of RFC 850, and in that of `asctime` (RFC 9110 §5.6.7).
    pub(super) rfc850: String,
    pub(super) asctime: String,
}

impl Known {
    /// Reads the answer to a plain GET; what is not as the contract has it is the verdict.
    pub(super) fn of(response: &Response) -> Result<Self, Verdict> {
        let content = response.content.clone();
        let etag = response.field("etag").unwrap_or_default().to_owned();
        let modified = response.field("last-modified").unwrap_or_default().to_owned();
        let strong = etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"');
        match old_forms(&modified) {
            Some((rfc850, asctime)) if response.status == 200 && strong && content.len() >= 16 => {
                Ok(Self { content, etag, modified, rfc850, asctime })
            }
            _ => Err(Verdict::fail(
                "200 with 16 octets or more, a strong ETag and a Last-Modified",
                format!(
                    "{} with {} octets, ETag {etag:?}, Last-Modified {modified:?}",
                    response.status,
                    content.len()
                ),
            )),
        }
    }

    /// Puts its validators in the place of their names.
    pub(super) fn fill(&self, request: &[u8]) -> Vec<u8> {
        let opaque = self.etag.trim_matches('"');
        let values = [
            ("{etag}", &self.etag[..]),
            ("{opaque}", opaque),
            ("{modified}", &self.modified),
            ("{rfc850}", &self.rfc850),
            ("{asctime}", &self.asctime),
        ];
        // One octet a character, there and back.
        let mut request: String = request.iter().copied().map(char::from).collect();
        for (name, value) in values {
            request = request.replace(name, value);
        }
        text::octets(&request).unwrap_or_else(|_| request.into_bytes())
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
fn old_forms(modified: &str) -> Option<(String, String)> {
    let words: Vec<&str> = modified.split(' ').collect();
    let [weekday, day, month, year, time, "GMT"] = words[..] else { return None };
    let weekday = weekday.strip_suffix(',')?;
    let long = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let long = long.into_iter().find(|long| long.starts_with(weekday) && weekday.len() == 3)?;
    let short_year = year.get(2..)?;
    let day_of_month: u8 = day.parse().ok()?;
    Some((
        format!("{long}, {day}-{month}-{short_year} {time} GMT"),
        format!("{weekday} {month} {day_of_month:2} {time} {year}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_three_forms() {
        let forms = old_forms("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(forms.0, "Sunday, 06-Nov-94 08:49:37 GMT");
        assert_eq!(forms.1, "Sun Nov  6 08:49:37 1994");
        assert_eq!(old_forms("yesterday"), None);
    }

    #[test]
    fn what_lacks_a_validator_is_a_verdict() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nETag: \"a\"\r\n\
            Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n0123456789abcdef";
        let known = Known::of(&Response::whole(whole.as_bytes())).unwrap();
        assert_eq!(
            known.fill(b"W/{etag} {opaque} {asctime}"),
            b"W/\"a\" a Sun Nov  6 08:49:37 1994"
        );
        for (part, without) in [("ETag: ", "X: "), ("\"a\"", "W/\"a\""), ("Last-", "X-")] {
            let lacking = whole.replace(part, without);
            assert!(Known::of(&Response::whole(lacking.as_bytes())).is_err(), "{part}");
        }
    }
}
