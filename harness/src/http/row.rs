//! A row of an HTTP catalogue: requests, and the answers that conform.
//!
//! ```toml
//! [[case]]
//! id = "CL-04"
//! title = "A Content-Length that is no number"
//! section = "RFC 9112 §6.3"
//! strength = "must"
//! send = ["POST {echo} HTTP/1.1\r\nHost: {host}\r\nContent-Length: abc\r\n\r\nhello"]
//! accept = ["400"]
//! then = "close"
//! ```

use std::fmt;

use serde::Deserialize;

use super::template::Template;
use crate::route::Route;
use crate::verdict::Strength;
use crate::wire::text;

/// A case as the catalogue writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Group and number.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) strength: Strength,
    /// Variants: each is sent on a connection of its own, the worst verdict stands.
    pub(crate) send: Vec<Variant>,
    /// Answers that conform, for variants with a single answer.
    #[serde(default)]
    accept: Vec<Accept>,
    /// Answers that conform, but are lenient where the RFC advises otherwise: a warning.
    #[serde(default)]
    lenient: Vec<Accept>,
    /// Content that a 2xx answer must have.
    content: Option<String>,
    /// Fields that the fields route must report, in this order, names in any case.
    #[serde(default)]
    reports: Vec<(String, String)>,
    /// Whether white space in a reported value counts as one space, however much there is.
    #[serde(default)]
    squeezes: bool,
    /// Fields that the fields route must not report.
    #[serde(default)]
    hides: Vec<String>,
    /// Fields that the answer must have.
    #[serde(default)]
    carries: Vec<Field>,
    /// Fields that the answer must not have.
    #[serde(default)]
    lacks: Vec<Field>,
    /// Text that the content must not hold.
    #[serde(default)]
    conceals: Vec<String>,
    /// In place of `accept` and `content`: the answers to several requests, in order.
    #[serde(default)]
    answers: Vec<Expected>,
    /// What becomes of the connection then.
    #[serde(default)]
    pub(super) then: Then,
    /// Methods of the requests, where not all are the first word's: they decide whether an
    /// answer has content.
    #[serde(default)]
    methods: Vec<String>,
}

/// One variant of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Variant {
    /// With the row's own expectation.
    Plain(Text),
    /// With an expectation of its own.
    Own {
        /// What is sent.
        octets: Text,
        /// In place of the row's `accept`.
        #[serde(default)]
        accept: Vec<Accept>,
        /// In place of the row's `lenient`.
        #[serde(default)]
        lenient: Vec<Accept>,
        /// In place of the row's `content`.
        content: Option<String>,
    },
}

/// A template with its source, which names the variant in a verdict.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text {
    pub(super) template: Template,
    source: String,
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        Ok(Self { template: Template::parse(&source)?, source })
    }
}

/// The answer to one request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    pub(super) accept: Vec<Accept>,
    #[serde(default)]
    pub(super) lenient: Vec<Accept>,
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) reports: Vec<(String, String)>,
    #[serde(skip)]
    pub(super) squeezes: bool,
    #[serde(default)]
    pub(super) hides: Vec<String>,
    #[serde(skip)]
    pub(super) carries: Vec<Field>,
    #[serde(skip)]
    pub(super) lacks: Vec<Field>,
    #[serde(skip)]
    pub(super) conceals: Vec<String>,
}

/// `405: Allow`, `Location: //`, `2xx: Content-Type: message/http`: a field, how its value begins, and in
/// answers of which status.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Field {
    /// All of them, if none is named.
    pub(super) of: Option<Accept>,
    pub(super) name: String,
    pub(super) begins: String,
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        let of = text.split_once(": ").and_then(|(of, _)| Accept::try_from(of.to_owned()).ok());
        let field =
            if of.is_some() { text.split_once(": ").map_or("", |(_, field)| field) } else { &text };
        let (name, begins) = field.split_once(": ").unwrap_or((field, ""));
        Self { of, name: name.into(), begins: begins.into() }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.begins[..] {
            "" => f.write_str(&self.name)?,
            begins => write!(f, "{}: {begins}…", self.name)?,
        }
        self.of.map_or(Ok(()), |of| write!(f, " if it is {}", of.describe()))
    }
}

/// A class of answers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub(crate) enum Accept {
    /// `2xx`
    Class(u16),
    /// `400`
    Status(u16),
    /// `close`: the connection is closed without an answer.
    Close,
    /// `silence`: the subject waits for more.
    Silence,
    /// `http/2`: a SETTINGS frame, with which a server begins that speaks HTTP/2 (RFC 9113 §3.4).
    Http2,
}

