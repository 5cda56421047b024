//! Conditional and range requests on the resource `file` (`catalogue/http-conditional.toml`).
//!
//! A row asks several times on one connection: first for the resource as it is, then with
//! each of its field lines, at last as at first. That a 304 has no content, and a part its length,
//! shows by the answer that follows.

mod known;
mod part;
mod want;

use serde::Deserialize;

use self::known::Known;
use self::want::{Grade, Want};
use super::exchange::{Answer, next_answer};
use super::template::Template;
use super::{Response, exchange};
use crate::context::Context;
use crate::explain::Exchange;
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Recorder, Source, text};

/// A case as the catalogue writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) strength: Strength,
    #[serde(default = "get")]
    method: String,
    /// The fields of one request each.
    ask: Vec<Ask>,
    accept: Vec<Want>,
    /// Conforms, but there is better: a warning.
    #[serde(default)]
    lenient: Vec<Want>,
    /// The fields of the request that [`Want::Same`] compares with; none unless said.
    #[serde(default)]
    like: String,
    /// Octets of content that an answer may have beyond those of the resource.
    at_most: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ask {
    /// With the row's own expectation.
    Plain(String),
    /// With another.
    Own {
        fields: String,
        accept: Vec<Want>,
        #[serde(default)]
        lenient: Vec<Want>,
    },
}

fn get() -> String {
    "GET".into()
}

impl Row {
    /// What is wrong with the row itself, for the catalogue's own test.
    pub(crate) fn flaw(&self) -> Option<String> {
        if self.ask.is_empty() || self.accept.is_empty() {
            return Some("asks or accepts nothing".into());
        }
        let all = self.ask.iter().map(|ask| self.of(ask).0).chain([&self.like[..]]);
        all.filter_map(|fields| self.template(fields).err()).next()
    }

    /// An exchange for each request.
    pub(crate) fn script(&self) -> Vec<Exchange> {
        let exchange = |ask| {
            let (fields, accept, lenient) = self.of(ask);
            let trace = Recorder::default();
            let connection = trace.connection();
            if let Ok(template) = self.template(fields) {
                trace.sent(connection, &template.unfilled());
            }
            let mut accepts = want::words(accept);
            if !lenient.is_empty() {
                accepts = format!("{accepts} (with a warning: {})", want::words(lenient));
            }
            Exchange { sends: trace.script(), accepts }
        };
        self.ask.iter().map(exchange).collect()
    }

    /// Asks, and judges; the worst verdict stands.
    pub(crate) async fn run(&self, cx: &Context) -> Result<Verdict, Verdict> {
        let mut talk = Talk { cx, connection: cx.connect(Route::File, Source::Case).await? };
        let plain = exchange::get(cx, Route::File, "");
        let known = Known::of(&talk.ask("GET", &plain).await?)?;
        let mut like = None;
        if self.accept.contains(&Want::Same) {
            like =
                Some(talk.ask(&self.method, &self.request(cx, &known, &self.like)).await?.status);
        }
        let mut worst = Verdict::pass(want::words(&self.accept), "so it was");
        for ask in &self.ask {
            let (fields, accept, lenient) = self.of(ask);
            let response = talk.ask(&self.method, &self.request(cx, &known, fields)).await?;
            let mut verdict = judge(accept, lenient, &known, &response, like, &self.method);
            if let Some(more) = self.at_most
                && response.content.len() > known.content.len() + more
            {
                let expected = format!("{more} octets more than the resource has, at most");
                verdict = Verdict::fail(expected, describe(&response));
            }
            if self.ask.len() > 1 && verdict.outcome > Outcome::Pass {
                verdict = verdict.at(&text::quoted(fields.as_bytes(), 120));
            }
            // One failure is enough.
            if verdict.outcome >= Outcome::Fail {
                return Ok(verdict);
            }
            worst = if self.ask.len() == 1 { verdict } else { worst.worse(verdict) };
        }
        talk.ask("GET", &plain).await.map_err(|verdict| verdict.at("the request that followed"))?;
        Ok(worst)
    }

    /// Fields, and what is expected.
    fn of<'a>(&'a self, ask: &'a Ask) -> (&'a str, &'a [Want], &'a [Want]) {
        match ask {
            Ask::Plain(fields) => (fields, &self.accept, &self.lenient),
            Ask::Own { fields, accept, lenient } => (fields, accept, lenient),
        }
    }

    fn template(&self, fields: &str) -> Result<Template, String> {
        let method = &self.method;
        let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
        let end = if fields.is_empty() { "" } else { "\r\n" };
        Template::parse(&format!(
            "{method} {{file}} HTTP/1.1\r\nHost: {{host}}\r\n{length}{fields}{end}\r\n"
        ))
    }

    fn request(&self, cx: &Context, known: &Known, fields: &str) -> Vec<u8> {
        let template = self.template(fields).expect("the catalogue's test has parsed it");
        known.fill(&template.fill(cx, Route::File))
    }
}

/// Requests and answers, on a new connection where the subject has closed the old.
struct Talk<'a> {
    cx: &'a Context,
    connection: Connection,
}

impl Talk<'_> {
    async fn ask(&mut self, method: &str, request: &[u8]) -> Result<Response, Verdict> {
        let mut answer = self.exchange(method, request).await;
        if answer == Answer::Closed {
            // Not what is judged here: a server may close when it likes.
            self.connection = self.cx.connect(Route::File, Source::Case).await?;
            answer = self.exchange(method, request).await;
        }
        match answer {
            Answer::Response(response) => match response.faults.first() {
                None => Ok(response),
                Some(fault) => Err(Verdict::fail("a response that keeps the rules itself", fault)),
            },
            answer => Err(Verdict::fail("an answer", answer.describe())
                .at(&text::quoted(request, 120))
                .with(self.connection.unread())),
        }
    }

    async fn exchange(&mut self, method: &str, request: &[u8]) -> Answer {
        self.connection.send(request, self.cx.answer_by()).await;
        next_answer(&mut self.connection, method, self.cx.answer_by()).await
    }
}

fn judge(
    accept: &[Want],
    lenient: &[Want],
    known: &Known,
    response: &Response,
    like: Option<u16>,
    method: &str,
) -> Verdict {
    let expected = want::words(accept);
    let graded = |wants: &[Want]| -> Vec<Grade> {
        wants.iter().map(|want| want.grade(known, response, like, method)).collect()
    };
    let wanted = graded(accept);
    if wanted.iter().any(|grade| matches!(grade, Grade::Fits)) {
        return Verdict::pass(expected, describe(response));
    }
    let tolerated = graded(lenient);
    if tolerated.iter().any(|grade| matches!(grade, Grade::Fits)) {
        return Verdict::warn(expected, describe(response));
    }
    // What comes nearest says best what is wrong.
    let mut wrong = wanted.into_iter().chain(tolerated).filter_map(|grade| match grade {
        Grade::Wrong(why) => Some(why),
        Grade::Fits | Grade::Other => None,
    });
    let got = describe(response);
    match wrong.next() {
        Some(why) => Verdict::fail(expected, format!("{got}: {why}")).with(&response.content),
        None => Verdict::fail(expected, got),
    }
}

fn describe(response: &Response) -> String {
    let octets = response.content.len();
    match response.field("content-range") {
        Some(range) => format!("{} with {octets} octets, {range}", response.status),
        None => format!("{} with {octets} octets", response.status),
    }
}
