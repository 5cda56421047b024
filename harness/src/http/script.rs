//! A row as it is explained: what goes out, and what may come back.

use super::row::{Expected, Row, Then, Variant};
use crate::explain::Exchange;
use crate::wire::Recorder;

impl Row {
    /// An exchange for each variant.
    pub(crate) fn script(&self) -> Vec<Exchange> {
        let exchange = |variant: &Variant| {
            let trace = Recorder::default();
            let connection = trace.connection();
            let template = &variant.text().template;
            trace.sent(connection, &template.unfilled());
            if template.ends {
                trace.finished(connection);
            }
            let expected = self.expected(variant);
            let answers: Vec<String> = expected.iter().map(Expected::words).collect();
            let mut accepts = match &answers[..] {
                [first, second, rest @ ..]
                    if first == second && rest.iter().all(|a| a == first) =>
                {
                    format!("{} × {first}", answers.len())
                }
                _ => answers.join("; "),
            };
            accepts.push_str(match self.then {
                Then::Either => "",
                Then::Close => "; then the connection is closed",
                Then::Waits => "; and what follows may be taken for its content",
                Then::Open => "; and the connection stays usable",
                Then::Consumed => "; and nothing of it is taken for a request",
            });
            Exchange { sends: trace.script(), accepts }
        };
        self.send.iter().map(exchange).collect()
    }
}
