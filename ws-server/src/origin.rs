//! Which pages may connect. Source: RFC 6455 §10.2, RFC 6454 §7.

use std::sync::Arc;

use seawall_http_server::Request;

/// Which pages may open connections from a browser.
///
/// A browser sends the cookies of this host with every opening handshake, whatever page asks for
/// it: without a check, any page that a user visits could speak in the user's name. Clients that
/// are no browsers send no Origin, and pass; one that lies gains nothing that it could not have
/// without.
#[derive(Clone, Debug, Default)]
pub(crate) enum Origins {
    /// Pages of this host: what Origin names is what Host names.
    #[default]
    SameHost,
    /// Pages of this host, and these.
    Also(Arc<[String]>),
    /// All.
    Any,
}

impl Origins {
    /// Whether the request may go on.
    pub(crate) fn allow(&self, request: &Request) -> bool {
        let head = request.head();
        let mut origins = head.values("origin");
        let Some(origin) = origins.next() else { return true };
        let (Ok(origin), None) = (std::str::from_utf8(origin), origins.next()) else {
            return false;
        };
        let host = || head.field("host").and_then(|host| std::str::from_utf8(host).ok());
        match self {
            Self::Any => true,
            Self::SameHost => host().is_some_and(|host| is_same_host(origin, host)),
            Self::Also(others) => {
                others.iter().any(|other| other.eq_ignore_ascii_case(origin))
                    || host().is_some_and(|host| is_same_host(origin, host))
            }
        }
    }
}

/// Whether an origin, `scheme://host[:port]`, is of this host. The scheme is not compared: behind a
/// proxy that ends TLS the two differ. But it says which port goes without saying.
fn is_same_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false }; // "null"
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare =
        |authority: &str| authority.strip_suffix(default).unwrap_or(authority).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_goes_without_saying_is_no_difference() {
        for (origin, host, same) in [
            ("https://example.org", "example.org", true),
            ("https://Example.org", "example.ORG", true),
            ("https://example.org", "example.org:443", true),
            ("https://example.org:443", "example.org", true),
            ("http://example.org", "example.org:443", false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("https://example.org.evil.test", "example.org", false),
            ("https://evil.test/example.org", "example.org", false),
            ("https://sub.example.org", "example.org", false),
            ("null", "example.org", false),
            ("file://", "", false),
            ("", "example.org", false),
        ] {
            assert_eq!(is_same_host(origin, host), same, "{origin} {host}");
        }
    }
}
