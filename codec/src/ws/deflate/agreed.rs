//! The negotiation of permessage-deflate. Source: RFC 7692 §5, §7.1.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::options::{MAX_WINDOW_BITS, MIN_WINDOW_BITS, Options};
use crate::ws::handshake::Extension;

/// The name that the extension is negotiated by.
pub(crate) const NAME: &str = "permessage-deflate";

/// What both ends settled on. Displayed as the extension of the response.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Limits, RequestParser};
/// use seawall_codec::ws::deflate::Options;
/// use seawall_codec::ws::handshake::Request;
///
/// let mut parser = RequestParser::new(Limits::default());
/// let read = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n";
/// let head = parser.parse(read)?.expect("complete");
/// let mut request = Request::new(&head)?;
///
/// let agreed = request.negotiate_deflate(&Options::default()).expect("offered");
/// assert_eq!(agreed.to_string(), "permessage-deflate; server_max_window_bits=10");
/// let mut out = Vec::new();
/// request.respond(None, &mut out)?.end();
/// assert!(out.ends_with(
///     b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n"
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreed {
    /// The server forgets each message that it sent.
    pub(super) server_no_context_takeover: bool,
    /// The client forgets each message that it sent.
    pub(super) client_no_context_takeover: bool,
    /// The server's window: 9 to 15.
    pub(super) server_max_window_bits: u8,
    /// The client's window: 9 to 15; a client that promised 8 is served by 9.
    pub(super) client_max_window_bits: u8,
    /// The server's window is named, even where it is the largest.
    names_server_window: bool,
}

