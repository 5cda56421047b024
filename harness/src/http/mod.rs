//! HTTP/1.1 as the harness speaks it: literal requests, strict reading of answers.
//!
//! Nothing here is shared with a server of ours, so that a fault of ours cannot hide.

pub(crate) mod conditional;
pub(crate) mod exchange;
pub(crate) mod judge;
mod response;
pub(crate) mod row;
mod script;
pub(crate) mod template;

pub(crate) use response::{Response, is_token_octet};
