//! What this endpoint wants of permessage-deflate.

/// Preferences and limits for compression.
///
/// # Examples
///
/// For many idle clients, keep no window between messages:
///
/// ```
/// use seawall_codec::ws::deflate::Options;
///
/// let frugal = Options {
///     server_no_context_takeover: true,
///     client_no_context_takeover: true,
///     ..Options::default()
/// };
/// assert_eq!(frugal.level, 1);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// How hard to compress, from 1 (fast, the default) to 9 (small). Values beyond
    /// are taken as the nearest.
    pub level: u8,
    /// Messages shorter than this, in bytes, are sent as they are. Default 256: below,
    /// little is won. An empty message is never compressed.
    pub min_len: usize,
    /// Whether the server forgets each message it sent: less memory between messages,
    /// less compression. Default `false`; a client may ask for it, too.
    pub server_no_context_takeover: bool,
    /// Whether the client is told to forget each message it sent. Default `false`.
    pub client_no_context_takeover: bool,
    /// The largest window of the server, as a power of two from 9 to 15. Default 15,
    /// 32 KiB. Values beyond are taken as the nearest.
    pub server_max_window_bits: u8,
    /// The largest window of the client, where the client lets the server choose;
    /// as above. Default 15.
    pub client_max_window_bits: u8,
    /// How many times longer than its compressed form a message may be, once it is
    /// longer than [`ratio_from`](Self::ratio_from). Default 25. Text and JSON stay
    /// below it; long runs of one byte do not, nor do attacks.
    pub max_ratio: u32,
    /// Up to this many bytes any ratio is allowed. Default 64 KiB.
    pub ratio_from: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 1,
            min_len: 256,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
            max_ratio: 25,
            ratio_from: 64 << 10,
        }
    }
}

/// The largest window of DEFLATE: 32 KiB.
pub(super) const MAX_WINDOW_BITS: u8 = 15;

/// The smallest window that we can compress with: zlib knows none of 256 bytes.
pub(super) const MIN_WINDOW_BITS: u8 = 9;
