//! A recorded trace, sent again: does the subject still answer like that, and which octets does that take?

mod script;
mod shrink;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use crate::audit::Audit;
use crate::context::Context;
use crate::error::Error;
use crate::profile::Profile;
use crate::subject::{self, Endpoint, Subject};
use crate::verdict::Verdict;
use crate::wire::{Connection, Read, Recorder, Source};
use script::{Script, Step};

pub use shrink::{Shrunk, shrink};

/// A trace as it was recorded beside the one of today.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replayed {
    /// The case's id, where the trace says it.
    pub case: Option<String>,
    /// Connection by connection.
    pub lines: Vec<Line>,
}

/// A line of both traces, or of one of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// As it was recorded.
    Alike(String),
    /// Recorded, and not seen today.
    Missing(String),
    /// Not recorded, and seen today.
    Surplus(String),
}

impl Replayed {
    /// Whether the subject answers otherwise.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.lines.iter().any(|line| !matches!(line, Line::Alike(_)))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alike(line) => write!(f, "  {line}"),
            Self::Missing(line) => write!(f, "- {line}"),
            Self::Surplus(line) => write!(f, "+ {line}"),
        }
    }
}

/// Sends what `trace` holds to the subject that `profile` describes, in the same order, and compares what
/// comes with what came then.
///
/// # Errors
///
/// [`Error::Usage`] for a trace that cannot be sent again, [`Error::Subject`] for a subject that does not
/// start, or takes no connection.
pub async fn replay(profile: &Profile, trace: &str) -> Result<Replayed, Error> {
    let script = Script::parse(trace)?;
    let player = Player::start(profile, &script).await?;
    let steps: Vec<Step> = script.steps.iter().map(|step| player.filled_in(step)).collect();
    let today = player.play(&steps).await;
    player.subject.stop().await;
    let mut lines = Vec::new();
    for (connection, now) in today.map_err(|verdict| refused(&verdict))? {
        let before = recorded(&script.steps, connection);
        lines.extend(compare(&before, &now).into_iter().map(|line| line.on(connection)));
    }
    Ok(Replayed { case: script.case, lines })
}

impl Line {
    fn on(self, connection: usize) -> Self {
        let named = |line| format!("c{connection} < {line}");
        match self {
            Self::Alike(line) => Self::Alike(named(line)),
            Self::Missing(line) => Self::Missing(named(line)),
            Self::Surplus(line) => Self::Surplus(named(line)),
        }
    }
}

fn refused(verdict: &Verdict) -> Error {
    Error::Subject(format!("the subject takes no connection: {}", verdict.got))
}

