//! Where the subject listens: URLs with their port filled in and their host resolved.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use http::Uri;

use crate::error::Error;
use crate::profile::Urls;

/// A place to connect to, and how to call it in a Host field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    /// `host:port` as the URL has it.
    pub(crate) authority: String,
}

/// The subject's endpoints: one for each kind of URL that the profile gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Target {
    pub(crate) http: Option<Endpoint>,
    pub(crate) ws: Option<Endpoint>,
}

impl Target {
    /// Fills `{port}` in and resolves the hosts.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for what is no URL or has no address.
    pub(crate) fn resolve(urls: &Urls, port: Option<u16>) -> Result<Self, Error> {
        let endpoint = |key: &str, scheme: &str, url: &Option<String>| {
            url.as_deref().map(|url| Endpoint::resolve(key, scheme, url, port)).transpose()
        };
        let target = Self {
            http: endpoint("urls.http", "http", &urls.http)?,
            ws: endpoint("urls.ws", "ws", &urls.ws)?,
        };
        if target == Self::default() {
            return Err(Error::Usage(
                "no URL to judge: give urls.http or urls.ws in the profile, or --http URL or --ws URL".into(),
            ));
        }
        Ok(target)
    }

    /// Any endpoint: to see whether something listens.
    pub(crate) fn any(&self) -> &Endpoint {
        self.http
            .as_ref()
            .or(self.ws.as_ref())
            .expect("resolve() refuses a target without endpoints")
    }
}

impl Endpoint {
    fn resolve(key: &str, scheme: &str, url: &str, port: Option<u16>) -> Result<Self, Error> {
        let wrong = |why: String| Error::Usage(format!("{key} = {url:?}: {why}"));
        let filled = match port {
            Some(port) => url.replace("{port}", &port.to_string()),
            None if url.contains("{port}") => {
                return Err(wrong(
                    "{port} is known only for a subject that the harness starts".into(),
                ));
            }
            None => url.to_owned(),
        };
        let uri: Uri = filled.parse().map_err(|error| wrong(format!("no URL ({error})")))?;
        match uri.scheme_str() {
            Some(found) if found == scheme => {}
            Some("https" | "wss") => {
                return Err(wrong("TLS subjects cannot be judged yet: give the plain URL".into()));
            }
            _ => return Err(wrong(format!("expected {scheme}://HOST:PORT"))),
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong(
                "a URL of the profile has no path: paths stand under [routes]".into(),
            ));
        }
        let authority = uri.authority().ok_or_else(|| wrong("no host".into()))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(80);
        let address = (host, port)
            .to_socket_addrs()
            .map_err(|error| wrong(format!("{host} has no address: {error}")))?
            .next()
            .ok_or_else(|| wrong(format!("{host} has no address")))?;
        Ok(Self { address, authority: authority.to_string() })
    }
}

/// A port of loopback that was free a moment ago.
///
/// # Errors
///
/// [`Error::System`] when there is none.
pub(crate) fn free_port() -> Result<u16, Error> {
    let system = |source| Error::System { what: "finding a free port".into(), source };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(system)?;
    Ok(listener.local_addr().map_err(system)?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(http: &str) -> Urls {
        Urls { http: Some(http.into()), ws: None }
    }

    #[test]
    fn the_port_is_filled_in() {
        let target = Target::resolve(&urls("http://127.0.0.1:{port}"), Some(4711)).unwrap();
        let endpoint = target.any();
        assert_eq!(endpoint.address, "127.0.0.1:4711".parse().unwrap());
        assert_eq!(endpoint.authority, "127.0.0.1:4711");
        assert_eq!(Target::resolve(&urls("http://[::1]"), None).unwrap().any().address.port(), 80);
    }

    #[test]
    fn what_cannot_be_reached_is_refused_with_its_key() {
        let cases = [
            ("http://h:{port}", "{port} is known only"),
            ("ws://127.0.0.1:1", "expected http://"),
            ("https://127.0.0.1:1", "TLS"),
            ("http://127.0.0.1:1/path", "[routes]"),
            ("not a url", "no URL"),
        ];
        for (url, expected) in cases {
            let error = Target::resolve(&urls(url), None).unwrap_err().to_string();
            assert!(error.starts_with("urls.http") && error.contains(expected), "{error}");
        }
        assert!(Target::resolve(&Urls::default(), None).is_err());
    }
}
