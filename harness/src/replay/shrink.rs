//! The fewest octets that still have the subject do the same.
//!
//! Delta debugging (Zeller, Hildebrandt 2002), first over lines and frames, then over octets and payloads. A
//! candidate counts if the subject does the same, that is sends the same statuses, opcodes and close codes and
//! ends the connection alike; and if nothing else is wrong with the candidate than was with the original: else
//! a request that was refused for a bad length would shrink to one that is refused for having no Host.

use std::collections::BTreeSet;

use super::{Player, Script, Step, refused};
use crate::error::Error;
use crate::profile::Profile;
use crate::subject::probe;
use crate::verdict::Verdict;
use crate::wire::text;
use crate::ws::frame::{Frame, Parsed};

/// Candidates that are tried. Each costs an answer, or the wait for one.
const MAX_TRIES: usize = 3_000;
/// Octets beyond which lines and frames are left out, and no single octets.
const MAX_BY_OCTET: usize = 4 << 10;

/// What shrinking came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shrunk {
    /// The trace with what is left, which can be replayed and shrunk again.
    pub trace: String,
    /// Octets sent in the original.
    pub before: usize,
    /// Octets sent in what is left.
    pub after: usize,
    /// Candidates that were tried.
    pub tries: usize,
    /// What the subject does in answer to either, in words.
    pub behaviour: Vec<String>,
}

/// Takes octets away from what `trace` holds, while the subject that `profile` describes behaves the same.
/// `observer` hears how many octets are left.
///
/// # Errors
///
/// As [`super::replay`]; [`Error::Usage`] for a trace of several connections; [`Error::Subject`] where the
/// subject dies of it, or does not do the same each time.
pub async fn shrink(
    profile: &Profile,
    trace: &str,
    mut observer: impl FnMut(usize),
) -> Result<Shrunk, Error> {
    let script = Script::parse(trace)?;
    let connections = script.steps.iter().filter(|step| matches!(step, Step::Connect(_))).count();
    if connections != 1 {
        return Err(Error::Usage(format!(
            "a trace of {connections} connections: what happens on several is no matter of octets, and only one is shrunk"
        )));
    }
    let player = Player::start(profile, &script).await?;
    let steps = script.steps.iter().map(|step| player.filled_in(step)).collect();
    let mut hunt = Hunt::begin(&player, steps).await?;
    let before = octets(&hunt.steps);
    for round in [Round::Pieces, Round::Payloads, Round::Octets] {
        hunt.reduce(round, &mut observer).await?;
    }
    let Hunt { steps, tries, behaviour, .. } = hunt;
    let came = player.play(&steps).await.map_err(|verdict| refused(&verdict))?;
    let (mut trace, after) = (String::new(), octets(&steps));
    if let Some(case) = &script.case {
        trace = format!("# {case} · shrunk from {before} to {after} octets\n");
    }
    let lines = came.into_values().next().unwrap_or_default();
    trace += &written(&steps, lines).replace(&player.endpoint.authority, "{authority}");
    player.subject.stop().await;
    Ok(Shrunk { trace, before, after, tries, behaviour })
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Round {
    /// Lines and frames are left out.
    Pieces,
    /// Payloads of frames are cut.
    Payloads,
    /// Octets are left out.
    Octets,
}

struct Hunt<'a> {
    player: &'a Player,
    steps: Vec<Step>,
    behaviour: Vec<String>,
    doubts: BTreeSet<String>,
    tries: usize,
}

impl<'a> Hunt<'a> {
    async fn begin(player: &'a Player, steps: Vec<Step>) -> Result<Self, Error> {
        let doubts = doubts(&steps);
        let mut hunt = Self { player, steps, behaviour: Vec::new(), doubts, tries: 0 };
        hunt.behaviour = hunt.behaviour_of(&hunt.steps).await?;
        // What differs between two runs would be lost by chance.
        if hunt.behaviour_of(&hunt.steps).await? != hunt.behaviour {
            let why =
                "the subject does not do the same each time, so nothing can be left out safely";
            return Err(Error::Subject(why.into()));
        }
        Ok(hunt)
    }

