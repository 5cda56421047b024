//! The audit: every head and every frame that the subject sends in any case, held to rules of its own.
//!
//! A tap on each connection reads along in both directions. It knows nothing of the case, and shares no line
//! with the reading that cases judge by; what it finds is the verdict of the cases `audit/…`, one for each
//! [`Rule`], which add little but a tour of their own so that there is always something to see.
//!
//! ```text
//! Connection ─▶ Tap ─▶ Requests   what was asked, as far as that is certain
//!                ╰───▶ Answers ─▶ Head, grammar     each head
//!                         ╰─────▶ Frames            behind a 101
//! ```
//!
//! An accusation must be right. So what is not certain is not judged: where octets went out that are no request,
//! nobody knows what an answer belongs to.

mod answers;
mod frames;
mod grammar;
mod head;
mod request;
mod rule;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;

use crate::verdict::{Outcome, Verdict};
use crate::wire::text;
use answers::{Answers, Surroundings};
use head::{Breach, Head, NO_DATE};
use request::{Request, Requests};

pub(crate) use answers::PROBE;
pub(crate) use rule::{Of, Rule};

/// Cases, and kinds of breaches, that a verdict names.
const MAX_NAMED: usize = 12;

/// What a run has found so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    heads: usize,
    frames: usize,
    /// A Date was seen: the subject has a clock.
    dated: bool,
    found: BTreeMap<Rule, BTreeMap<Rc<str>, Seen>>,
    /// Targets of resources that do not change.
    constant: Vec<String>,
    /// Answers 200 to plain GETs of these, by whether TLS was spoken and target.
    plain: BTreeMap<(bool, String), Plain>,
}

/// The worst of one rule in one case.
#[derive(Debug)]
struct Seen {
    outcome: Outcome,
    what: String,
    octets: Vec<u8>,
    times: usize,
}

impl Seen {
    /// Whether the other case saw the same. Behind the first line of a head much is another in each answer.
    fn is_like(&self, other: &Self) -> bool {
        let beginning = |seen: &Self| seen.octets.iter().take(24).copied().collect::<Vec<u8>>();
        self.what == other.what && beginning(self) == beginning(other)
    }
}

/// The latest answer to a plain GET.
#[derive(Debug)]
struct Plain {
    fields: Vec<(String, Vec<u8>)>,
    /// Whether another such answer had the same length, and none another one.
    settled: bool,
    varies: bool,
}

/// One connection, overheard.
#[derive(Debug)]
pub(crate) struct Tap {
    audit: Audit,
    case: Rc<str>,
    secure: bool,
    requests: Requests,
    answers: Answers,
}

impl Tap {
    /// Listens on a connection of a case. `secure` says whether TLS is spoken.
    pub(crate) fn new(audit: &Audit, case: &Rc<str>, secure: bool) -> Self {
        Self {
            audit: audit.clone(),
            case: Rc::clone(case),
            secure,
            requests: Requests::default(),
            answers: Answers::default(),
        }
    }

    /// Octets that we sent.
    pub(crate) fn sent(&mut self, octets: &[u8]) {
        if !self.answers.are_frames() {
            self.requests.push(octets);
        }
    }

    /// Octets that the subject sent.
    pub(crate) fn received(&mut self, octets: &[u8]) {
        let Self { audit, case, secure, requests, answers } = self;
        answers.push(octets, &mut Surroundings { audit, case, secure: *secure, requests });
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let Self { audit, case, secure, requests, answers } = self;
        answers.end(&Surroundings { audit, case, secure: *secure, requests });
    }
}

impl Audit {
    /// Compares what is answered to GET, HEAD and conditional requests of these targets, which do not change.
    pub(crate) fn of(constant: Vec<String>) -> Self {
        let inner = Inner { constant, ..Inner::default() };
        Self { inner: Rc::new(RefCell::new(inner)) }
    }

    fn tell(&self, case: &Rc<str>, (rule, outcome, what, mut octets): Breach) {
        /// Enough to see what is wrong.
        const MAX_OCTETS: usize = 256;
        octets.truncate(MAX_OCTETS);
        let mut inner = self.inner.borrow_mut();
        let seen = inner.found.entry(rule).or_default().entry(Rc::clone(case));
        let seen = seen.or_insert_with(|| Seen {
            outcome,
            what: what.clone(),
            octets: octets.clone(),
            times: 0,
        });
        seen.times += 1;
        if outcome > seen.outcome {
            *seen = Seen { outcome, what, octets, times: seen.times };
        }
    }

    fn saw_frames(&self, count: usize) {
        self.inner.borrow_mut().frames += count;
    }

    /// Counts a head, and compares it with the answer to a plain GET of the same target.
    fn saw_head(&self, head: &Head, request: Option<&Request>, around: &Surroundings<'_>) {
        let mut inner = self.inner.borrow_mut();
        inner.heads += 1;
        inner.dated |= head.has("date");
        let Some(request) = request.filter(|request| is_plain(request)) else { return };
        if !inner.constant.contains(&request.target) {
            return;
        }
        let key = (around.secure, request.target.clone());
        let conditional = request.fields.iter().any(|(name, _)| name.starts_with("if-"));
        match (&request.method[..], head.status) {
            ("GET", 200) if !conditional => {
                let before = inner.plain.get(&key);
                let alike =
                    |plain: &Plain| plain.field("content-length") == head.field("content-length");
                let settled = before.is_some_and(alike);
                let varies = before.is_some_and(|plain| plain.varies || !alike(plain));
                inner.plain.insert(key, Plain { fields: head.fields.clone(), settled, varies });
            }
            ("HEAD", 200) if !conditional => {
                let breach = inner.plain.get(&key).and_then(|plain| plain.differs_from_head(head));
                drop(inner);
                breach.into_iter().for_each(|breach| self.tell(around.case, breach));
            }
            ("GET" | "HEAD", 304) => {
                let breach = inner.plain.get(&key).and_then(|plain| plain.differs_from_304(head));
                drop(inner);
                breach.into_iter().for_each(|breach| self.tell(around.case, breach));
            }
            _ => {}
        }
    }

