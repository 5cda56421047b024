//! How much a peer may make us store, and which end is which.

/// Which end of the connection an endpoint is. A client masks what it sends, a
/// server does not (§5.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The end that asked for the connection.
    Client,
    /// The end that accepted it.
    Server,
}

/// How much a peer may make this endpoint store. Checked before storing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Longest payload of one frame, in bytes. Default 16 MiB.
    pub max_frame_len: usize,
    /// Longest message, in bytes, however many frames it comes in. Default 16 MiB.
    pub max_message_len: usize,
    /// Most frames in one message. Default 131 072; a message of 4 MiB in frames
    /// of 64 bytes has half as many. Without it, empty frames cost time for good.
    pub max_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame_len: 16 << 20, max_message_len: 16 << 20, max_fragments: 131_072 }
    }
}
