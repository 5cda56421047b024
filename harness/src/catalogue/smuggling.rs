//! Framing fields written almost right, from the alphabet in `catalogue/http-smuggling.toml`.
//!
//! Where two readers of one stream differ about a field that frames it, what is content to one is a request to
//! the other. Each way to write such a field is tried on a request whose content hides a request, and what the
//! subject made of it is found by counting: its answers, up to that of a marked request which follows.

use std::time::Instant;

use serde::Deserialize;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::explain::Exchange;
use crate::http::exchange::{Answer, Marked, Marker, next_answer};
use crate::http::template::Template;
use crate::route::Route;
use crate::verdict::{Strength, Verdict};
use crate::wire::{Read, Recorder, Source, text};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for gadget in alphabet() {
        for field in [Field::Coding, Field::Length] {
            if gadget.of.is_none_or(|of| of == field) {
                cases.push(gadget.case(field));
            }
        }
    }
    cases
}

fn alphabet() -> Vec<Gadget> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        gadget: Vec<Gadget>,
    }
    let file: File = toml::from_str(include_str!("../../catalogue/http-smuggling.toml"))
        .unwrap_or_else(|error| panic!("http-smuggling.toml: {error}"));
    file.gadget
}

/// A way to write a framing field.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gadget {
    id: String,
    title: String,
    section: String,
    #[serde(default = "must")]
    strength: Strength,
    reads: Reads,
    of: Option<Field>,
    lines: Vec<String>,
    /// What `{octet}` stands for, one after the other.
    #[serde(default)]
    octets: String,
}

fn must() -> Strength {
    Strength::Must
}

/// What a sound reader makes of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Reads {
    Counted,
    Ignored,
    Refused,
    Either,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Field {
    /// Transfer-Encoding.
    Coding,
    /// Content-Length.
    Length,
}

/// What the subject made of it.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Made {
    /// It framed the content.
    Counted,
    /// It did not.
    Ignored,
    /// It was an error, and the connection's end.
    Refused,
    /// There was neither an answer nor an end.
    Silent,
    /// More was answered than asked, or something else.
    Amiss(String),
}

/// A request that the content of another hides.
const HIDDEN: &str = "GET {hello} HTTP/1.1\r\nHost: {host}\r\n\r\n";

impl Gadget {
    fn case(&self, field: Field) -> Case {
        let id = format!("smuggling/{}/{}", field.word(), self.id);
        let title = format!("{}: {}", field.name(), self.title);
        let requests = self.requests(field);
        let reads = self.reads;
        let shown: Vec<Template> = requests.iter().map(|(_, request)| request.clone()).collect();
        let script = move || -> Vec<Exchange> {
            shown.iter().map(|request| exchange(request, field, reads)).collect()
        };
        let run = move |cx: Context| {
            let requests = requests.clone();
            async move { run(&cx, field, reads, &requests).await }
        };
        case(Family::Http, &id, &title, &[Route::Echo, Route::Hello], run)
            .rule(&self.section, self.strength)
            .shown_by(script)
    }

    /// The requests, each with the line that it tries.
    fn requests(&self, field: Field) -> Vec<(String, Template)> {
        let mut requests = Vec::new();
        for pattern in &self.lines {
            let octets: Vec<String> = match pattern.contains("{octet}") {
                true => self.octets.chars().map(String::from).collect(),
                false => vec![String::new()],
            };
            for octet in octets {
                let line = field.written(&pattern.replace("{octet}", &octet));
                let source = field.request(&line, self.reads);
                let request = Template::parse(&source)
                    .unwrap_or_else(|why| panic!("{}, {line:?}: {why}", self.id));
                requests.push((line, request));
            }
        }
        requests
    }
}