/// The parameters of one offer or response, each at most once and with a legal value.
#[derive(Clone, Copy, Debug, Default)]
struct Params {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)` where the parameter has no value, as only an offer may.
    client_max_window_bits: Option<Option<u8>>,
}

impl Params {
    /// "A server MUST decline an extension negotiation offer … if the negotiation
    /// offer contains an extension parameter not defined for use in an offer, … with
    /// an invalid value, … multiple extension parameters with the same name" (§7.1).
    fn read(extension: &Extension<'_>) -> Option<Self> {
        let mut params = Self::default();
        for (name, value) in &extension.params {
            let value = value.as_deref();
            let repeated = match (*name, value) {
                ("server_no_context_takeover", None) => {
                    core::mem::replace(&mut params.server_no_context_takeover, true)
                }
                ("client_no_context_takeover", None) => {
                    core::mem::replace(&mut params.client_no_context_takeover, true)
                }
                ("server_max_window_bits", Some(value)) => {
                    params.server_max_window_bits.replace(window_bits(value)?).is_some()
                }
                ("client_max_window_bits", None) => {
                    params.client_max_window_bits.replace(None).is_some()
                }
                ("client_max_window_bits", Some(value)) => {
                    params.client_max_window_bits.replace(Some(window_bits(value)?)).is_some()
                }
                _ => return None,
            };
            if repeated {
                return None;
            }
        }
        Some(params)
    }
}

/// "A decimal integer value without leading zeroes between 8 to 15, inclusive" (§7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

impl Agreed {
    /// What the server makes of the client's offers: the first that it can accept.
    pub(crate) fn from_offers(offers: &[Extension<'_>], options: &Options) -> Option<Self> {
        offers
            .iter()
            .filter(|offer| offer.name == NAME)
            .find_map(|offer| Self::accept(Params::read(offer)?, options))
    }

    fn accept(offer: Params, options: &Options) -> Option<Self> {
        let wanted = |bits: u8| bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        let server = offer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
        if server < MIN_WINDOW_BITS {
            return None; // a window that we cannot compress with
        }
        let client = match offer.client_max_window_bits {
            // "If a received extension negotiation offer doesn't have the
            // client_max_window_bits extension parameter, the corresponding … response
            // MUST NOT include [it]" (§7.1.2.2): then the client may use 15.
            None => MAX_WINDOW_BITS,
            Some(hint) => {
                let hint = hint.unwrap_or(MAX_WINDOW_BITS).max(MIN_WINDOW_BITS);
                wanted(options.client_max_window_bits).min(hint)
            }
        };
        let server = wanted(options.server_max_window_bits).min(server);
        Some(Self {
            server_no_context_takeover: offer.server_no_context_takeover
                || options.server_no_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover
                || options.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
            // A server accepts an offer with this parameter by including it in the
            // response (§7.1.2.1), also where it changes nothing.
            names_server_window: offer.server_max_window_bits.is_some() || server < MAX_WINDOW_BITS,
        })
    }

    /// What a client with these options offers.
    pub(crate) fn offer(options: &Options) -> Self {
        let wanted = |bits: u8| bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        let server = wanted(options.server_max_window_bits);
        Self {
            server_no_context_takeover: options.server_no_context_takeover,
            client_no_context_takeover: options.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: wanted(options.client_max_window_bits),
            names_server_window: server < MAX_WINDOW_BITS,
        }
    }

    /// This offer as a member of Sec-WebSocket-Extensions: it always lets the server
    /// choose the client's window (§7.1.2.2).
    pub(crate) fn to_offer(self) -> String {
        let any = self.client_max_window_bits == MAX_WINDOW_BITS;
        format!("{self}{}", if any { "; client_max_window_bits" } else { "" })
    }

    /// What the client makes of the server's response to `offer`; `None` if the
    /// response is not one that the offer allows.
    pub(crate) fn from_response(response: &Extension<'_>, offer: &Self) -> Option<Self> {
        if response.name != NAME {
            return None;
        }
        let params = Params::read(response)?;
        let client = match params.client_max_window_bits {
            None => offer.client_max_window_bits,
            // Without a value it belongs in an offer only, and 8 is more than we can do.
            Some(None) => return None,
            Some(Some(bits)) if bits < MIN_WINDOW_BITS => return None,
            Some(Some(bits)) => bits.min(offer.client_max_window_bits),
        };
        // What was asked of the server must be confirmed (§7.1.1.1, §7.1.2.1).
        let server = params.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
        if server > offer.server_max_window_bits
            || (offer.server_no_context_takeover && !params.server_no_context_takeover)
        {
            return None;
        }
        Some(Self {
            server_no_context_takeover: params.server_no_context_takeover,
            client_no_context_takeover: params.client_no_context_takeover
                || offer.client_no_context_takeover,
            server_max_window_bits: server.max(MIN_WINDOW_BITS),
            client_max_window_bits: client,
            names_server_window: params.server_max_window_bits.is_some(),
        })
    }
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if self.names_server_window {
            write!(f, "; server_max_window_bits={}", self.server_max_window_bits)?;
        }
        // 15 is what the absence of the parameter means.
        if self.client_max_window_bits < MAX_WINDOW_BITS {
            write!(f, "; client_max_window_bits={}", self.client_max_window_bits)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::handshake::parse_extensions;
    use std::string::ToString as _;

    /// The response to a Sec-WebSocket-Extensions field.
    fn answer(offers: &str, options: &Options) -> Option<String> {
        let offers = parse_extensions(offers.as_bytes()).expect("grammatical");
        Agreed::from_offers(&offers, options).map(|agreed| agreed.to_string())
    }

    #[test]
    fn offers() {
        let usual = Options::default();
        let small = Options {
            server_max_window_bits: 11,
            client_max_window_bits: 10,
            client_no_context_takeover: true,
            ..usual
        };
        for (offer, options, response) in [
            ("permessage-deflate", &usual, ""),
            ("x-other, permessage-deflate", &usual, ""),
            (
                "permessage-deflate; client_no_context_takeover; client_max_window_bits",
                &usual,
                "; client_no_context_takeover",
            ),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
                &usual,
                "; server_no_context_takeover; server_max_window_bits=9",
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                &usual,
                "; server_max_window_bits=15",
            ),
            (
                "permessage-deflate; server_max_window_bits=\"12\"",
                &usual,
                "; server_max_window_bits=12",
            ),
            ("permessage-deflate; client_max_window_bits=8", &usual, "; client_max_window_bits=9"),
            (
                "permessage-deflate; client_max_window_bits=12",
                &usual,
                "; client_max_window_bits=12",
            ),
            (
                "permessage-deflate; client_max_window_bits",
                &small,
                "; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10",
            ),
            // Not offered, so not answered.
            (
                "permessage-deflate",
                &small,
                "; client_no_context_takeover; server_max_window_bits=11",
            ),
            ("permessage-deflate; x, permessage-deflate", &usual, ""),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", &usual, ""),
        ] {
            let expected = String::from("permessage-deflate") + response;
            assert_eq!(answer(offer, options), Some(expected), "{offer}");
        }
    }

    #[test]
    fn declined_offers() {
        for params in [
            "unknown",
            "server_no_context_takeover; server_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=9",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=08",
            "client_max_window_bits=+9",
            "server_max_window_bits",
            "server_max_window_bits=8",
            "server_max_window_bits=16",
            "server_no_context_takeover=1",
            "client_no_context_takeover=\"true\"",
        ] {
            let offer = String::from("permessage-deflate; ") + params;
            assert_eq!(answer(&offer, &Options::default()), None, "{offer}");
        }
        assert_eq!(answer("x-webkit-deflate-frame", &Options::default()), None);
    }

    #[test]
    fn responses() {
        let offer = Agreed::offer(&Options { server_max_window_bits: 12, ..Options::default() });
        let accepted = |params: &str| {
            let response = String::from("permessage-deflate") + params;
            let extensions = parse_extensions(response.as_bytes()).expect("grammatical");
            Agreed::from_response(&extensions[0], &offer).map(|agreed| agreed.to_string())
        };
        assert_eq!(
            offer.to_offer(),
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits"
        );
        let agreed = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9";
        assert_eq!(
            accepted("; server_max_window_bits=10; client_max_window_bits=9").as_deref(),
            Some(agreed)
        );
        assert_eq!(accepted(""), None, "the window that was asked for is not confirmed");
        assert_eq!(accepted("; server_max_window_bits=13"), None);
        assert_eq!(accepted("; server_max_window_bits=12; client_max_window_bits"), None);
        assert_eq!(accepted("; server_max_window_bits=12; client_max_window_bits=8"), None);
    }
}