impl TryFrom<String> for Accept {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "close" => Ok(Self::Close),
            "silence" => Ok(Self::Silence),
            "http/2" => Ok(Self::Http2),
            "1xx" | "2xx" | "3xx" | "4xx" | "5xx" => {
                Ok(Self::Class(u16::from(word.as_bytes()[0] - b'0')))
            }
            _ => match word.parse() {
                Ok(status @ 100..=599) => Ok(Self::Status(status)),
                _ => Err(format!(
                    "{word:?} is no answer: write \"400\", \"2xx\", \"close\", \"silence\" or \"http/2\""
                )),
            },
        }
    }
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Then {
    /// It stays usable, or is closed: but never out of step.
    #[default]
    Either,
    /// It is closed, and answers nothing more.
    Close,
    /// It stays usable.
    Open,
    /// As either; or it stays silent, since the request is not whole, and what follows belongs to it.
    Waits,
    /// As either, but what follows is not refused: nothing of this request was taken for the
    /// beginning of the next.
    Consumed,
}

impl Row {
    /// The routes that it needs.
    pub(crate) fn needs(&self) -> Vec<Route> {
        let mut needs: Vec<Route> =
            self.send.iter().flat_map(|v| v.text().template.routes()).collect();
        if needs.is_empty() {
            needs.push(Route::Hello);
        }
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    /// The answers that conform for this variant, in order.
    pub(super) fn expected(&self, variant: &Variant) -> Vec<Expected> {
        if !self.answers.is_empty() {
            return self.answers.clone();
        }
        let mut single = Expected {
            accept: self.accept.clone(),
            lenient: self.lenient.clone(),
            content: self.content.clone(),
            reports: self.reports.clone(),
            squeezes: self.squeezes,
            hides: self.hides.clone(),
            carries: self.carries.clone(),
            lacks: self.lacks.clone(),
            conceals: self.conceals.clone(),
        };
        if let Variant::Own { accept, lenient, content, .. } = variant {
            if !accept.is_empty() {
                single.accept.clone_from(accept);
                single.lenient.clone_from(lenient);
                single.content.clone_from(content);
            } else if content.is_some() {
                single.content.clone_from(content);
            }
        }
        vec![single]
    }

    /// The method of the `i`th request: named by the row, else the template's first word.
    pub(super) fn method<'a>(&'a self, i: usize, template: &'a Template) -> &'a str {
        let named = self.methods.get(i).map(String::as_str);
        named.unwrap_or(if i == 0 { template.first_word() } else { "GET" })
    }

    /// What is wrong with the row itself, for the catalogue's own test.
    pub(crate) fn flaw(&self) -> Option<String> {
        let single = self.answers.is_empty();
        let own = |v: &Variant| matches!(v, Variant::Own { accept, .. } if !accept.is_empty());
        let idle = |v: &Variant| matches!(v, Variant::Own { accept, lenient, .. } if accept.is_empty() && !lenient.is_empty());
        if self.send.is_empty() {
            Some("sends nothing".into())
        } else if single && self.accept.is_empty() && !self.send.iter().all(own) {
            Some("accepts nothing".into())
        } else if !single && !self.accept.is_empty() {
            Some("has both accept and answers".into())
        } else if self.send.iter().any(idle) {
            Some("a variant's own lenient does nothing without its own accept".into())
        } else {
            None
        }
    }
}

impl Text {
    /// The template itself: it names the variant better than what it becomes.
    pub(super) fn quoted(&self) -> String {
        let octets =
            text::octets(&self.source).unwrap_or_else(|_| self.source.clone().into_bytes());
        text::quoted(&octets, 120)
    }
}

impl Variant {
    pub(super) fn text(&self) -> &Text {
        match self {
            Self::Plain(text) | Self::Own { octets: text, .. } => text,
        }
    }
}

#[cfg(test)]
impl Row {
    /// A row with these keys, besides those that every row has.
    pub(super) fn from_toml(keys: &str) -> Self {
        let head = "id = 'X-01'\ntitle = 't'\nsection = 's'\nstrength = 'must'\n";
        toml::from_str(&format!("{head}{keys}")).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(toml: &str) -> Row {
        Row::from_toml(toml)
    }

    #[test]
    fn a_variant_may_expect_otherwise() {
        let row = row(
            "send = ['GET {hello}', { octets = 'GET {hello}', accept = ['2xx'] }]\naccept = ['400']",
        );
        assert_eq!(row.expected(&row.send[0])[0].accept, [Accept::Status(400)]);
        assert_eq!(row.expected(&row.send[1])[0].accept, [Accept::Class(2)]);
        assert_eq!(row.flaw(), None);
    }

    #[test]
    fn a_row_that_cannot_fail_is_flawed() {
        assert!(row("send = []\naccept = ['2xx']").flaw().is_some());
        assert!(row("send = ['x']").flaw().is_some());
        let idle = "send = [{ octets = 'x', lenient = ['404'] }]\naccept = ['2xx']";
        assert!(row(idle).flaw().is_some());
    }
}
