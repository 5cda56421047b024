//! A trace read back: what was sent, in octets, and what came, in lines.

use crate::error::Error;
use crate::wire::text;

/// What a trace tells of one run of a case.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Script {
    /// The case's id, where the trace says it.
    pub(super) case: Option<String>,
    pub(super) steps: Vec<Step>,
    /// Some connection shook hands before it said anything.
    pub(super) over_tls: bool,
    /// It was, or became, a WebSocket.
    pub(super) is_websocket: bool,
}

/// One thing after the other, each on the connection with this number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Connect(usize),
    /// Octets, `{authority}` not yet filled in.
    Send(usize, Vec<u8>),
    /// A frame as it was sent.
    Frame(usize, Vec<u8>),
    Finish(usize),
    Cut(usize),
    Reset(usize),
    /// Lines that came.
    Receive(usize, Vec<String>),
}

impl Script {
    /// Reads a trace, as `harness run --traces` writes it or a report holds it.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the line that says too little, or nothing.
    pub(super) fn parse(trace: &str) -> Result<Self, Error> {
        let mut script = Self::default();
        let mut switched = Vec::new();
        for (at, line) in trace.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if let Some(heading) = line.strip_prefix("# ") {
                script.case = heading.split_whitespace().next().map(str::to_owned);
                continue;
            }
            let wrong =
                |why: &str| Error::Usage(format!("line {} of the trace: {why}: {line}", at + 1));
            let (connection, sign, rest) = words(line)
                .ok_or_else(|| wrong(if line.starts_with('…') { ELIDED } else { "no event" }))?;
            let frames = switched.contains(&connection);
            match sign {
                "~" => script.note(connection, rest),
                "<" => {
                    if rest.starts_with("HTTP/1.1 101") {
                        switched.push(connection);
                    }
                    script.is_websocket |= frames;
                    script.received(connection, rest);
                }
                ">" if rest == "end" => script.steps.push(Step::Finish(connection)),
                ">" if rest == "end without close_notify" => {
                    script.steps.push(Step::Cut(connection));
                }
                ">" => {
                    let frame = if frames { frame(rest).map_err(wrong)? } else { None };
                    match frame {
                        Some((frame, times)) => {
                            script.is_websocket = true;
                            let step = Step::Frame(connection, frame);
                            script.steps.extend(std::iter::repeat_n(step, times));
                        }
                        None => script.sent(connection, &octets(rest).map_err(wrong)?),
                    }
                }
                _ => return Err(wrong("no event")),
            }
        }
        script.is_websocket |= script.case.as_deref().is_some_and(|case| case.starts_with("ws/"));
        if !script.steps.iter().any(|step| matches!(step, Step::Connect(_))) {
            return Err(Error::Usage("no trace: nobody connects in it".into()));
        }
        Ok(script)
    }

    fn note(&mut self, connection: usize, text: &str) {
        match text {
            "connect" => self.steps.push(Step::Connect(connection)),
            "we reset the connection" => self.steps.push(Step::Reset(connection)),
            _ => self.over_tls |= text.starts_with("TLS "),
        }
    }

    fn received(&mut self, connection: usize, line: &str) {
        match self.steps.last_mut() {
            Some(Step::Receive(last, lines)) if *last == connection => lines.push(line.into()),
            _ => self.steps.push(Step::Receive(connection, vec![line.into()])),
        }
    }

    fn sent(&mut self, connection: usize, octets: &[u8]) {
        match self.steps.last_mut() {
            Some(Step::Send(last, sent)) if *last == connection => sent.extend_from_slice(octets),
            _ => self.steps.push(Step::Send(connection, octets.to_vec())),
        }
    }
}

/// Why a trace cannot be sent again.
const ELIDED: &str = "what was sent is not shown in full, so run the case itself";

/// `c1 > …`: the connection, the sign, the rest.
fn words(line: &str) -> Option<(usize, &str, &str)> {
    let (connection, rest) = line.split_once(' ')?;
    let (sign, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((connection.strip_prefix('c')?.parse().ok()?, sign, rest))
}

/// The number behind a last ` × `, and what stands before it.
fn repeated(text: &str) -> (&str, usize) {
    let found = text.rsplit_once(" × ").and_then(|(text, times)| Some((text, times.parse().ok()?)));
    found.unwrap_or((text, 1))
}

/// The octets of a line of text, as often as it was sent.
fn octets(line: &str) -> Result<Vec<u8>, &'static str> {
    if line.starts_with("… ") {
        return Err(ELIDED);
    }
    // Within quotation marks stands what was too long to be shown as it was.
    if line.starts_with('"') {
        let (first, times) = repeated(line);
        return match payload(first) {
            Ok(octets) => Ok(octets.repeat(times)),
            Err(_) => payload(line),
        };
    }
    let (line, times) = repeated(line);
    Ok(text::unescaped(line).ok_or("no octets")?.repeat(times))
}

