//! A row as it is explained: the frames that go out, and what may come back.

use super::frame::Frame;
use super::row::{Close, Row, Step, Write};
use super::sequences::describe;
use crate::context::random;
use crate::explain::Exchange;
use crate::wire::Recorder;

impl Row {
    /// What is sent behind the opening handshake of the case with this id, with the keys that it will draw.
    pub(crate) fn script(&self, id: &str) -> Vec<Exchange> {
        let trace = Recorder::default();
        let connection = trace.connection();
        trace.upgraded(connection);
        match self.write {
            Write::Together => {}
            Write::Frames => trace.note(connection, "each frame in a segment of its own"),
            Write::Chop(size) => trace.note(connection, &format!("in segments of {size} octets")),
        }
        let mut random = random(id);
        for step in &self.send {
            match step {
                Step::Frame(row) => {
                    let frame = row.frame(random.u32(..).to_be_bytes());
                    let octets = frame.as_ref().map(Frame::octets).unwrap_or_default();
                    trace.sent(connection, &octets);
                }
                Step::Until { until } => {
                    trace.note(connection, &format!("until event {until} has come"));
                }
            }
        }
        vec![Exchange { sends: trace.script(), accepts: self.accepts() }]
    }

    fn accepts(&self) -> String {
        let codes: Vec<String> = self.codes().iter().map(u16::to_string).collect();
        let codes = codes.join(" or ");
        let before = match self.sequences() {
            Ok(sequences) if !sequences.sequences[0].is_empty() => {
                format!("{}; then ", describe(&sequences.sequences[0]))
            }
            _ => String::new(),
        };
        let end = match self.close {
            Close::Ours => {
                format!("our Close is answered by one with {codes}, and the connection ends")
            }
            Close::Sent => format!("Close {codes}, and the connection ends"),
            Close::Broken => format!("Close {codes}, or just the end of the connection"),
            Close::Theirs => format!("the subject closes with {codes}"),
        };
        match self.tolerated() {
            Ok(tolerated) if !tolerated.is_empty() => {
                format!("{before}{end}. With a warning: {}", describe(&tolerated))
            }
            _ => before + &end,
        }
    }
}
