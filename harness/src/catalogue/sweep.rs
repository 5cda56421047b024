//! Sweeps: every octet there is, in one place of a request.
//!
//! A sweep is one case. Its verdict names the octets that were taken where they should be refused, refused
//! where they should be taken, or that had the subject fall silent.

use std::fmt::Write;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::explain::Exchange;
use crate::http::exchange::{Answer, next_answer};
use crate::http::is_token_octet;
use crate::http::template::Template;
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Recorder, Source};

/// Octets tried at a time: sixteen cases of this kind side by side hold 64 connections.
const WIDTH: usize = 4;

/// A place where octets are tried.
#[derive(Clone, Copy)]
struct Sweep {
    id: &'static str,
    title: &'static str,
    section: &'static str,
    strength: Strength,
    /// `{octet}` is what is tried.
    request: &'static str,
    /// What is to become of a request with this octet.
    wants: fn(u8) -> Want,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Want {
    /// It is answered 2xx.
    Taken,
    /// It is refused.
    Refused,
    /// It is refused; a 2xx is lenient.
    Better,
    /// It is not answered 400.
    Understood,
    /// Any answer conforms.
    Answered,
    /// It belongs to another case.
    Left,
}

/// What became of one octet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Met {
    Well,
    /// With a 2xx, or a 400, that is only not what the RFC advises.
    Leniently,
    Taken,
    Refused,
    /// With a status that means a defect in the subject: 500, 502 to 504.
    Badly,
    Silently,
}

use Strength::{Hardening, Must, Should};
use Want::{Answered, Better, Left, Refused, Taken, Understood};