    async fn behaviour_of(&self, steps: &[Step]) -> Result<Vec<String>, Error> {
        let came = self.player.play(steps).await.map_err(|verdict| refused(&verdict))?;
        let dead = |verdict: Verdict| {
            let got = self.player.subject.end().map_or(verdict.got, |end| format!("it {end}"));
            Error::Subject(format!(
                "this kills the subject ({got}), and shrinking needs one that lives"
            ))
        };
        probe(&self.player.cx.untraced()).await.map_err(dead)?;
        Ok(came.into_values().flatten().filter_map(|line| behaviour(&line)).collect())
    }

    async fn holds(&mut self, steps: &[Step]) -> Result<bool, Error> {
        if self.tries >= MAX_TRIES || octets(steps) == 0 {
            return Ok(false);
        }
        let found = doubts(steps);
        if !found.is_subset(&self.doubts) || found.is_empty() != self.doubts.is_empty() {
            return Ok(false);
        }
        self.tries += 1;
        Ok(self.behaviour_of(steps).await? == self.behaviour)
    }

    async fn reduce(
        &mut self,
        round: Round,
        observer: &mut impl FnMut(usize),
    ) -> Result<(), Error> {
        if round == Round::Octets && octets(&self.steps) > MAX_BY_OCTET {
            return Ok(());
        }
        if round == Round::Payloads {
            return self.cut_payloads(observer).await;
        }
        let mut parts = parts(&self.steps, round);
        let mut size = parts.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            let mut smaller = false;
            while at < parts.len() {
                let end = (at + size).min(parts.len());
                let without: Vec<Step> = [&parts[..at], &parts[end..]].concat();
                let removes = parts[at..end].iter().any(|step| sent(step).is_some());
                let kept = parts[at..end].iter().filter(|step| sent(step).is_none()).cloned();
                let candidate: Vec<Step> =
                    [&without[..at], &kept.collect::<Vec<_>>(), &without[at..]].concat();
                let joined = join(&candidate);
                if removes && self.holds(&joined).await? {
                    parts = candidate;
                    self.steps = joined;
                    smaller = true;
                    observer(octets(&self.steps));
                    // What was kept is passed over.
                    at += parts.len().saturating_sub(without.len());
                } else {
                    at = end;
                }
            }
            if size == 1 && !smaller {
                return Ok(());
            }
            size = if smaller { size.min(parts.len()).max(1) } else { size.div_ceil(2) };
        }
    }

    async fn cut_payloads(&mut self, observer: &mut impl FnMut(usize)) -> Result<(), Error> {
        for at in 0..self.steps.len() {
            let Step::Frame(on, octets_of_frame) = &self.steps[at] else { continue };
            let on = *on;
            let Parsed::Frame(frame, _) = Frame::parse(octets_of_frame) else { continue };
            let mut len = frame.payload.len();
            let mut least = 0;
            while least < len {
                let half = least.midpoint(len);
                let payload = frame.payload[..half].to_vec();
                let plain = Frame::new(frame.opcode, frame.payload.clone(), [0; 4]).length_octets;
                let shortest = Frame::new(frame.opcode, payload.clone(), [0; 4]).length_octets;
                let length_octets =
                    if frame.length_octets == plain { shortest } else { frame.length_octets };
                let cut = Frame { payload, length_octets, ..frame.clone() };
                let mut steps = self.steps.clone();
                steps[at] = Step::Frame(on, cut.octets());
                if self.holds(&steps).await? {
                    self.steps = steps;
                    observer(octets(&self.steps));
                    len = half;
                } else {
                    least = half + 1;
                }
            }
        }
        Ok(())
    }
}

fn sent(step: &Step) -> Option<&[u8]> {
    match step {
        Step::Send(_, octets) | Step::Frame(_, octets) => Some(octets),
        _ => None,
    }
}