/// What came on a connection then.
fn recorded(steps: &[Step], connection: usize) -> Vec<String> {
    let lines = |step: &Step| match step {
        Step::Receive(on, lines) if *on == connection => lines.clone(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(lines).collect()
}

/// Sends steps to a subject.
struct Player {
    subject: Subject,
    cx: Context,
    endpoint: Endpoint,
}

/// One connection of a replay.
struct Channel {
    connection: Connection,
    trace: Recorder,
    /// Lines that should have come by now.
    due: usize,
}

/// What came, by connection.
type Came = BTreeMap<usize, Vec<String>>;

impl Player {
    /// Builds and starts the subject.
    async fn start(profile: &Profile, script: &Script) -> Result<Self, Error> {
        if script.case.as_deref().is_some_and(|case| case.starts_with("tls/")) {
            let why =
                "a handshake holds random numbers, and cannot be sent again: run the case itself";
            return Err(Error::Usage(why.into()));
        }
        profile.check()?;
        subject::build(profile).await?;
        let subject = Subject::start(profile).await?;
        let shared = subject.shared(profile, &Audit::default());
        let target = &shared.target;
        let endpoint = match (script.over_tls, script.is_websocket) {
            (true, false) => target.tls.as_ref().or(target.http.as_ref()),
            (_, true) => target.ws.as_ref().or(target.http.as_ref()),
            (false, false) => target.http.as_ref().or(target.ws.as_ref()),
        };
        let endpoint = endpoint.expect("a target has an endpoint").clone();
        Ok(Self { subject, cx: Context::new(Rc::new(shared), "replay"), endpoint })
    }

    /// Gives back what came on each connection.
    ///
    /// # Errors
    ///
    /// The verdict where a connection is refused.
    async fn play(&self, steps: &[Step]) -> Result<Came, Verdict> {
        let mut open: BTreeMap<usize, Channel> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Connect(number) => {
                    let cx = self.cx.untraced();
                    let connection = cx.connect_to(&self.endpoint, Source::Case).await?;
                    let channel = Channel { connection, trace: cx.trace().clone(), due: 0 };
                    _ = open.insert(*number, channel);
                }
                Step::Send(number, octets) | Step::Frame(number, octets) => {
                    let Some(channel) = open.get_mut(number) else { continue };
                    channel.connection.send(octets, self.cx.answer_by()).await;
                }
                Step::Finish(number) => {
                    open.get_mut(number).into_iter().for_each(|c| c.connection.finish());
                }
                Step::Cut(number) => {
                    open.get_mut(number).into_iter().for_each(|c| c.connection.cut());
                }
                // What came before it is told; what comes after it, nobody hears.
                Step::Reset(_) => {}
                Step::Receive(number, lines) => {
                    let Some(channel) = open.get_mut(number) else { continue };
                    channel.due += lines.len();
                    let before = recorded(&steps[..=at], *number);
                    self.await_lines(channel, &before).await;
                    if lines.iter().any(|line| line.starts_with("HTTP/1.1 101")) {
                        channel.connection.upgraded();
                    }
                }
            }
        }
        let mut came = Came::new();
        for (number, mut channel) in open {
            // Whatever else there is: an answer too many, an end.
            while channel.connection.read(Instant::now() + self.cx.timing().quiet).await
                == Read::Data
            {}
            came.insert(number, self.lines(&channel));
        }
        Ok(came)
    }

    /// Waits until that came which came then, or as much of something else, or nothing more.
    async fn await_lines(&self, channel: &mut Channel, before: &[String]) {
        let deadline = self.cx.answer_by();
        loop {
            let now = self.lines(channel);
            if now == before {
                return;
            }
            let enough = now.len() >= channel.due;
            let quiet = Instant::now() + self.cx.timing().quiet;
            let until = if enough { quiet.min(deadline) } else { deadline };
            if channel.connection.read(until).await != Read::Data {
                return;
            }
        }
    }

    fn lines(&self, channel: &Channel) -> Vec<String> {
        let rendered = channel.trace.render(&self.endpoint.authority);
        let received = |line: String| line.strip_prefix("c1 < ").map(str::to_owned);
        rendered.lines.into_iter().filter_map(received).collect()
    }

    /// The step with the subject's authority where the trace has a word for it.
    fn filled_in(&self, step: &Step) -> Step {
        match step {
            Step::Send(on, octets) => Step::Send(*on, self.filled(octets)),
            other => other.clone(),
        }
    }

    fn filled(&self, octets: &[u8]) -> Vec<u8> {
        const PLACE: &[u8] = b"{authority}";
        let mut out = Vec::with_capacity(octets.len());
        let mut rest = octets;
        while let Some(at) = rest.windows(PLACE.len()).position(|w| w == PLACE) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(self.endpoint.authority.as_bytes());
            rest = &rest[at + PLACE.len()..];
        }
        out.extend_from_slice(rest);
        out
    }
}

/// The lines of both, in order: as many alike as can be.
fn compare(before: &[String], now: &[String]) -> Vec<Line> {
    // From the ends: how many lines are alike behind each pair of places. A trace is bounded, and so is this.
    let (rows, columns) = (before.len() + 1, now.len() + 1);
    let mut alike = vec![0_u16; rows * columns];
    for i in (0..before.len()).rev() {
        for j in (0..now.len()).rev() {
            alike[i * columns + j] = if before[i] == now[j] {
                alike[(i + 1) * columns + j + 1] + 1
            } else {
                alike[(i + 1) * columns + j].max(alike[i * columns + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < before.len() || j < now.len() {
        if i < before.len() && j < now.len() && before[i] == now[j] {
            lines.push(Line::Alike(now[j].clone()));
            (i, j) = (i + 1, j + 1);
        } else if i < before.len()
            && (j == now.len() || alike[(i + 1) * columns + j] >= alike[i * columns + j + 1])
        {
            lines.push(Line::Missing(before[i].clone()));
            i += 1;
        } else {
            lines.push(Line::Surplus(now[j].clone()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_in_order() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let found = |before: &str, now: &str| -> String {
            compare(&lines(before), &lines(now))
                .iter()
                .map(|line| format!("{line}").replace(' ', ""))
                .collect()
        };
        assert_eq!(found("abc", "abc"), "abc");
        assert_eq!(found("abc", "axc"), "a-b+xc");
        assert_eq!(found("abc", "bcd"), "-abc+d");
        assert_eq!(found("", "a"), "+a");
    }
}
