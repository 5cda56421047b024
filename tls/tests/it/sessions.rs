use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use seawall_tls::{Acceptor, Config, Resumption, Version};

use crate::client::Client;
use crate::{Identity, identity};

fn acceptor(identity: &Identity, change: impl FnOnce(Config) -> Config) -> Acceptor {
    Acceptor::new(change(Config::new(identity.pem()))).unwrap()
}

/// TLS-04.
#[test]
fn the_newer_version_is_preferred_and_the_older_can_be_refused() {
    let identity = identity();
    let both = acceptor(&identity, |config| config);
    let new = acceptor(&identity, |config| config.min_version(Version::Tls13));
    let client =
        |versions: &[&'static SupportedProtocolVersion]| Client::with(&[&identity], versions, None);
    assert_eq!(client(&[&TLS12, &TLS13]).meet(&both).info().version, Version::Tls13);
    assert_eq!(client(&[&TLS12]).meet(&both).info().version, Version::Tls12);
    assert_eq!(client(&[&TLS13]).meet(&new).info().version, Version::Tls13);
    let met = client(&[&TLS12]).meet(&new);
    assert!(met.server.is_err());
    assert!(met.client.unwrap_err().to_string().contains("ProtocolVersion"));
}

#[test]
fn http_1_1_is_agreed_on_and_what_nobody_speaks_is_refused() {
    let identity = identity();
    let offering = |protocols: &[&str]| {
        let mut client = Client::trusting(&[&identity]);
        client.config.alpn_protocols =
            protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        client
    };
    let usual = acceptor(&identity, |config| config);
    let met = offering(&["h2", "http/1.1"]).meet(&usual);
    assert_eq!(met.info().alpn.as_deref(), Some(&b"http/1.1"[..]));
    let old = offering(&["http/1.0"]).meet(&usual);
    assert_eq!(old.info().alpn.as_deref(), Some(&b"http/1.0"[..]));
    assert_eq!(offering(&[]).meet(&usual).info().alpn, None);
    let error = offering(&["h2"]).meet(&usual).client.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    let silent = acceptor(&identity, |config| config.alpn::<&str>([]));
    assert_eq!(offering(&["h2"]).meet(&silent).info().alpn, None);
}

#[test]
fn a_client_comes_back_without_a_whole_handshake() {
    let identity = identity();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for (resumption, resumed) in
            [(Resumption::Tickets, true), (Resumption::Cache(8), true), (Resumption::Off, false)]
        {
            let acceptor = acceptor(&identity, |config| config.resumption(resumption));
            let client = Client::with(&[&identity], versions, None);
            let first = client.meet(&acceptor);
            assert!(!first.info().resumed);
            first.talk();
            let second = client.meet(&acceptor);
            assert_eq!(second.info().resumed, resumed, "{versions:?} {resumption:?}");
            second.talk();
        }
    }
}

#[test]
fn a_reload_ends_all_sessions() {
    let identity = identity();
    let acceptor = acceptor(&identity, |config| config);
    let client = Client::trusting(&[&identity]);
    client.meet(&acceptor).talk();
    acceptor.reload().unwrap();
    let met = client.meet(&acceptor);
    assert!(!met.info().resumed);
    met.talk();
}