    /// What was found of a rule.
    pub(crate) fn verdict(&self, rule: Rule) -> Verdict {
        let inner = self.inner.borrow();
        let (count, what) = match rule.of() {
            Of::Heads => (inner.heads, "heads"),
            Of::Frames => (inner.frames, "frames"),
        };
        let Some(found) = inner.found.get(&rule) else {
            let got = format!("so it was with {count} {what}");
            return match count {
                0 => Verdict::new(Outcome::Skip, rule.expected(), format!("no {what} were seen")),
                _ => Verdict::pass(rule.expected(), got),
            };
        };
        let mut seen: Vec<(&Rc<str>, &Seen)> = found.iter().collect();
        // The worst first, then the cases in the order of their ids.
        seen.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.outcome));
        let (_, worst) = seen[0];
        let times: usize = found.values().map(|seen| seen.times).sum();
        let cases =
            if found.len() == 1 { "1 case".into() } else { format!("{} cases", found.len()) };
        let mut got = format!("{times} of {count} {what}, in {cases}:");
        // Cases in which the same was seen share a line.
        let mut alike: Vec<(&Seen, Vec<&str>)> = Vec::new();
        for (case, seen) in &seen {
            match alike.iter_mut().find(|(other, _)| other.is_like(seen)) {
                Some((_, cases)) => cases.push(case),
                None => alike.push((seen, vec![case])),
            }
        }
        for (Seen { what, octets, .. }, cases) in alike.iter().take(MAX_NAMED) {
            _ = write!(got, "\n{what}");
            match rule.of() {
                // The words quote the line that offends.
                Of::Heads if what.contains('"') => {}
                Of::Heads => _ = write!(got, " | {}", text::quoted(octets, 72)),
                Of::Frames => _ = write!(got, " | {}", text::hex(octets, 24)),
            }
            let named = cases[..cases.len().min(MAX_NAMED)].join(", ");
            let more = cases.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            _ = write!(got, " in {named}{more}");
        }
        if let Some(more) = alike.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            _ = write!(got, "\n… and {more} of other kinds");
        }
        // RFC 9110 §6.6.1 asks for a Date of servers with a clock.
        let clockless = rule == Rule::Date && !inner.dated && worst.what.contains(NO_DATE);
        if clockless {
            got.push_str("\nno Date was seen at all: right only for a server without a clock");
        }
        let outcome = if clockless { Outcome::Warn } else { worst.outcome };
        Verdict::new(outcome, rule.expected(), got).with(&worst.octets)
    }
}

/// Whether nothing but the target and a condition says what is asked for.
fn is_plain(request: &Request) -> bool {
    let known = |name: &str| {
        name.starts_with("if-")
            || matches!(name, "host" | "user-agent" | "connection" | "harness-case")
    };
    request.fields.iter().all(|(name, _)| known(name))
}

impl Plain {
    fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| &value[..])
    }

    fn breach(rule: Rule, what: String, head: &Head) -> Option<Breach> {
        Some((rule, Outcome::Fail, what, head.octets.clone()))
    }

    fn differs_from_head(&self, head: &Head) -> Option<Breach> {
        // Not what may depend on the content, or on the moment.
        const KEPT: [&str; 6] = [
            "content-type",
            "content-language",
            "content-location",
            "cache-control",
            "vary",
            "allow",
        ];
        let lacks = |name: &&&str| self.field(name).is_some() && !head.has(name);
        if let Some(name) = KEPT.iter().find(lacks) {
            return Self::breach(Rule::Head, format!("HEAD without {name}, which GET has"), head);
        }
        self.other_length(head, Rule::Head)
    }

    fn differs_from_304(&self, head: &Head) -> Option<Breach> {
        const KEPT: [&str; 4] = ["etag", "vary", "cache-control", "content-location"];
        let lacks = |name: &&&str| self.field(name).is_some() && !head.has(name);
        if let Some(name) = KEPT.iter().find(lacks) {
            return Self::breach(
                Rule::NotModified,
                format!("304 without {name}, which 200 has"),
                head,
            );
        }
        // Of one resource: another tag is another state of it.
        if self.field("etag") != head.field("etag") {
            return None;
        }
        self.other_length(head, Rule::NotModified)
    }

    fn other_length(&self, head: &Head, rule: Rule) -> Option<Breach> {
        if self.varies || !self.settled {
            return None;
        }
        let (ours, theirs) = (self.field("content-length")?, head.field("content-length")?);
        let words = |length: &[u8]| String::from_utf8_lossy(length).into_owned();
        let what =
            format!("Content-Length {}, which is {} in answer to GET", words(theirs), words(ours));
        if ours == theirs { None } else { Self::breach(rule, what, head) }
    }
}