const SWEEPS: &[Sweep] = &[
    Sweep {
        id: "first-octet",
        title: "Every octet before the method",
        section: "RFC 9112 §2.2, §3",
        strength: Should,
        request: "{octet}GET {hello} HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            b'\r' | b'\n' => Answered,
            b' ' | b'\t' | 0x0b | 0x0c => Better,
            _ if is_token_octet(octet) => Understood,
            _ => Refused,
        },
    },
    Sweep {
        id: "method",
        title: "Every octet in a method",
        section: "RFC 9112 §3, RFC 9110 §5.6.2",
        strength: Should,
        request: "G{octet}T {hello} HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            b'E' => Taken,
            _ if is_token_octet(octet) => Understood,
            _ => Refused,
        },
    },
    Sweep {
        id: "separator",
        title: "Every octet between method and target",
        section: "RFC 9112 §3",
        strength: Should,
        request: "GET{octet}{hello} HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            b' ' => Taken,
            b'\t' | 0x0b | 0x0c | b'\r' => Better,
            _ => Refused,
        },
    },
    Sweep {
        id: "version-dot",
        title: "Every octet for the dot in the version",
        section: "RFC 9112 §3, §2.3",
        strength: Should,
        request: "GET {hello} HTTP/1{octet}1\r\nHost: {host}\r\n\r\n",
        wants: |octet| if octet == b'.' { Taken } else { Refused },
    },
    Sweep {
        id: "version-digit",
        title: "Every octet for the last digit of the version",
        section: "RFC 9112 §3, RFC 9110 §6.2",
        strength: Should,
        request: "GET {hello} HTTP/1.{octet}\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            b'1' => Taken,
            b'0' | b'2'..=b'9' => Answered,
            _ => Refused,
        },
    },
    Sweep {
        id: "target-legal",
        title: "Every character that a query may have",
        section: "RFC 3986 §3.4",
        strength: Must,
        request: "GET {hello}?a={octet}b HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| if is_query(octet) { Taken } else { Left },
    },
    Sweep {
        id: "target-control",
        title: "Control octets, and those beyond ASCII, in the target",
        section: "RFC 9112 §3.2, RFC 3986 §2",
        strength: Should,
        request: "GET {hello}?a={octet}b HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            // A bare LF may end the line (RFC 9112 §2.2), and what stands before it is a request without a
            // version: RL-02 to RL-04.
            b'\n' => Left,
            0..=0x1f | 0x7f => Refused,
            0x80.. => Better,
            _ => Left,
        },
    },
    Sweep {
        id: "target-delimiters",
        title: "Characters that no target may have",
        section: "RFC 9112 §3.2, RFC 3986 §2",
        strength: Hardening,
        request: "GET {hello}?a={octet}b HTTP/1.1\r\nHost: {host}\r\n\r\n",
        wants: |octet| match octet {
            b'"' | b'<' | b'>' => Better,
            // Browsers leave these as they are in a query (URL Standard §1.3).
            b'[' | b'\\' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' => Answered,
            _ => Left,
        },
    },
    Sweep {
        id: "host",
        title: "Every octet in Host",
        section: "RFC 9112 §3.2, RFC 3986 §3.2.2",
        strength: Must,
        request: "GET {hello} HTTP/1.1\r\nHost: a{octet}b\r\n\r\n",
        wants: |octet| match octet {
            b'\n' => BARE_LF,
            // An octet of NUL or CR may be replaced by a space: that is no host either.
            _ if is_unreserved(octet) || b"!$&'()*+,;=".contains(&octet) => Answered,
            _ => Refused,
        },
    },
    Sweep {
        id: "field-name",
        title: "Every octet in a field name",
        section: "RFC 9112 §2.2, RFC 9110 §5.1",
        strength: Should,
        request: "GET {hello} HTTP/1.1\r\nHost: {host}\r\nX{octet}Y: v\r\n\r\n",
        wants: in_name,
    },
    Sweep {
        id: "field-value",
        title: "Every octet in a field value",
        section: "RFC 9110 §5.5",
        strength: Must,
        request: "GET {hello} HTTP/1.1\r\nHost: {host}\r\nX-A: a{octet}b\r\n\r\n",
        wants: |octet| match octet {
            b'\t' | b' '..=b'~' | 0x80.. => Taken,
            0 | b'\r' => Answered,
            b'\n' => BARE_LF,
            _ => Better,
        },
    },
    Sweep {
        id: "length-before",
        title: "Every octet before the number of Content-Length",
        section: "RFC 9110 §8.6, RFC 9112 §6.3",
        strength: Must,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {octet}5\r\n\r\nhello",
        wants: around_value,
    },
    Sweep {
        id: "length-behind",
        title: "Every octet behind the number of Content-Length",
        section: "RFC 9110 §8.6, RFC 9112 §6.3",
        strength: Must,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5{octet}\r\n\r\nhello",
        wants: around_value,
    },
    Sweep {
        id: "coding-before-name",
        title: "Every octet before the name Transfer-Encoding",
        section: "RFC 9112 §2.2, RFC 9110 §5.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\n{octet}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b' ' | b'\t' | b'\r' | b'\n' => Answered,
            _ if is_token_octet(octet) => Answered,
            _ => Refused,
        },
    },
    Sweep {
        id: "coding-behind-name",
        title: "Every octet behind the name Transfer-Encoding",
        section: "RFC 9112 §5.1, §6.3",
        strength: Must,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding{octet}: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b'\n' => BARE_LF,
            _ if is_token_octet(octet) => Answered,
            _ => Refused,
        },
    },
    Sweep {
        id: "coding-before-value",
        title: "Every octet before chunked",
        section: "RFC 9110 §5.5, RFC 9112 §6.3",
        strength: Must,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: {octet}chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        wants: |octet| if octet.is_ascii_digit() { Refused } else { around_value(octet) },
    },
    Sweep {
        id: "coding-behind-value",
        title: "Every octet behind chunked",
        section: "RFC 9110 §5.5, RFC 9112 §6.3",
        strength: Must,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked{octet}\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b';' => Better,
            _ if octet.is_ascii_digit() => Refused,
            _ => around_value(octet),
        },
    },
    Sweep {
        id: "chunk-size-before",
        title: "Every octet before a chunk size",
        section: "RFC 9112 §2.2, §7.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{octet}5\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b'0' => Taken,
            _ if octet.is_ascii_hexdigit() => Left,
            _ => Refused,
        },
    },
    Sweep {
        id: "chunk-size-behind",
        title: "Every octet behind a chunk size",
        section: "RFC 9112 §2.2, §7.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5{octet}\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b'\n' | b' ' | b'\t' | b';' => Better,
            _ if octet.is_ascii_hexdigit() => Left,
            _ => Refused,
        },
    },
    Sweep {
        id: "chunk-extension",
        title: "Every octet in a chunk extension",
        section: "RFC 9112 §2.2, §7.1.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5;a{octet}b\r\nhello\r\n0\r\n\r\n",
        wants: |octet| match octet {
            b'=' | b';' => Taken,
            _ if is_token_octet(octet) => Taken,
            b'\t' | b'\n' | b' '..=b'~' | 0x80.. => Better,
            _ => Refused,
        },
    },
    Sweep {
        id: "chunk-end",
        title: "Every octet for the CR behind the data of a chunk",
        section: "RFC 9112 §2.2, §7.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello{octet}\n0\r\n\r\n",
        wants: |octet| if octet == b'\r' { Taken } else { Refused },
    },
    Sweep {
        id: "trailer-name",
        title: "Every octet in the name of a trailer",
        section: "RFC 9112 §2.2, §7.1.2, RFC 9110 §5.1",
        strength: Should,
        request: "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX{octet}Y: v\r\n\r\n",
        wants: in_name,
    },
];

