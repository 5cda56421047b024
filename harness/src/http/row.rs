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

use std::time::Instant;

use serde::Deserialize;

use super::exchange::{Answer, Marked, Marker, next_answer};
use super::response::Response;
use super::template::{Template, handshake_key};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Read, Source, text};
use crate::ws::client::handshake_fault;

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
    /// In place of `accept` and `content`: the answers to several requests, in order.
    #[serde(default)]
    answers: Vec<Expected>,
    /// What becomes of the connection then.
    #[serde(default)]
    then: Then,
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
    template: Template,
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
struct Expected {
    accept: Vec<Accept>,
    #[serde(default)]
    lenient: Vec<Accept>,
    content: Option<String>,
    #[serde(default)]
    reports: Vec<(String, String)>,
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
}

impl TryFrom<String> for Accept {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "close" => Ok(Self::Close),
            "silence" => Ok(Self::Silence),
            "1xx" | "2xx" | "3xx" | "4xx" | "5xx" => {
                Ok(Self::Class(u16::from(word.as_bytes()[0] - b'0')))
            }
            _ => match word.parse() {
                Ok(status @ 100..=599) => Ok(Self::Status(status)),
                _ => Err(format!(
                    "{word:?} is no answer: write \"400\", \"2xx\", \"close\" or \"silence\""
                )),
            },
        }
    }
}

