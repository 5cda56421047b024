//! Requests as the catalogue writes them: text with placeholders, one octet a character.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `{host}` | the subject's `host:port` |
//! | `{scheme}` | `http`, over TLS `https` |
//! | `{length}` | how many octets follow the first empty line behind it |
//! | `{hello}`, `{ws.echo}`, … | the path of that route |
//! | `{key}` | a Sec-WebSocket-Key, the same in every run |
//! | `{3*ab}` | `ababab` |
//! | `{end}` | nothing: behind all that is sent, we close our direction |
//!
//! Any other brace stands for itself.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::context::Context;
use crate::route::Route;
use crate::wire::text;

/// Octets that one template may grow to: what the largest cases send.
const MAX_LEN: usize = 4 << 20;

/// A request with placeholders.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    /// Whether our direction is closed behind it.
    pub(crate) ends: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Octets(Vec<u8>),
    Host,
    Scheme,
    Length,
    Key,
    Path(Route),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// A character above U+00FF, or a repetition beyond 4 MiB.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut octets = String::new();
        let (source, ends) =
            source.strip_suffix("{end}").map_or((source, false), |source| (source, true));
        let mut rest = source;
        while let Some(open) = rest.find('{') {
            octets.push_str(&rest[..open]);
            rest = &rest[open..];
            let close = rest.find('}');
            let word = close.map_or("", |close| &rest[1..close]);
            let piece = match word {
                "host" => Some(Piece::Host),
                "scheme" => Some(Piece::Scheme),
                "length" => Some(Piece::Length),
                "key" => Some(Piece::Key),
                _ => Route::from_name(word).map(Piece::Path),
            };
            if let Some(piece) = piece {
                pieces.push(Piece::Octets(literal(&octets)?));
                octets.clear();
                pieces.push(piece);
            } else if let Some(repeated) = repetition(word) {
                octets.push_str(&repeated?);
            } else {
                octets.push('{');
                rest = &rest[1..];
                continue;
            }
            rest = &rest[word.len() + 2..];
        }
        octets.push_str(rest);
        pieces.push(Piece::Octets(literal(&octets)?));
        Ok(Self { pieces, ends })
    }

    /// The routes whose paths it names, in order.
    pub(crate) fn routes(&self) -> impl Iterator<Item = Route> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Path(route) => Some(*route),
            Piece::Octets(_) | Piece::Host | Piece::Scheme | Piece::Length | Piece::Key => None,
        })
    }

    /// The text up to the first space: the method, where the request has one.
    pub(crate) fn first_word(&self) -> &str {
        let Some(Piece::Octets(octets)) = self.pieces.first() else { return "" };
        let word = octets.split(|&b| b == b' ').next().unwrap_or_default();
        str::from_utf8(word).unwrap_or("").trim_start()
    }

    /// The octets to send to the subject, by way of `route`'s endpoint.
    pub(crate) fn fill(&self, cx: &Context, route: Route) -> Vec<u8> {
        let endpoint = cx.endpoint(route);
        // From behind, since a length depends on what follows it.
        let mut out = Vec::new();
        for piece in self.pieces.iter().rev() {
            let octets = match piece {
                Piece::Octets(octets) => octets.clone(),
                Piece::Host => endpoint.authority.clone().into_bytes(),
                Piece::Scheme => if endpoint.tls.is_some() { "https" } else { "http" }.into(),
                Piece::Length => content_len(&out).to_string().into_bytes(),
                Piece::Key => handshake_key(cx).into_bytes(),
                Piece::Path(route) => cx.path(*route).into(),
            };
            out.splice(..0, octets);
        }
        out
    }
}

/// How many octets follow the first empty line.
fn content_len(octets: &[u8]) -> usize {
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or(0, |end| octets.len() - end - 4)
}

impl Template {
    /// The octets with the names of what is to be filled in: `{authority}`, `{echo}`.
    pub(crate) fn unfilled(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Octets(octets) => out.extend_from_slice(octets),
                Piece::Host => out.extend_from_slice(b"{authority}"),
                Piece::Scheme => out.extend_from_slice(b"{scheme}"),
                Piece::Length => out.extend_from_slice(b"{length}"),
                Piece::Key => out.extend_from_slice(b"{key}"),
                Piece::Path(route) => out.extend_from_slice(format!("{{{route}}}").as_bytes()),
            }
        }
        out
    }
}

/// A Sec-WebSocket-Key drawn from the case's id: sixteen octets in base64 (RFC 6455 §4.1).
pub(crate) fn handshake_key(cx: &Context) -> String {
    let mut nonce = [0; 16];
    cx.random().fill(&mut nonce);
    BASE64_STANDARD.encode(nonce)
}

fn literal(octets: &str) -> Result<Vec<u8>, String> {
    text::octets(octets).map_err(|c| format!("{c:?} stands for no octet: use U+0000 to U+00FF"))
}

/// `3*ab` repeated; `None` if the word is no repetition.
fn repetition(word: &str) -> Option<Result<String, String>> {
    let (count, unit) = word.split_once('*')?;
    let count: usize = count.parse().ok()?;
    Some(if count.saturating_mul(unit.len()) > MAX_LEN {
        Err(format!("a repetition of more than {MAX_LEN} octets"))
    } else {
        Ok(unit.repeat(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(source: &str) -> Vec<Piece> {
        let mut pieces = Template::parse(source).unwrap().pieces;
        pieces.retain(|piece| *piece != Piece::Octets(Vec::new()));
        pieces
    }

    #[test]
    fn placeholders_are_found_and_other_braces_kept() {
        assert_eq!(
            pieces("GET {hello}{x}?{ HTTP\r\nHost: {host}"),
            [
                Piece::Octets(b"GET ".to_vec()),
                Piece::Path(Route::Hello),
                Piece::Octets(b"{x}?{ HTTP\r\nHost: ".to_vec()),
                Piece::Host,
            ]
        );
        assert_eq!(
            Template::parse("{ws.echo}").unwrap().routes().collect::<Vec<_>>(),
            [Route::WsEcho]
        );
    }

    #[test]
    fn a_length_counts_what_follows_the_head() {
        assert_eq!(content_len(b": 5\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 18);
        assert_eq!(content_len(b"no head ends here"), 0);
    }

    #[test]
    fn repetitions_are_written_out_within_bounds() {
        assert_eq!(
            pieces("a{3*X: y\r\n}b"),
            [Piece::Octets(b"aX: y\r\nX: y\r\nX: y\r\nb".to_vec())]
        );
        assert!(Template::parse("{9999999999*x}").is_err());
        assert!(Template::parse("{hello}→").is_err());
    }
}