/// A bare LF may be taken for the end of the line (RFC 9112 §2.2); then one of the two halves has no colon, and
/// SHOULD be answered 400.
const BARE_LF: Want = Better;

/// Inside the name of a field.
fn in_name(octet: u8) -> Want {
    match octet {
        b'\n' => BARE_LF,
        b':' => Taken,
        _ if is_token_octet(octet) => Taken,
        _ => Refused,
    }
}

/// Beside a number or a coding: white space is no part of it, and commas part empty elements.
fn around_value(octet: u8) -> Want {
    match octet {
        b' ' | b'\t' => Taken,
        // NUL and CR may be replaced by a space; a bare LF ends a line.
        b',' | 0 | b'\r' | b'\n' => Answered,
        b'0'..=b'9' => Left,
        _ => Refused,
    }
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

fn is_query(octet: u8) -> bool {
    is_unreserved(octet) || b"!$&'()*+,;=:@/?".contains(&octet)
}

pub(super) fn cases() -> Vec<Case> {
    SWEEPS.iter().map(Sweep::case).collect()
}

impl Sweep {
    fn case(&'static self) -> Case {
        let needs: Vec<Route> = self.template(0).routes().collect();
        case(Family::Http, &format!("sweep/{}", self.id), self.title, &needs, |cx| self.run(cx))
            .rule(self.section, self.strength)
            .shown_by(|| self.script())
    }

    fn template(&self, octet: u8) -> Template {
        let source = self.request.replace("{octet}", &char::from(octet).to_string());
        Template::parse(&source).unwrap_or_else(|why| panic!("{}: {why}", self.id))
    }

    /// A request for each of its wants, with the octets that it stands for.
    fn script(&self) -> Vec<Exchange> {
        let wants = [Taken, Understood, Refused, Better, Answered];
        let exchange = |want: Want| {
            let octets: Vec<u8> = (0..=255).filter(|octet| (self.wants)(*octet) == want).collect();
            let trace = Recorder::default();
            trace.sent(trace.connection(), &self.template(*octets.first()?).unfilled());
            let accepts = format!("{}, and so with {}", want.describe(), listed(&octets));
            Some(Exchange { sends: trace.script(), accepts })
        };
        wants.into_iter().filter_map(exchange).collect()
    }

    async fn run(&self, cx: Context) -> Result<Verdict, Verdict> {
        let octets: Vec<u8> = (0..=255).filter(|octet| (self.wants)(*octet) != Left).collect();
        let mut met: Vec<(u8, Met)> = Vec::new();
        for group in octets.chunks(WIDTH) {
            let answers = side_by_side(group.iter().map(|&octet| self.send(&cx, octet))).await;
            for (answer, &octet) in answers.into_iter().zip(group) {
                let (answer, own) = answer?;
                // The trace of the first that was met otherwise shows what happens.
                let well = |met: &Met| matches!(met, Met::Well | Met::Leniently);
                if !well(&answer) && met.iter().all(|(_, met)| well(met)) {
                    cx.trace().adopt(own.trace());
                }
                met.push((octet, answer));
            }
            // What is silent once will be silent often, and each costs a deadline.
            if met.iter().any(|(_, met)| *met == Met::Silently) {
                break;
            }
        }
        Ok(judge(&met))
    }

    /// Sends the request with this octet; what it met, and the trace of that.
    async fn send(&self, cx: &Context, octet: u8) -> Result<(Met, Context), Verdict> {
        let own = cx.untraced();
        let template = self.template(octet);
        let route = template.routes().next().unwrap_or(Route::Hello);
        let mut connection = own.connect(route, Source::Case).await?;
        connection.send(&template.fill(cx, route), cx.answer_by()).await;
        let met =
            (self.wants)(octet).meets(&next_answer(&mut connection, "GET", cx.answer_by()).await);
        Ok((met, own))
    }
}

impl Want {
    fn meets(self, answer: &Answer) -> Met {
        let status = match answer {
            Answer::Response(response) => response.status,
            Answer::Closed => 400,
            Answer::Silence | Answer::Http2 | Answer::Malformed(_) => return Met::Silently,
        };
        let taken = (200..300).contains(&status);
        match self {
            _ if matches!(status, 500 | 502..=504) => Met::Badly,
            Taken if !taken => Met::Refused,
            Refused if taken => Met::Taken,
            Better if taken => Met::Leniently,
            Understood if status == 400 => Met::Leniently,
            _ => Met::Well,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Taken => "2xx",
            Refused => "a refusal",
            Better => "a refusal (with a warning: 2xx)",
            Understood => "anything but 400 (which gets a warning)",
            Answered | Left => "any answer but a 5xx that means a defect",
        }
    }
}

fn judge(met: &[(u8, Met)]) -> Verdict {
    let of = |wanted: Met| -> Vec<u8> {
        met.iter().filter(|(_, met)| *met == wanted).map(|(octet, _)| *octet).collect()
    };
    let expected = "each octet is taken where it belongs, and refused where it does not";
    let mut got = Vec::new();
    for (wanted, words) in [
        (Met::Taken, "taken, but should be refused"),
        (Met::Refused, "refused, but should be taken"),
        (Met::Badly, "answered with 500, 502, 503 or 504"),
        (Met::Silently, "not answered"),
        (Met::Leniently, "met leniently"),
    ] {
        let octets = of(wanted);
        if !octets.is_empty() {
            got.push((wanted, format!("{words}: {}", listed(&octets)), octets));
        }
    }
    let Some((worst, _, octets)) = got.first() else {
        return Verdict::pass(expected, format!("so it was, with {} of them", met.len()));
    };
    let outcome = if *worst == Met::Leniently { Outcome::Warn } else { Outcome::Fail };
    let words: Vec<&str> = got.iter().map(|(_, words, _)| &words[..]).collect();
    Verdict::new(outcome, expected, words.join("; ")).with(octets)
}

/// Octets in hexadecimal, runs of them as ranges: `00–08 0b 7f`.
fn listed(octets: &[u8]) -> String {
    let mut out = String::new();
    for run in octets.chunk_by(|a, b| a + 1 == *b) {
        let gap = if out.is_empty() { "" } else { " " };
        _ = match run {
            [only] => write!(out, "{gap}{only:02x}"),
            [first, .., last] => write!(out, "{gap}{first:02x}–{last:02x}"),
            [] => Ok(()),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_names_the_octets() {
        let met = |octets: &[u8], met: Met| octets.iter().map(|o| (*o, met)).collect::<Vec<_>>();
        let well = judge(&met(b"abc", Met::Well));
        assert_eq!(well.outcome, Outcome::Pass);
        let lenient = judge(&met(&[0x80, 0x81, 0x82, 0xff], Met::Leniently));
        assert_eq!((lenient.outcome, &lenient.got[..]), (Outcome::Warn, "met leniently: 80–82 ff"));
        let bad = judge(&[met(&[1], Met::Leniently), met(&[0, 2], Met::Taken)].concat());
        assert_eq!(bad.outcome, Outcome::Fail);
        assert_eq!(bad.got, "taken, but should be refused: 00 02; met leniently: 01");
    }

    #[test]
    fn a_line_that_ends_in_a_bare_lf_accuses_nobody() {
        for id in ["host", "field-name", "field-value", "coding-behind-name", "trailer-name"] {
            let sweep = SWEEPS.iter().find(|sweep| sweep.id == id).unwrap();
            assert_eq!((sweep.wants)(b'\n'), Better, "{id}");
        }
    }

    #[test]
    fn every_sweep_says_what_it_wants_of_most_octets() {
        for sweep in SWEEPS {
            assert!(!sweep.script().is_empty(), "{}", sweep.id);
            assert!(sweep.request.contains("{octet}"), "{}", sweep.id);
        }
    }
}
