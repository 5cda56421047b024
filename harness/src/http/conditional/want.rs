//! Answers that conform.

use serde::Deserialize;

use super::known::Known;
use super::part::parts;
use crate::http::Response;

/// A kind of answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub(super) enum Want {
    /// `200`: all of the content.
    Whole,
    /// `206`: some of it.
    Parts,
    /// `206 2-5`, `206 1-`, `206 -1`: these octets.
    Part { first: Option<usize>, last: Option<usize> },
    /// `same`: the status of the request without fields, or with others.
    Same,
    /// `304`, `412`, `416`, `400`.
    Status(u16),
}

/// What an answer is to a [`Want`].
pub(super) enum Grade {
    Fits,
    /// It has the status, but not what belongs to it.
    Wrong(String),
    Other,
}

impl TryFrom<String> for Want {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let wrong =
            || format!("{word:?} is no answer: write \"200\", \"206 2-5\", \"304\", \"same\"");
        let position = |text: &str| match text {
            "" => Ok(None),
            _ => text.parse().map(Some).map_err(|_| wrong()),
        };
        match &word[..] {
            "200" => Ok(Self::Whole),
            "206" => Ok(Self::Parts),
            "same" => Ok(Self::Same),
            _ => match word.strip_prefix("206 ").and_then(|range| range.split_once('-')) {
                Some((first, last)) => {
                    Ok(Self::Part { first: position(first)?, last: position(last)? })
                }
                None => word.parse().map(Self::Status).map_err(|_| wrong()),
            },
        }
    }
}

impl Want {
    pub(super) fn grade(
        self,
        known: &Known,
        response: &Response,
        like: Option<u16>,
        method: &str,
    ) -> Grade {
        let status = match self {
            Self::Whole => 200,
            Self::Parts | Self::Part { .. } => 206,
            Self::Status(status) => status,
            Self::Same => like.unwrap_or_default(),
        };
        if response.status != status {
            return Grade::Other;
        }
        let checked = match self {
            Self::Same => Ok(()),
            Self::Whole => whole(known, response, method),
            Self::Parts => parts(response, &known.content).map(drop),
            Self::Part { first, last } => {
                let end = known.content.len() - 1;
                let span = match (first, last) {
                    (None, last) => ((end + 1).saturating_sub(last.unwrap_or(0)), end),
                    (Some(first), last) => (first, last.unwrap_or(end).min(end)),
                };
                parts(response, &known.content).and_then(|parts| match parts[..] {
                    [part] if part == span => Ok(()),
                    _ => Err(format!("not the octets {} to {}", span.0, span.1)),
                })
            }
            Self::Status(416) => match response.field("content-range") {
                Some(range) if range != format!("bytes */{}", known.content.len()) => {
                    Err("a Content-Range with another length (RFC 9110 §15.5.17)".into())
                }
                _ => Ok(()),
            },
            Self::Status(_) => Ok(()),
        };
        // "would have been sent in a 200 (OK) response to the same request" (§15.3.7, §15.4.5).
        let has_tag = status == 206 || status == 304 || status == 200 && method != "HEAD";
        let same_tag =
            self == Self::Same || !has_tag || response.field("etag") == Some(&known.etag);
        match checked {
            Err(why) => Grade::Wrong(why),
            Ok(()) if !same_tag => Grade::Wrong("without the ETag of the resource".into()),
            Ok(()) => Grade::Fits,
        }
    }

    fn describe(self) -> String {
        let position = |at: Option<usize>| at.map(|at| at.to_string()).unwrap_or_default();
        match self {
            Self::Whole => "200 with all of the content".into(),
            Self::Parts => "206 with octets that are where it says".into(),
            Self::Part { first, last } => {
                format!("206 with octets {}-{}", position(first), position(last))
            }
            Self::Same => "the same status as without".into(),
            Self::Status(status) => status.to_string(),
        }
    }
}

/// Each of them, in words.
pub(super) fn words(wants: &[Want]) -> String {
    wants.iter().map(|want| want.describe()).collect::<Vec<_>>().join(" or ")
}

fn whole(known: &Known, response: &Response, method: &str) -> Result<(), String> {
    let len = known.content.len().to_string();
    if response.field("content-range").is_some() {
        Err("Content-Range in a 200".into())
    } else if method != "HEAD" {
        (response.content == known.content).then_some(()).ok_or_else(|| "other content".into())
    } else if response.field("content-length").is_some_and(|sent| sent != len) {
        Err(format!("another Content-Length than {len}"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for (word, said) in [
            ("200", "200 with all of the content"),
            ("206", "206 with octets that are where it says"),
            ("206 2-5", "206 with octets 2-5"),
            ("206 1-", "206 with octets 1-"),
            ("206 -1", "206 with octets -1"),
            ("412", "412"),
            ("same", "the same status as without"),
        ] {
            assert_eq!(Want::try_from(word.to_owned()).unwrap().describe(), said);
        }
        assert!(Want::try_from("206 a-".to_owned()).is_err());
        assert!(Want::try_from("whole".to_owned()).is_err());
    }

    #[test]
    fn the_entity_tag_comes_with_what_it_is_the_tag_of() {
        let known = Known { content: vec![b'x'; 16], etag: "\"a\"".into(), ..Known::default() };
        let response = |status: u16, fields: &str| {
            Response::whole(
                format!("HTTP/1.1 {status} R\r\n{fields}Content-Length: 0\r\n\r\n").as_bytes(),
            )
        };
        let grade = |want: Want, response| want.grade(&known, &response, Some(405), "HEAD");
        assert!(matches!(grade(Want::Status(412), response(412, "")), Grade::Fits));
        assert!(matches!(grade(Want::Same, response(405, "")), Grade::Fits));
        assert!(matches!(grade(Want::Same, response(206, "")), Grade::Other));
        assert!(matches!(grade(Want::Status(416), response(416, "")), Grade::Fits));
        let wrong = response(416, "Content-Range: bytes */15\r\n");
        assert!(matches!(grade(Want::Status(416), wrong), Grade::Wrong(_)));
        assert!(matches!(grade(Want::Whole, response(200, "ETag: \"a\"\r\n")), Grade::Wrong(_)));
    }
}
