//! Running a row: requests out, answers in, and what becomes of the connection.

use std::time::Instant;

use super::exchange::{Answer, Marked, Marker, next_answer};
use super::response::Response;
use super::row::{Accept, Expected, Field, Row, Then, Variant};
use super::template::handshake_key;
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Outcome, Verdict};
use crate::wire::{Read, Source, text};
use crate::ws::client::handshake_fault;

/// Runs the variants, up to the first that fails; the worst verdict stands, and its trace.
pub(crate) async fn run(row: &Row, cx: &Context) -> Verdict {
    let mut worst: Option<(Verdict, Context)> = None;
    for variant in &row.send {
        let own = cx.untraced();
        let mut verdict = run_variant(row, &own, variant).await.unwrap_or_else(|verdict| verdict);
        if row.send.len() > 1 && verdict.outcome > Outcome::Pass {
            verdict = verdict.at(&variant.text().quoted());
        }
        let failed = verdict.outcome >= Outcome::Fail;
        if worst.as_ref().is_none_or(|(worst, _)| verdict.outcome > worst.outcome) {
            worst = Some((verdict, own));
        }
        // One failure is enough, and the next may take as long again.
        if failed {
            break;
        }
    }
    let (verdict, own) = worst.expect("a row without variants is flawed");
    cx.trace().adopt(own.trace());
    verdict
}