/// Octets that go out.
fn octets(steps: &[Step]) -> usize {
    steps.iter().filter_map(sent).map(<[u8]>::len).sum()
}

/// The steps with what is sent cut into what may be left out.
fn parts(steps: &[Step], round: Round) -> Vec<Step> {
    let cut = |step: &Step| match step {
        Step::Send(on, octets) if round == Round::Octets => {
            octets.iter().map(|octet| Step::Send(*on, vec![*octet])).collect()
        }
        Step::Send(on, octets) => octets
            .split_inclusive(|octet| *octet == b'\n')
            .map(|line| Step::Send(*on, line.to_vec()))
            .collect(),
        other => vec![other.clone()],
    };
    steps.iter().flat_map(cut).collect()
}

/// The parts that follow each other as one.
fn join(parts: &[Step]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for part in parts {
        match (steps.last_mut(), part) {
            (Some(Step::Send(_, octets)), Step::Send(_, more)) => octets.extend_from_slice(more),
            _ => steps.push(part.clone()),
        }
    }
    steps
}

/// What a line says of the subject's behaviour: a status, a frame, an end.
fn behaviour(line: &str) -> Option<String> {
    if let Some(status) = line.strip_prefix("HTTP/1.") {
        return Some(status.get(2..5).unwrap_or("?").to_owned());
    }
    if matches!(line, "end" | "end without close_notify" | "reset") {
        // A server that closes while octets are unread resets, whether it wants to or not.
        return Some("end".into());
    }
    let (words, octets) = line.rsplit_once(" | ")?;
    text::from_hex(octets.split(" … ").next()?.split(" × ").next()?)?;
    let mut words = words.split(' ');
    let name = words.next()?;
    let code = words.find(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()));
    Some(code.filter(|_| name == "close").map_or(name.into(), |code| format!("close {code}")))
}

/// What is wrong with what is sent, by kind and place.
fn doubts(steps: &[Step]) -> BTreeSet<String> {
    let mut doubts = BTreeSet::new();
    for step in steps {
        match step {
            Step::Send(_, octets) => doubts.extend(doubts_of_request(octets)),
            Step::Frame(_, octets) => {
                let fault = match Frame::parse(octets) {
                    // A client's frame is sound where a server's with the other masking is.
                    Parsed::Frame(frame, _) => {
                        let mask = if frame.mask.is_some() { None } else { Some([0; 4]) };
                        Frame { mask, ..frame }.fault(0)
                    }
                    Parsed::Partial => Some("part of a frame"),
                };
                doubts.extend(fault.map(str::to_owned));
            }
            _ => {}
        }
    }
    doubts
}

/// Looks at the first head, however it is broken; a field is told by its name.
fn doubts_of_request(octets: &[u8]) -> BTreeSet<String> {
    let mut doubts = BTreeSet::new();
    let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
    let mut names = Vec::new();
    let mut doubt = |what: &str| _ = doubts.insert(what.to_owned());
    let first = lines.next().unwrap_or_default();
    let line = ended(first, &mut doubt);
    let words: Vec<&[u8]> = line.split(|octet| *octet == b' ').collect();
    let version = words.last().copied().unwrap_or_default();
    if words.len() != 3
        || words.iter().any(|word| word.is_empty() || !word.iter().all(u8::is_ascii_graphic))
    {
        doubt("the request line");
    }
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        doubt("the version");
    }
    let mut ends = false;
    for whole in lines {
        let line = ended(whole, &mut doubt);
        if line.is_empty() {
            ends = true;
            break;
        }
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            doubt("a line without a colon");
            continue;
        };
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            doubt("a field name");
        }
        let value = line[colon + 1..].trim_ascii();
        if !value.iter().all(|octet| matches!(octet, b'\t' | b' '..=b'~')) {
            doubt(&format!("the value of {name}"));
        }
        let sound = match &name[..] {
            "content-length" => !value.is_empty() && value.iter().all(u8::is_ascii_digit),
            "transfer-encoding" => value == b"chunked",
            "host" => !value.is_empty(),
            _ => true,
        };
        if !sound {
            doubt(&format!("the value of {name}"));
        }
        names.push(name);
    }
    let count = |name: &str| names.iter().filter(|n| *n == name).count();
    if !ends {
        doubt("no end of the head");
    }
    if count("host") == 0 && version != b"HTTP/1.0" {
        doubt("no host");
    }
    if count("host") > 1 {
        doubt("several hosts");
    }
    if count("content-length") + count("transfer-encoding") > 1 {
        doubt("several framings");
    }
    doubts
}

