//! What a proxy can do wrong.

/// The peer sent no header of the PROXY protocol, or a broken one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It begins like neither version: whoever sent it is no proxy.
    #[error("no header of the PROXY protocol (§2)")]
    Signature,
    /// A version or a command that nobody knows.
    #[error("unknown version or command (PROXY protocol §2.2)")]
    Command,
    /// A kind of address that nobody knows.
    #[error("unknown kind of address (PROXY protocol §2.1, §2.2)")]
    Family,
    /// Addresses or ports that are none.
    #[error("malformed address (PROXY protocol §2.1, §2.2)")]
    Address,
    /// More than [`MAX_LEN`](super::MAX_LEN) octets, or a line of more than 107.
    #[error("header over the size limit (PROXY protocol §2.1, §2.2)")]
    TooLong,
}