/// `"abc"`, or `"a" × 100`.
fn payload(text: &str) -> Result<Vec<u8>, &'static str> {
    let (quoted, times) = repeated(text);
    let inner =
        quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).ok_or(ELIDED)?;
    Ok(text::unescaped(inner).filter(|_| !inner.contains("\" … ")).ok_or(ELIDED)?.repeat(times))
}

/// The octets of a line that shows a frame, and how often it was sent; `None` if it shows none.
fn frame(line: &str) -> Result<Option<(Vec<u8>, usize)>, &'static str> {
    let Some((words, hex)) = line.rsplit_once(" | ") else { return Ok(None) };
    let (hex, times) = repeated(hex);
    let (shown, more) = hex.split_once(" … +").unwrap_or((hex, ""));
    let Some(mut octets) = text::from_hex(shown) else { return Ok(None) };
    if more.is_empty() {
        return Ok(Some((octets, times)));
    }
    // The header is shown, and the key; the payload stands in words: `text fin masked 200 "*" × 200`.
    let second = *octets.get(1).ok_or(ELIDED)?;
    let length_octets = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let (key, start) = match second & 0x80 {
        0 => (None, 2 + length_octets),
        _ => (
            octets.get(2 + length_octets..).and_then(|key| key.first_chunk::<4>().copied()),
            6 + length_octets,
        ),
    };
    let quoted = words.find('"').map(|at| &words[at..]).ok_or(ELIDED)?;
    let payload = payload(quoted)?;
    octets.truncate(start);
    let key = key.unwrap_or_default();
    octets.extend(payload.iter().enumerate().map(|(i, octet)| octet ^ key[i % 4]));
    let all = shown.split_whitespace().count() + more.parse::<usize>().map_err(|_| ELIDED)?;
    // A Close shows its code as a number.
    if octets.len() == all { Ok(Some((octets, times))) } else { Err(ELIDED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Recorder;
    use crate::ws::frame::{Frame, opcode};

    /// What a recorder writes is read back to the last octet.
    #[test]
    fn what_was_sent_is_read_back() {
        let request = b"GET /ws HTTP/1.1\r\nHost: h\r\nX: \"\\\xff\r\nX: \"\\\xff\r\n\r\n";
        let long = [&b"X: "[..], &[b'a'; 300], b"\r\n"].concat();
        let mut frames = Vec::new();
        for (opcode, payload) in [
            (opcode::TEXT, b"Hello".to_vec()),
            (opcode::BINARY, vec![b'*'; 5000]),
            (
                opcode::TEXT,
                b"some words that are longer than what is shown in hexadecimal".to_vec(),
            ),
            (opcode::PING, vec![0xfe; 125]),
            (opcode::CLOSE, vec![3, 0xe8]),
        ] {
            frames.push(Frame::new(opcode, payload, [1, 2, 3, 4]).octets());
        }
        frames.push(frames[0].clone());
        let trace = Recorder::default();
        let c = trace.connection();
        trace.record(c, crate::wire::Event::Connected);
        trace.sent(c, request);
        trace.sent(c, &long);
        trace.sent(c, &[b'b'; 5000]);
        trace.received(c, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        trace.upgraded(c);
        frames.iter().for_each(|frame| trace.sent(c, frame));
        trace.received(c, &[0x88, 0]);
        trace.finished(c);
        let script = Script::parse(&trace.render("h:1").lines.join("\n")).unwrap();
        let mut sent = request.to_vec();
        sent.extend(long);
        sent.extend([b'b'; 5000]);
        let mut steps = vec![
            Step::Connect(1),
            Step::Send(1, sent),
            Step::Receive(
                1,
                ["HTTP/1.1 101 Switching Protocols\\r\\n", "\\r\\n"].map(String::from).into(),
            ),
        ];
        steps.extend(frames.into_iter().map(|frame| Step::Frame(1, frame)));
        steps.extend([Step::Receive(1, vec!["close fin 0 \"\" | 88 00".into()]), Step::Finish(1)]);
        assert_eq!(script.steps, steps);
        assert!(script.is_websocket && !script.over_tls);
    }

    #[test]
    fn what_is_not_shown_in_full_is_refused_with_its_line() {
        let elided: Vec<u8> = (b'a'..=b'z').cycle().take(500).collect();
        let trace = Recorder::default();
        let c = trace.connection();
        trace.record(c, crate::wire::Event::Connected);
        trace.sent(c, &elided);
        for lines in [
            trace.render("h").lines.join("\n"),
            "c1 ~ connect\n… 5 more events".into(),
            "c1 ~ connect\nc1 > … 9 more octets".into(),
            "c1 ~ connect\nnonsense".into(),
        ] {
            let error = Script::parse(&lines).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of the trace"), "{error}");
        }
        assert!(Script::parse("# nothing").is_err());
    }
}
