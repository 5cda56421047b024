//! Close codes: why a connection ends. Source: RFC 6455 §7.4, and the IANA
//! registry for 1012–1014.

use core::fmt;

/// A close code that may stand in a Close frame.
///
/// 1005, 1006 and 1015 describe what an endpoint observed and must never be
/// sent; they, and every unassigned code, have no value of this type. A Close
/// frame without a code is `None` where an `Option<CloseCode>` is asked for.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1006), None);
/// assert_eq!(CloseCode::new(4321).map(CloseCode::get), Some(4321));
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl CloseCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// What the registry calls this code; `None` for 3000–4999.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The purpose of the connection is fulfilled.
    NORMAL = 1000, "normal closure";
    /// The server goes down, or the browser left the page.
    GOING_AWAY = 1001, "going away";
    /// The peer broke RFC 6455.
    PROTOCOL_ERROR = 1002, "protocol error";
    /// A kind of message that the endpoint cannot accept.
    UNSUPPORTED_DATA = 1003, "unsupported data";
    /// The content does not fit its type, such as text that is not UTF-8.
    INVALID_PAYLOAD = 1007, "invalid frame payload data";
    /// A message that breaks a policy for which no other code exists.
    POLICY_VIOLATION = 1008, "policy violation";
    /// A message too big to process.
    MESSAGE_TOO_BIG = 1009, "message too big";
    /// The client misses an extension that the server did not negotiate.
    MANDATORY_EXTENSION = 1010, "mandatory extension";
    /// The server met a condition that it did not expect.
    INTERNAL_ERROR = 1011, "internal error";
    /// The service restarts; come back after a short, random wait.
    SERVICE_RESTART = 1012, "service restart";
    /// The service is overloaded; come back later or elsewhere.
    TRY_AGAIN_LATER = 1013, "try again later";
    /// A gateway got an invalid answer from the server behind it.
    BAD_GATEWAY = 1014, "bad gateway";
}

impl CloseCode {
    /// The code `code`, if it may be sent: registered ones below 3000, and all of
    /// 3000–3999 (libraries, frameworks) and 4000–4999 (private use).
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn every_code_of_the_sixteen_bits() {
        for code in 0..=u16::MAX {
            let legal = matches!(code, 1000..=1003 | 1007..=1014) || matches!(code / 1000, 3 | 4);
            assert_eq!(CloseCode::new(code).is_some(), legal, "{code}");
        }
    }

    #[test]
    fn shown_with_their_registered_name() {
        assert_eq!(format!("{}", CloseCode::TRY_AGAIN_LATER), "1013 try again later");
        assert_eq!(format!("{:?}", CloseCode(4000)), "CloseCode(4000)");
    }
}
