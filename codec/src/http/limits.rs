//! How much of a message a peer may make us read before its content.

/// Bounds on a head and on what surrounds the content, all in bytes save
/// [`max_fields`](Self::max_fields). Checked at the first byte beyond, so that a
/// line without an end costs no more than its limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The request line with its CRLF. Default 8 KiB, as RFC 9112 §3 asks for at least 8000.
    pub max_request_line: usize,
    /// One field line with its CRLF. Default 8 KiB.
    pub max_field_line: usize,
    /// The head: request line, field lines, empty line. Default 16 KiB; at most 4 GiB − 1.
    pub max_head: usize,
    /// How many fields a head or a trailer section has. Default 128.
    pub max_fields: usize,
    /// The extensions of one chunk. Default 256.
    pub max_chunk_ext: usize,
    /// The trailer section with its empty line. Default 4 KiB.
    pub max_trailers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_line: 8 << 10,
            max_field_line: 8 << 10,
            max_head: 16 << 10,
            max_fields: 128,
            max_chunk_ext: 256,
            max_trailers: 4 << 10,
        }
    }
}