impl Field {
    fn word(self) -> &'static str {
        match self {
            Self::Coding => "te",
            Self::Length => "cl",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Coding => "Transfer-Encoding",
            Self::Length => "Content-Length",
        }
    }

    /// The line that the pattern stands for.
    fn written(self, pattern: &str) -> String {
        let name = self.name();
        let (stem, tail) = name.split_once('-').expect("both names have a dash");
        let swap = |c: char| match c.is_ascii_uppercase() {
            true => c.to_ascii_lowercase(),
            false => c.to_ascii_uppercase(),
        };
        let (value, other) = match self {
            Self::Coding => ("chunked", "identity"),
            Self::Length => ("{length}", "5"),
        };
        pattern
            .replace("{name}", name)
            .replace("{stem}", stem)
            .replace("{tail}", tail)
            .replace("{upper}", &name.to_ascii_uppercase())
            .replace("{lower}", &name.to_ascii_lowercase())
            .replace("{swapped}", &name.chars().map(swap).collect::<String>())
            .replace("{other}", other)
            .replace("{value}", value)
    }

    /// A request with that line.
    ///
    /// A coding that may be none stands beside a length that covers all: whoever takes it for one sees
    /// the end of the content before the hidden request. A length stands alone, and covers the hidden request.
    fn request(self, line: &str, reads: Reads) -> String {
        let head = "POST {echo} HTTP/1.1\r\nHost: {host}\r\n";
        match (self, reads) {
            (Self::Coding, Reads::Counted) => {
                format!("{head}{line}\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            }
            (Self::Coding, _) => {
                format!("{head}Content-Length: {{length}}\r\n{line}\r\n\r\n0\r\n\r\n{HIDDEN}")
            }
            (Self::Length, _) => format!("{head}{line}\r\n\r\n{HIDDEN}"),
        }
    }

    /// The content of the request, by this field and without it.
    fn contents(self, reads: Reads, sent: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let end = sent.windows(4).position(|window| window == b"\r\n\r\n");
        let behind = sent[end.map_or(sent.len(), |end| end + 4)..].to_vec();
        match (self, reads) {
            (Self::Coding, Reads::Counted) => (b"hello".to_vec(), Vec::new()),
            (Self::Coding, _) => (Vec::new(), behind),
            (Self::Length, _) => (behind, Vec::new()),
        }
    }
}

impl Reads {
    fn admits(self, made: &Made) -> bool {
        match self {
            Self::Counted => *made == Made::Counted,
            Self::Ignored => matches!(made, Made::Ignored | Made::Refused),
            Self::Refused => *made == Made::Refused,
            Self::Either => matches!(made, Made::Counted | Made::Refused),
        }
    }

    fn describe(self, field: Field) -> String {
        let name = field.name();
        match self {
            Self::Counted => format!("it is {name}, and frames the content"),
            Self::Ignored => format!("it is not taken for {name}; what is no field is refused"),
            Self::Refused => "it is refused, and the connection closed".into(),
            Self::Either => format!("it is taken for {name}, or refused"),
        }
    }
}

fn exchange(request: &Template, field: Field, reads: Reads) -> Exchange {
    let trace = Recorder::default();
    trace.sent(trace.connection(), &request.unfilled());
    Exchange { sends: trace.script(), accepts: reads.describe(field) }
}

/// Tries each line; the verdict names all that were misread, and keeps the trace of the first.
async fn run(
    cx: &Context,
    field: Field,
    reads: Reads,
    requests: &[(String, Template)],
) -> Result<Verdict, Verdict> {
    let mut misread = Vec::new();
    for (line, request) in requests {
        let own = cx.untraced();
        let made = send(&own, field, reads, request).await?;
        if reads.admits(&made) {
            continue;
        }
        if misread.is_empty() {
            cx.trace().adopt(own.trace());
        }
        let octets = text::octets(line).unwrap_or_default();
        misread.push((text::quoted(&octets, 80), made.describe()));
        // What is silent once will be silent often, and each costs a deadline.
        if matches!(made, Made::Silent) {
            break;
        }
    }
    let expected = reads.describe(field);
    let Some((_, first)) = misread.first() else {
        return Ok(Verdict::pass(expected, format!("so it was, {} times", requests.len())));
    };
    let alike: Vec<&str> =
        misread.iter().filter(|(_, made)| made == first).map(|(line, _)| &line[..]).collect();
    let got = format!("{first}, where the line is {}", alike.join(", "));
    let others = misread.iter().filter(|(_, made)| made != first);
    let got = others.fold(got, |got, (line, made)| format!("{got}; {made}: {line}"));
    Ok(Verdict::fail(expected, got))
}

impl Made {
    fn describe(&self) -> String {
        match self {
            Self::Counted => "it frames the content".into(),
            Self::Ignored => "it is passed over".into(),
            Self::Refused => "it is refused".into(),
            Self::Silent => "neither an answer nor a close comes".into(),
            Self::Amiss(what) => what.clone(),
        }
    }
}

async fn send(
    cx: &Context,
    field: Field,
    reads: Reads,
    request: &Template,
) -> Result<Made, Verdict> {
    let mut connection = cx.connect(Route::Echo, Source::Case).await?;
    let octets = request.fill(cx, Route::Echo);
    connection.send(&octets, cx.answer_by()).await;
    let (counted, ignored) = field.contents(reads, &octets);
    let response = match next_answer(&mut connection, "POST", cx.answer_by()).await {
        Answer::Response(response) => response,
        Answer::Closed => return Ok(Made::Refused),
        Answer::Silence => return Ok(Made::Silent),
        answer @ (Answer::Http2 | Answer::Malformed(_)) => {
            return Ok(Made::Amiss(answer.describe()));
        }
    };
    let made = match response.status {
        200..=299 if response.content == counted => Made::Counted,
        200..=299 if response.content == ignored => Made::Ignored,
        200..=299 => {
            return Ok(Made::Amiss(format!("content {}", text::quoted(&response.content, 80))));
        }
        _ => Made::Refused,
    };
    // By its rights a request of its own now, as the length that should cover it is none.
    if field == Field::Length && made == Made::Ignored {
        let hidden = next_answer(&mut connection, "GET", cx.answer_by()).await;
        if !matches!(hidden, Answer::Response(_) | Answer::Closed) {
            return Ok(Made::Amiss(hidden.describe()));
        }
    }
    let Some(marker) = Marker::new(cx, Route::Echo) else { return Ok(made) };
    let marked = marker.ask(cx, &mut connection).await;
    if marked == Marked::Answered && connection.read(Instant::now()).await == Read::Data {
        return Ok(Made::Amiss("more answers than requests".into()));
    }
    // RFC 9112 §6.1: with both framings "the server MUST close the connection after responding".
    let both = field == Field::Coding && reads != Reads::Counted && made == Made::Counted;
    Ok(match marked {
        Marked::Closed => made,
        Marked::Refused(_) if made != Made::Refused => made,
        Marked::Answered if made != Made::Refused && !both => made,
        Marked::Answered => Made::Amiss("the connection stays open behind it".into()),
        // A method that needs a length, say, was refused for want of one; the hidden request is none of that.
        Marked::Surplus(_)
            if (field, reads, &made) == (Field::Length, Reads::Ignored, &Made::Refused) =>
        {
            Made::Ignored
        }
        Marked::Surplus(_) => Made::Amiss("the hidden request is answered".into()),
        Marked::Silence => Made::Silent,
        Marked::Refused(_) => Made::Amiss("a refusal, and another behind it".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_written_out_for_both_fields() {
        let gadgets = alphabet();
        let gadget = gadgets.iter().find(|gadget| gadget.id == "octet-for-dash").unwrap();
        let lines: Vec<String> =
            gadget.requests(Field::Coding).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines[0], "Transfer\0Encoding: chunked");
        assert_eq!(lines.len(), gadget.octets.chars().count());
        let requests: usize = gadgets
            .iter()
            .flat_map(|gadget| [gadget.requests(Field::Coding), gadget.requests(Field::Length)])
            .map(|requests| requests.len())
            .sum();
        assert!(requests > 600, "{requests}");
    }

    #[test]
    fn a_length_covers_what_is_hidden_and_a_coding_ends_before_it() {
        let sent = b"POST /e HTTP/1.1\r\nX: y\r\n\r\n0\r\n\r\nGET /";
        let (counted, ignored) = Field::Coding.contents(Reads::Refused, sent);
        assert_eq!((&counted[..], &ignored[..]), (&b""[..], &b"0\r\n\r\nGET /"[..]));
    }
}
