//! Networks that are trusted to speak for others.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{Request, forwarded};

/// Some networks, such as `10.0.0.0/8`, `2001:db8::/32` or `192.0.2.1`.
///
/// # Examples
///
/// ```
/// use seawall_http_server::Networks;
///
/// let trusted = Networks::parse(["10.0.0.0/8", "::1"])?;
/// assert!(trusted.contains("10.1.2.3".parse().unwrap()));
/// assert!(trusted.contains("::ffff:10.1.2.3".parse().unwrap())); // the same, seen by a socket of IPv6
/// assert!(!trusted.contains("11.0.0.1".parse().unwrap()));
/// assert!(Networks::parse(["10.0.0.0/33"]).is_err());
/// # Ok::<_, seawall_http_server::NotANetwork>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug)]
struct Network {
    address: IpAddr,
    /// How many of its first bits count.
    prefix: u32,
}

/// A text that is no network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no network: write 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1")]
pub struct NotANetwork(String);

impl Networks {
    /// Parses networks, each an address and the number of bits that count, or an address.
    ///
    /// # Errors
    ///
    /// The first text that is none.
    pub fn parse<T: AsRef<str>>(
        networks: impl IntoIterator<Item = T>,
    ) -> Result<Self, NotANetwork> {
        networks.into_iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// Whose request this is, as far as these networks can be trusted to tell.
    ///
    /// If the connection comes from one of them, the addresses that proxies have written into the
    /// field are read from the last to the first: the first that is in none of these networks is the
    /// client. What stands before it anybody may have written, and is not looked at. An element
    /// without an address (`unknown`, `_hidden`), or a malformed one, ends the search at the proxy
    /// that sent it on. A connection from elsewhere is the client's own, whatever its fields say.
    #[must_use]
    pub fn client(&self, request: &Request, written: ForwardedBy) -> IpAddr {
        let mut client = request.peer_addr().ip().to_canonical();
        if !self.contains(client) {
            return client;
        }
        let (name, address): (_, fn(&str) -> Option<IpAddr>) = match written {
            ForwardedBy::Forwarded => ("forwarded", forwarded::address),
            ForwardedBy::XForwardedFor => ("x-forwarded-for", forwarded::node),
        };
        let values: Vec<_> = request
            .fields()
            .filter(|field| field.name.eq_ignore_ascii_case(name))
            .map(|field| String::from_utf8_lossy(field.value))
            .collect();
        for element in values.iter().rev().flat_map(|value| forwarded::rsplit(value, b',')) {
            let Some(address) = element.and_then(address) else { break };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// The field that one's proxies write. Only that one is looked at: the other a client may have
/// written, and the proxies passed it on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForwardedBy {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`, which most proxies write.
    XForwardedFor,
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits),
            None => Some(bits),
        };
        Ok(Self { address, prefix: prefix.ok_or_else(wrong)? })
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differs = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differs >= self.prefix
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_counts_bits() {
        let networks = Networks::parse(["10.64.0.0/10", "2001:db8::/33", "192.0.2.1"]).unwrap();
        let table = [
            ("10.64.0.0", true),
            ("10.127.255.255", true),
            ("10.128.0.0", false),
            ("2001:db8:7fff::", true),
            ("2001:db8:8000::", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
        ];
        for (address, inside) in table {
            assert_eq!(networks.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(Networks::parse(["0.0.0.0/0"]).unwrap().contains("1.2.3.4".parse().unwrap()));
        for wrong in ["", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/33", "::/129", "example.org"] {
            let error = Networks::parse([wrong]).unwrap_err();
            assert!(error.to_string().contains("10.0.0.0/8"), "{error}");
        }
    }
}
