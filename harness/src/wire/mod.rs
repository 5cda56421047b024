//! Octets on their way: connections with deadlines, traces, and octets as text.

mod connection;
pub(crate) mod text;
pub(crate) mod tls;
mod trace;

pub(crate) use connection::{Connection, Read, Source, within};
#[cfg(test)]
pub(crate) use trace::Event;
pub(crate) use trace::{Recorder, Rendered};