async fn run_variant(row: &Row, cx: &Context, variant: &Variant) -> Result<Verdict, Verdict> {
    let template = &variant.text().template;
    let route = template.routes().next().unwrap_or(Route::Hello);
    let mut connection = cx.connect(route, Source::Case).await?;
    connection.send(&template.fill(cx, route), cx.answer_by()).await;
    if template.ends {
        connection.finish();
    }
    let expected = row.expected(variant);
    let mut verdict: Option<Verdict> = None;
    let mut open = true;
    let mut closes = false;
    let mut taken = false;
    for (i, expected) in expected.iter().enumerate() {
        let deadline = if expected.accept.contains(&Accept::Silence) {
            Instant::now() + cx.timing().quiet
        } else {
            cx.answer_by()
        };
        let answer = next_answer(&mut connection, row.method(i, template), deadline).await;
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
        let conforms = expected.accept.iter().any(|accept| accept.admits(&answer));
        taken = Accept::Class(2).admits(&answer) && !conforms;
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
    // Who leniently takes what should be refused has no reason to close.
    let then = if taken { Then::Either } else { row.then };
    Ok(verdict.worse(then.judge(&marked, closes, cx).with(connection.unread())))
}

impl Accept {
    fn admits(self, answer: &Answer) -> bool {
        match self {
            Self::Class(class) => answer.status().is_some_and(|status| status / 100 == class),
            Self::Status(expected) => answer.status() == Some(expected),
            Self::Close => *answer == Answer::Closed,
            Self::Silence => *answer == Answer::Silence,
            Self::Http2 => *answer == Answer::Http2,
        }
    }

    pub(super) fn describe(self) -> String {
        match self {
            Self::Class(class) => format!("{class}xx"),
            Self::Status(status) => status.to_string(),
            Self::Close => "a close".into(),
            Self::Silence => "silence".into(),
            Self::Http2 => "HTTP/2".into(),
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
            if let Some(verdict) = self.judge_fields(answer, response) {
                return verdict;
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
            Accept::Close | Accept::Silence | Accept::Http2 => false,
        })
    }

    /// What the head must or must not hold, and what the content must not.
    fn judge_fields(&self, answer: &Answer, response: &Response) -> Option<Verdict> {
        let concerns = |field: &&Field| field.of.is_none_or(|of| of.admits(answer));
        let has = |field: &&Field| {
            response.all(&field.name).any(|value| {
                let start = value.get(..field.begins.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(field.begins.as_bytes()))
            })
        };
        if let Some(field) = self.carries.iter().filter(concerns).find(|field| !has(field)) {
            let got = format!("{} without it", answer.describe());
            return Some(Verdict::fail(format!("an answer with {field}"), got));
        }
        if let Some(field) = self.lacks.iter().filter(concerns).find(has) {
            let got = format!("{} with it", answer.describe());
            return Some(Verdict::fail(format!("an answer without {field}"), got));
        }
        let holds = |text: &&String| {
            response.content.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let text = self.conceals.iter().find(holds)?;
        let got = text::quoted(&response.content, 96);
        let expected = format!("content that does not hold {text:?}");
        Some(Verdict::fail(expected, got).with(&response.content))
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
        if self.reports.is_empty() && self.hides.is_empty() {
            return None;
        }
        let Ok(reported) = serde_json::from_slice::<Vec<(String, String)>>(&response.content)
        else {
            let got = text::quoted(&response.content, 96);
            return Some(
                Verdict::fail("a JSON array of [name, value]", got).with(&response.content),
            );
        };
        let hidden = |name: &str| self.hides.iter().any(|hidden| hidden.eq_ignore_ascii_case(name));
        if let Some((name, value)) = reported.iter().find(|(name, _)| hidden(name)) {
            let got = format!("it receives {name:?} with the value {value:?}");
            return Some(Verdict::fail(format!("the handler never sees {name:?}"), got));
        }
        let squeezed = |value: &str| {
            value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let alike = |v: &str, value: &str| v == value || self.squeezes && squeezed(v) == value;
        // The order of fields says something only where they have one name (RFC 9110 §5.3).
        let mut left: Vec<&(String, String)> = reported.iter().collect();
        let missing = self.reports.iter().find(|(name, value)| {
            let named = |field: &(String, String)| field.0.eq_ignore_ascii_case(name);
            let Some(at) = left.iter().position(|field| named(field) && alike(&field.1, value))
            else {
                return true;
            };
            let behind = left.split_off(at + 1);
            left.retain(|field| !named(field));
            left.extend(behind);
            false
        })?;
        let expected =
            format!("the handler receives {:?} with the value {:?}", missing.0, missing.1);
        Some(Verdict::fail(expected, text::quoted(&response.content, 256)).with(&response.content))
    }

    /// What conforms, and what does with a warning.
    pub(super) fn words(&self) -> String {
        let lenient: Vec<String> = self.lenient.iter().map(|accept| accept.describe()).collect();
        let mut words = self.describe();
        if !lenient.is_empty() {
            words = format!("{words} (with a warning: {})", lenient.join(" or "));
        }
        for (name, value) in &self.reports {
            words = format!("{words}, the handler receives {name:?} with the value {value:?}");
        }
        for name in &self.hides {
            words = format!("{words}, the handler never sees {name:?}");
        }
        for field in &self.carries {
            words = format!("{words}, with {field}");
        }
        for field in &self.lacks {
            words = format!("{words}, without {field}");
        }
        for text in &self.conceals {
            words = format!("{words}, {text:?} nowhere in the content");
        }
        words
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
            Self::Waits => {
                "requests and answers stay in step, or what follows is taken for content"
            }
            Self::Close => "the connection is closed, and answers nothing more",
            Self::Open => "the connection stays usable",
            Self::Consumed => "the content is consumed, and not taken for a request",
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
        let conforms = match marked {
            Marked::Surplus(_) => false,
            Marked::Silence => self == Self::Waits,
            Marked::Answered => self != Self::Close,
            Marked::Closed => self != Self::Open,
            Marked::Refused(_) => matches!(self, Self::Either | Self::Waits),
        };
        if conforms { Verdict::pass(expected, got) } else { Verdict::fail(expected, got) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(keys: &str) -> Expected {
        let row = Row::from_toml(keys);
        row.expected(&row.send[0]).remove(0)
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
        let expected =
            expected("send = ['GET {hello}']\naccept = ['400', '5xx']\nlenient = ['2xx']");
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
    fn a_fold_may_become_several_spaces() {
        let keys = "send = ['GET {fields}']\naccept = ['2xx']\nreports = [['x-a', 'a b']]";
        let [exact, squeezing] =
            ["", "\nsqueezes = true"].map(|key| expected(&format!("{keys}{key}")));
        let reported = |value: &str| response(200, format!(r#"[["X-A", "{value}"]]"#).as_bytes());
        assert_eq!(exact.judge(&reported("a   b"), b"").outcome, Outcome::Fail);
        assert_eq!(squeezing.judge(&reported("a  \\tb"), b"").outcome, Outcome::Pass);
        assert_eq!(squeezing.judge(&reported("ab"), b"").outcome, Outcome::Fail);
    }

    #[test]
    fn who_speaks_http_2_may_say_so() {
        let [told, spoken] = ["'400'", "'400', 'http/2'"]
            .map(|accept| expected(&format!("send = ['PRI * HTTP/2.0']\naccept = [{accept}]")));
        assert_eq!(told.judge(&Answer::Http2, b"").outcome, Outcome::Fail);
        assert_eq!(spoken.judge(&Answer::Http2, b"").outcome, Outcome::Pass);
    }

    #[test]
    fn fields_and_texts_are_looked_for() {
        let keys = "send = ['GET {hello}']\naccept = ['2xx', '405']\ncarries = ['405: Allow']\n\
                    lacks = ['Location: //']\nconceals = ['secret']";
        let expected = expected(keys);
        let judge = |status, fields: &[(&str, &str)], content: &str| {
            let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let Answer::Response(plain) = response(status, content.as_bytes()) else { panic!() };
            let answer = Answer::Response(Response { fields: fields.collect(), ..plain });
            expected.judge(&answer, b"").outcome
        };
        assert_eq!(judge(200, &[], "x"), Outcome::Pass, "only 405 must have Allow");
        assert_eq!(judge(405, &[], "x"), Outcome::Fail);
        assert_eq!(judge(405, &[("allow", "GET")], "x"), Outcome::Pass);
        assert_eq!(judge(200, &[("Location", "/there")], "x"), Outcome::Pass);
        assert_eq!(judge(200, &[("Location", "//there")], "x"), Outcome::Fail);
        assert_eq!(judge(200, &[], "a secret"), Outcome::Fail);
    }

    #[test]
    fn content_and_reported_fields_are_compared_exactly() {
        let keys = "send = ['GET {fields}']\naccept = ['2xx']\nreports = [['X', 'a'], ['X', 'b']]";
        let expected = expected(keys);
        let judge = |content: &str| expected.judge(&response(200, content.as_bytes()), b"").outcome;
        assert_eq!(judge(r#"[["host","h"],["x","a"],["x","b"]]"#), Outcome::Pass);
        assert_eq!(judge(r#"[["x","b"],["x","a"]]"#), Outcome::Fail, "the order counts");
        assert_eq!(judge(r#"[["x","b"],["x","a"],["x","b"]]"#), Outcome::Pass);
        let two = self::expected(&keys.replace("'b'", "'a'").replacen("'X'", "'Y'", 1));
        let judge = |content: &str| two.judge(&response(200, content.as_bytes()), b"").outcome;
        assert_eq!(judge(r#"[["x","a"],["y","a"]]"#), Outcome::Pass, "but only within a name");
        assert_eq!(judge(r#"[["y","a"],["y","a"]]"#), Outcome::Fail);
        let judge = |content: &str| expected.judge(&response(200, content.as_bytes()), b"").outcome;
        assert_eq!(judge(r#"[["x","a, b"]]"#), Outcome::Fail);
        assert_eq!(judge("nonsense"), Outcome::Fail);
    }
}