fn ended<'a>(line: &'a [u8], doubt: &mut impl FnMut(&str)) -> &'a [u8] {
    let without = line.strip_suffix(b"\n").unwrap_or(line);
    without.strip_suffix(b"\r").unwrap_or_else(|| {
        doubt("the end of a line");
        without
    })
}

/// Steps as a trace, with what came now in place of what came then.
fn written(steps: &[Step], mut came: Vec<String>) -> String {
    let mut out = String::new();
    let mut line = |line: &str| {
        out.push_str("c1 ");
        out.push_str(line);
        out.push('\n');
    };
    let receipts = steps.iter().filter(|step| matches!(step, Step::Receive(..))).count();
    let mut receipt = 0;
    for step in steps {
        match step {
            Step::Connect(_) => line("~ connect"),
            Step::Send(_, octets) => octets
                .split_inclusive(|octet| *octet == b'\n')
                .for_each(|piece| line(&format!("> {}", text::escaped(piece)))),
            Step::Frame(_, octets) => match Frame::parse(octets) {
                Parsed::Frame(frame, _) => {
                    line(&format!("> {frame} | {}", text::hex(octets, usize::MAX)));
                }
                Parsed::Partial => {
                    line(&format!("> part of a frame | {}", text::hex(octets, usize::MAX)));
                }
            },
            Step::Finish(_) => line("> end"),
            Step::Cut(_) => line("> end without close_notify"),
            Step::Reset(_) => line("~ we reset the connection"),
            Step::Receive(_, then) => {
                receipt += 1;
                let count =
                    if receipt == receipts { came.len() } else { then.len().min(came.len()) };
                came.drain(..count).for_each(|received| line(&format!("< {received}")));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::recorded;
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_kind_and_place() {
        let kinds =
            |octets: &str| doubts_of_request(octets.as_bytes()).into_iter().collect::<Vec<_>>();
        assert_eq!(kinds("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"), [""; 0]);
        assert_eq!(kinds("GET / HTTP/1.1\r\n\r\n"), ["no host"]);
        assert_eq!(kinds("GET / HTTP/1.0\r\n\r\n"), [""; 0]);
        assert_eq!(
            kinds("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n"),
            ["the value of content-length"]
        );
        assert_eq!(
            kinds("GET  / HTTP/1.1\r\nHost: h\r\n"),
            ["no end of the head", "the request line"]
        );
    }

    #[test]
    fn behaviour_is_status_frame_and_end() {
        let of = |line: &str| behaviour(line).unwrap_or_default();
        assert_eq!(of("HTTP/1.1 400 Bad Request\\r\\n"), "400");
        assert_eq!(of("close fin 2 1002 \"\" | 88 02 03 ea"), "close 1002");
        assert_eq!(of("text fin 200 \"*\" × 200 | 81 7e 00 c8 … +180"), "text");
        assert_eq!(of("reset"), "end");
        assert_eq!(of("Content-Length: 0\\r\\n"), "");
    }

    #[test]
    fn what_is_left_can_be_read_again() {
        let trace = "c1 ~ connect\nc1 > GET / HTTP/1.1\\r\\n\nc1 > X: \\xff\\\"\\r\\n\nc1 < HTTP/1.1 400 \\r\\n\nc1 < end\n";
        let script = Script::parse(trace).unwrap();
        let parts = parts(&script.steps, Round::Octets);
        assert_eq!(join(&parts), script.steps);
        assert_eq!(written(&script.steps, recorded(&script.steps, 1)), trace);
    }
}
