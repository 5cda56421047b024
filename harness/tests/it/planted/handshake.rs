//! The opening handshake (RFC 6455 §4.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::deflate::{self, Agreed};
use super::fault::{Fault, Faults};
use super::head::Head;
use super::response::Response;

/// Answers a request for a WebSocket: 101 and what it agrees to, or the response that refuses it.
pub(super) fn answer(
    head: &Head,
    has_content: bool,
    faults: &Faults,
) -> Result<(Response, Option<Agreed>), Response> {
    match &*head.method {
        "GET" => {}
        _ if faults.has(Fault::HandshakePost) => {}
        "HEAD" => return Err(upgrade_required()),
        "OPTIONS" => return Err(Response::of(204).with("Allow", "GET, HEAD, OPTIONS")),
        _ => return Err(Response::of(405).with("Allow", "GET, HEAD, OPTIONS")),
    }
    if !wants_websocket(head, faults) {
        return Err(upgrade_required());
    }
    if has_content {
        return Err(Response::of(400));
    }
    let versions: Vec<_> = head.values("Sec-WebSocket-Version").collect();
    match versions[..] {
        [b"13"] => {}
        _ if faults.has(Fault::HandshakeAnyVersion) => {}
        [] | [_] => return Err(upgrade_required()),
        _ => return Err(Response::of(400).with("Sec-WebSocket-Version", "13")),
    }
    let key = key(head, faults).ok_or_else(|| Response::of(400))?;
    let agreed = deflate::negotiate(head, faults);
    Ok((switching(head, &key, agreed, faults), agreed))
}

/// `Connection: upgrade` and `Upgrade: websocket`, each as a member of a list, in any case; HTTP/1.0 cannot
/// upgrade (RFC 9110 §7.8).
fn wants_websocket(head: &Head, faults: &Faults) -> bool {
    let names = |name: &str, member: &str, lenient| {
        let exact = head.members(name).any(|other| other == member.to_lowercase().as_bytes());
        let whole = head.values(name).any(|value| value.eq_ignore_ascii_case(member.as_bytes()));
        faults.has(lenient)
            || head.lists(name, member)
                && (exact || !faults.has(Fault::HandshakeCaseMatters))
                && (whole || !faults.has(Fault::HandshakeListRefused))
    };
    names("Connection", "Upgrade", Fault::UpgradeWithoutConnection)
        && names("Upgrade", "websocket", Fault::HandshakeWithoutUpgrade)
        && (head.minor > 0 || faults.has(Fault::UpgradeFromHttp10))
}

/// The one key: sixteen octets in base64.
fn key(head: &Head, faults: &Faults) -> Option<Vec<u8>> {
    let keys: Vec<_> = head.values("Sec-WebSocket-Key").collect();
    match keys[..] {
        [key] if STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) => Some(key.to_vec()),
        _ if faults.has(Fault::HandshakeAnyKey) => {
            Some(keys.first().map_or(Vec::new(), |key| key.to_vec()))
        }
        _ => None,
    }
}

fn switching(head: &Head, key: &[u8], agreed: Option<Agreed>, faults: &Faults) -> Response {
    let mut hash = Sha1::new_with_prefix(key);
    if !faults.has(Fault::WrongAcceptKey) {
        hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    }
    let mut response = Response::of(101)
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Accept", STANDARD.encode(hash.finalize()));
    response.fields.retain(|(name, _)| *name != "Content-Type");
    if faults.has(Fault::SubprotocolInvented)
        && head.members("Sec-WebSocket-Protocol").next().is_some()
    {
        response = response.with("Sec-WebSocket-Protocol", "invented");
    }
    if faults.has(Fault::ExtensionInvented) {
        let offer = head.members("Sec-WebSocket-Extensions").next();
        let offer = offer.map_or("permessage-deflate".into(), String::from_utf8_lossy);
        response = response.with("Sec-WebSocket-Extensions", offer);
    } else if let Some(agreed) = agreed {
        response = response.with("Sec-WebSocket-Extensions", agreed.answer(faults));
    }
    if faults.has(Fault::SwitchWithLength) {
        response = response.with("Content-Length", "0");
    }
    response
}

fn upgrade_required() -> Response {
    Response::of(426)
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Version", "13")
}
