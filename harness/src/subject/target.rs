//! Where the subject listens: URLs with their ports filled in and their hosts resolved.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::{fs, io};

use http::Uri;

use crate::error::Error;
use crate::profile::Profile;
use crate::wire::tls::{Tls, Trust};

/// A place to connect to, and how to call it in a Host field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    /// `host:port` as the URL has it.
    pub(crate) authority: String,
    /// How to speak TLS with it, if it does.
    pub(crate) tls: Option<Tls>,
}

/// The subject's endpoints.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Target {
    /// Where HTTP is judged: the plain URL, else the one over TLS.
    pub(crate) http: Option<Endpoint>,
    /// Where WebSocket is judged, likewise.
    pub(crate) ws: Option<Endpoint>,
    /// Where TLS is judged.
    pub(crate) tls: Option<Endpoint>,
}

/// The ports that were chosen for a subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

impl Ports {
    /// Two ports of loopback that were free a moment ago.
    ///
    /// # Errors
    ///
    /// [`Error::System`] when there are none.
    pub(crate) fn choose() -> Result<Self, Error> {
        let system = |source| Error::System { what: "finding a free port".into(), source };
        // Both at once, lest they be the same.
        let (plain, tls) = (listen().map_err(system)?, listen().map_err(system)?);
        let port = |listener: TcpListener| listener.local_addr().map(|a| a.port()).map_err(system);
        Ok(Self { plain: port(plain)?, tls: port(tls)? })
    }

    /// Fills them in.
    pub(crate) fn fill(self, text: &str) -> String {
        text.replace("{port}", &self.plain.to_string()).replace("{tls_port}", &self.tls.to_string())
    }
}

/// Listens on a free port: one that the system gives to no client, if there is any. Hundreds connect while a second
/// subject starts, and whoever of them was given its port would keep it from listening.
fn listen() -> io::Result<TcpListener> {
    /// Below are the ports of well-known services.
    const FIRST: u16 = 10_000;
    /// How many are tried.
    const TRIES: usize = 32;
    // Linux's own default, for systems that do not tell.
    let below = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let below = below.split_whitespace().next().and_then(|port| port.parse().ok());
    let below = below.unwrap_or(32_768).max(FIRST + 1);
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut listeners = (0..TRIES).map(|_| listen(fastrand::u16(FIRST..below)));
    listeners.find_map(Result::ok).map_or_else(|| listen(0), Ok)
}

impl Target {
    /// Fills the ports in and resolves the hosts.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for what is no URL or has no address, and for authorities that cannot be read.
    pub(crate) fn resolve(profile: &Profile, ports: Option<Ports>) -> Result<Self, Error> {
        let urls = &profile.urls;
        let trust = match (&urls.https, &urls.wss) {
            (None, None) => None,
            _ => Some(Trust::new(&profile.tls, &profile.folder)?),
        };
        let resolve = |(scheme, url): (&str, &str)| Endpoint::resolve(scheme, url, ports, &trust);
        let secure = urls.https.as_deref().map(|url| ("https", url));
        let target = Self {
            http: urls.of(false).map(resolve).transpose()?,
            ws: urls.of(true).map(resolve).transpose()?,
            tls: secure.map(resolve).transpose()?,
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
    fn resolve(
        scheme: &str,
        url: &str,
        ports: Option<Ports>,
        trust: &Option<Trust>,
    ) -> Result<Self, Error> {
        let wrong = |why: String| Error::Usage(format!("urls.{scheme} = {url:?}: {why}"));
        let filled = match ports {
            Some(ports) => ports.fill(url),
            None if url.contains("{port}") || url.contains("{tls_port}") => {
                return Err(wrong(
                    "{port} is known only for a subject that the harness starts".into(),
                ));
            }
            None => url.to_owned(),
        };
        let uri: Uri = filled.parse().map_err(|error| wrong(format!("no URL ({error})")))?;
        if uri.scheme_str() != Some(scheme) {
            return Err(wrong(format!("expected {scheme}://HOST:PORT")));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong(
                "a URL of the profile has no path: paths stand under [routes]".into(),
            ));
        }
        let authority = uri.authority().ok_or_else(|| wrong("no host".into()))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let secure = matches!(scheme, "https" | "wss");
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let address = (host, port)
            .to_socket_addrs()
            .map_err(|error| wrong(format!("{host} has no address: {error}")))?
            .next()
            .ok_or_else(|| wrong(format!("{host} has no address")))?;
        let tls = trust.as_ref().filter(|_| secure);
        let tls = tls.map(|trust| Tls::new(trust, host)).transpose().map_err(wrong)?;
        Ok(Self { address, authority: authority.to_string(), tls })
    }
}

/// Whether the address is loopback, private, or of one link.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_near(v4.into()),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_what_nobody_else_reaches() {
        let near = |address: &str| is_near(address.parse().unwrap());
        for address in ["127.0.0.9", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1"] {
            assert!(near(address), "{address}");
        }
        for address in ["::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1"] {
            assert!(near(address), "{address}");
        }
        for address in
            ["172.32.0.1", "203.0.113.7", "8.8.8.8", "0.0.0.0", "2001:db8::1", "::ffff:8.8.8.8"]
        {
            assert!(!near(address), "{address}");
        }
    }

    #[test]
    fn chosen_ports_are_free_and_none_that_a_client_gets() {
        let Ports { plain, tls } = Ports::choose().unwrap();
        assert_ne!(plain, tls);
        for port in [plain, tls] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            assert!(client.local_addr().unwrap().port() > port, "clients get those above");
        }
    }

    fn resolve(key: &str, url: &str, ports: Option<Ports>) -> Result<Target, Error> {
        let profile = Profile::parse(&format!("[urls]\n{key} = {url:?}")).unwrap();
        Target::resolve(&profile, ports)
    }

    #[test]
    fn the_ports_are_filled_in() {
        let ports = Ports { plain: 4711, tls: 4712 };
        let target = resolve("http", "http://127.0.0.1:{port}", Some(ports)).unwrap();
        let endpoint = target.any();
        assert_eq!(endpoint.address, "127.0.0.1:4711".parse().unwrap());
        assert_eq!(endpoint.authority, "127.0.0.1:4711");
        let target = resolve("https", "https://127.0.0.1:{tls_port}", Some(ports)).unwrap();
        assert_eq!(target.any().address.port(), 4712);
        assert_eq!(target.http, target.tls, "the only URL is for all cases");
        assert_eq!(resolve("http", "http://[::1]", None).unwrap().any().address.port(), 80);
        assert_eq!(resolve("wss", "wss://[::1]", None).unwrap().any().address.port(), 443);
    }

    #[test]
    fn two_free_ports_differ() {
        let ports = Ports::choose().unwrap();
        assert_ne!(ports.plain, ports.tls);
    }

    #[test]
    fn what_cannot_be_reached_is_refused_with_its_key() {
        let cases = [
            ("http://h:{port}", "{port} is known only"),
            ("ws://127.0.0.1:1", "expected http://"),
            ("https://127.0.0.1:1", "expected http://"),
            ("http://127.0.0.1:1/path", "[routes]"),
            ("not a url", "no URL"),
        ];
        for (url, expected) in cases {
            let error = resolve("http", url, None).unwrap_err().to_string();
            assert!(error.starts_with("urls.http") && error.contains(expected), "{error}");
        }
        assert!(Target::resolve(&Profile::default(), None).is_err());
    }
}
