//! What a finished handshake agreed on.

use rustls::ProtocolVersion;
use rustls::server::ServerConnection;

use crate::Version;

/// What was agreed on, and who the client says it is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// The version that is spoken.
    pub version: Version,
    /// The protocol that was agreed on (ALPN), if the client asked.
    pub alpn: Option<Box<[u8]>>,
    /// The name that the client asked for (SNI), in lower case. It is the client's word: a request
    /// may still name another host.
    pub server_name: Option<Box<str>>,
    /// The client's certificate and those that lead to its authority, DER. Empty if it showed none.
    pub client_chain: Box<[Box<[u8]>]>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
}

impl Info {
    pub(crate) fn of(connection: &ServerConnection) -> Self {
        let chain = connection.peer_certificates().unwrap_or_default();
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
                // No older one is ever offered.
                _ => Version::Tls12,
            },
            alpn: connection.alpn_protocol().map(Into::into),
            server_name: connection.server_name().map(|name| name.to_ascii_lowercase().into()),
            client_chain: chain.iter().map(|certificate| certificate.as_ref().into()).collect(),
            resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }
}