impl Accept {
    fn admits(self, answer: &Answer) -> bool {
        match self {
            Self::Class(class) => answer.status().is_some_and(|status| status / 100 == class),
            Self::Status(expected) => answer.status() == Some(expected),
            Self::Close => *answer == Answer::Closed,
            Self::Silence => *answer == Answer::Silence,
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Class(class) => format!("{class}xx"),
            Self::Status(status) => status.to_string(),
            Self::Close => "a close".into(),
            Self::Silence => "silence".into(),
        }
    }
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Then {
    /// It stays usable, or is closed: but never out of step.
    #[default]
    Either,
    /// It is closed, and answers nothing more.
    Close,
    /// It stays usable.
    Open,
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

    /// Runs every variant; the worst verdict stands, and its trace.
    pub(crate) async fn run(&self, cx: &Context) -> Verdict {
        let mut worst: Option<(Verdict, Context)> = None;
        for variant in &self.send {
            let own = cx.untraced();
            let mut verdict =
                self.run_variant(&own, variant).await.unwrap_or_else(|verdict| verdict);
            if self.send.len() > 1 && verdict.outcome > Outcome::Pass {
                verdict = verdict.at(&variant.text().quoted());
            }
            if worst.as_ref().is_none_or(|(worst, _)| verdict.outcome > worst.outcome) {
                worst = Some((verdict, own));
            }
        }
        let (verdict, own) = worst.expect("a row without variants is flawed");
        cx.trace().adopt(own.trace());
        verdict
    }

    async fn run_variant(&self, cx: &Context, variant: &Variant) -> Result<Verdict, Verdict> {
        let template = &variant.text().template;
        let route = template.routes().next().unwrap_or(Route::Hello);
        let mut connection = cx.connect(route, Source::Case).await?;
        connection.send(&template.fill(cx, route), cx.answer_by()).await;
        if template.ends {
            connection.finish();
        }
        let expected = self.expected(variant);
        let mut verdict: Option<Verdict> = None;
        let mut open = true;
        let mut closes = false;
        for (i, expected) in expected.iter().enumerate() {
            let deadline = if expected.accept.contains(&Accept::Silence) {
                Instant::now() + cx.timing().quiet
            } else {
                cx.answer_by()
            };
            let answer = next_answer(&mut connection, self.method(i, template), deadline).await;
            let judged = if closes && answer == Answer::Closed {
                // A server need not keep connections, and this one has said that it does not.
                Verdict::warn(expected.describe(), "the connection was closed, as announced")
            } else {
                expected.judge(&answer, connection.unread()).worse(judge_switch(cx, &answer))
            };
            verdict = Some(match verdict {
                Some(verdict) => verdict.worse(judged),
                None => judged,
            });
            open = matches!(&answer, Answer::Response(response) if response.status != 101);
            closes = matches!(&answer, Answer::Response(response) if response.announces_close());
            if !open || verdict.as_ref().is_some_and(|verdict| verdict.outcome >= Outcome::Fail) {
                break;
            }
        }
        let verdict = verdict.expect("a row that expects nothing is flawed");
        // A connection that we have closed takes no more requests.
        if !open || template.ends || verdict.outcome >= Outcome::Fail {
            return Ok(verdict);
        }
        let Some(marker) = Marker::new(cx, route) else { return Ok(verdict) };
        let marked = marker.ask(cx, &mut connection).await;
        if marked == Marked::Answered && connection.read(Instant::now()).await == Read::Data {
            let got = "more than one answer to the request that followed";
            return Ok(Verdict::fail("one answer for each request", got).with(connection.unread()));
        }
        Ok(verdict.worse(self.then.judge(&marked, closes, cx).with(connection.unread())))
    }

    fn expected(&self, variant: &Variant) -> Vec<Expected> {
        if !self.answers.is_empty() {
            return self.answers.clone();
        }
        let mut single = Expected {
            accept: self.accept.clone(),
            lenient: self.lenient.clone(),
            content: self.content.clone(),
            reports: self.reports.clone(),
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
    fn method<'a>(&'a self, i: usize, template: &'a Template) -> &'a str {
        let named = self.methods.get(i).map(String::as_str);
        named.unwrap_or(if i == 0 { template.first_word() } else { "GET" })
    }

    /// What is wrong with the row itself, for the catalogue's own test.
    pub(crate) fn flaw(&self) -> Option<String> {
        let single = self.answers.is_empty();
        let own = |v: &Variant| matches!(v, Variant::Own { accept, .. } if !accept.is_empty());
        if self.send.is_empty() {
            Some("sends nothing".into())
        } else if single && self.accept.is_empty() && !self.send.iter().all(own) {
            Some("accepts nothing".into())
        } else if !single && !self.accept.is_empty() {
            Some("has both accept and answers".into())
        } else {
            None
        }
    }
}

impl Text {
    /// The template itself: it names the variant better than what it becomes.
    fn quoted(&self) -> String {
        let octets =
            text::octets(&self.source).unwrap_or_else(|_| self.source.clone().into_bytes());
        text::quoted(&octets, 120)
    }
}

impl Variant {
    fn text(&self) -> &Text {
        match self {
            Self::Plain(text) | Self::Own { octets: text, .. } => text,
        }
    }
}

impl Expected {
    fn judge(&self, answer: &Answer, rest: &[u8]) -> Verdict {
        let expected = self.describe();
        let got = answer.describe();
        if let Answer::Response(response) = answer {
            if let Some(fault) = response.faults.first() {
                return Verdict::fail("a response that keeps the rules itself", fault.clone());
            }
            if let Some(verdict) = self.judge_content(response) {
                return verdict;
            }
        }
        if self.accept.iter().any(|accept| accept.admits(answer)) {
            Verdict::pass(expected, got)
        } else if self.lenient.iter().any(|accept| accept.admits(answer)) {
            Verdict::warn(expected, got)
        } else if *answer == Answer::Closed && self.refuses() {
            // Refused all the same, but the client is left to guess why.
            Verdict::warn(expected, got)
        } else {
            Verdict::fail(expected, got).with(rest)
        }
    }

    /// Whether a refusal conforms.
    fn refuses(&self) -> bool {
        self.accept.iter().any(|accept| match accept {
            Accept::Class(class) => *class >= 4,
            Accept::Status(status) => *status >= 400,
            Accept::Close | Accept::Silence => false,
        })
    }

    fn judge_content(&self, response: &Response) -> Option<Verdict> {
        if !(200..300).contains(&response.status) {
            return None;
        }
        if let Some(content) = &self.content
            && response.content != text::octets(content).unwrap_or_default()
        {
            let got = format!("content {}", text::quoted(&response.content, 96));
            return Some(
                Verdict::fail(format!("content {content:?}"), got).with(&response.content),
            );
        }
        if self.reports.is_empty() {
            return None;
        }
        let Ok(reported) = serde_json::from_slice::<Vec<(String, String)>>(&response.content)
        else {
            let got = text::quoted(&response.content, 96);
            return Some(
                Verdict::fail("a JSON array of [name, value]", got).with(&response.content),
            );
        };
        let mut reported = reported.iter();
        let missing = self.reports.iter().find(|(name, value)| {
            !reported.any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value)
        })?;
        let expected =
            format!("the handler receives {:?} with the value {:?}", missing.0, missing.1);
        Some(Verdict::fail(expected, text::quoted(&response.content, 256)).with(&response.content))
    }

    fn describe(&self) -> String {
        let words: Vec<String> = self.accept.iter().map(|accept| accept.describe()).collect();
        match &self.content {
            Some(content) => format!("{} with content {content:?}", words.join(" or ")),
            None => words.join(" or "),
        }
    }
}

/// A switch to WebSocket, where there is one, must be a sound one.
fn judge_switch(cx: &Context, answer: &Answer) -> Verdict {
    match answer {
        Answer::Response(response) if response.status == 101 => {
            match handshake_fault(response, &handshake_key(cx)) {
                Some(fault) => Verdict::fail("a sound answer to the handshake", fault),
                None => Verdict::pass("", ""),
            }
        }
        _ => Verdict::pass("", ""),
    }
}

impl Then {
    /// `announced` says that the last answer announced the close.
    fn judge(self, marked: &Marked, announced: bool, cx: &Context) -> Verdict {
        let expected = match self {
            Self::Either => "requests and answers stay in step",
            Self::Close => "the connection is closed, and answers nothing more",
            Self::Open => "the connection stays usable",
        };
        let got = match marked {
            Marked::Answered => "the request that followed was answered".into(),
            Marked::Closed => "the connection was closed".into(),
            Marked::Refused(status) => {
                format!("the request that followed was refused with {status}")
            }
            Marked::Silence => {
                format!("the connection stayed open, and silent for {}", spell(cx.timing().answer))
            }
            Marked::Surplus(what) => what.clone(),
        };
        if self == Self::Open && announced && *marked == Marked::Closed {
            // RFC 9112 §9.3: servers SHOULD support persistent connections.
            return Verdict::warn(expected, "the connection was closed, as announced");
        }
        let conforms = match (self, marked) {
            (_, Marked::Surplus(_) | Marked::Silence) => false,
            (Self::Either, _) | (Self::Close, Marked::Closed) | (Self::Open, Marked::Answered) => {
                true
            }
            (Self::Close, Marked::Answered | Marked::Refused(_)) => false,
            (Self::Open, Marked::Closed | Marked::Refused(_)) => false,
        };
        if conforms { Verdict::pass(expected, got) } else { Verdict::fail(expected, got) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(toml: &str) -> Row {
        let head = "id = 'X-01'\ntitle = 't'\nsection = 's'\nstrength = 'must'\n";
        toml::from_str(&format!("{head}{toml}")).unwrap()
    }

    fn response(status: u16, content: &[u8]) -> Answer {
        Answer::Response(Response {
            status,
            minor: 1,
            content: content.to_vec(),
            ..Response::default()
        })
    }

    #[test]
    fn answers_are_judged_by_their_class() {
        let row = row("send = ['GET {hello}']\naccept = ['400', '5xx']\nlenient = ['2xx']");
        let expected = &row.expected(&row.send[0])[0];
        let judge = |answer: &Answer| expected.judge(answer, b"").outcome;
        assert_eq!(judge(&response(400, b"")), Outcome::Pass);
        assert_eq!(judge(&response(501, b"")), Outcome::Pass);
        assert_eq!(judge(&response(200, b"")), Outcome::Warn);
        assert_eq!(judge(&response(404, b"")), Outcome::Fail);
        assert_eq!(judge(&Answer::Closed), Outcome::Warn, "refused, but tersely");
        assert_eq!(judge(&Answer::Silence), Outcome::Fail);
        assert_eq!(judge(&Answer::Malformed("x".into())), Outcome::Fail);
    }

    #[test]
    fn content_and_reported_fields_are_compared_exactly() {
        let row =
            row("send = ['GET {fields}']\naccept = ['2xx']\nreports = [['X', 'a'], ['X', 'b']]");
        let expected = &row.expected(&row.send[0])[0];
        let judge = |content: &str| expected.judge(&response(200, content.as_bytes()), b"").outcome;
        assert_eq!(judge(r#"[["host","h"],["x","a"],["x","b"]]"#), Outcome::Pass);
        assert_eq!(judge(r#"[["x","b"],["x","a"]]"#), Outcome::Fail, "the order counts");
        assert_eq!(judge(r#"[["x","a, b"]]"#), Outcome::Fail);
        assert_eq!(judge("nonsense"), Outcome::Fail);
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
    }
}
