//! WebSocket as the harness speaks it: literal frames, and an eye on every answer.
//!
//! Nothing here is shared with a server of ours, so that a fault of ours cannot hide.

pub(crate) mod client;
pub(crate) mod deflate;
mod dialogue;
pub(crate) mod frame;
pub(crate) mod judge;
pub(crate) mod row;
mod script;
mod sequences;
