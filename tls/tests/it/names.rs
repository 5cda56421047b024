use seawall_tls::{Acceptor, Config, Error, Version};

use crate::client::Client;
use crate::{Identity, identity};

/// TLS-04.
#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let default = Identity::of(&["default.test"]);
    let exact = Identity::of(&["www.example.test"]);
    let wildcard = Identity::of(&["*.example.test", "example.test"]);
    let config = Config::new(default.pem()).also(wildcard.pem()).also(exact.pem());
    let acceptor = Acceptor::new(config).unwrap();
    let all = [&default, &exact, &wildcard];
    for (name, expected) in [
        ("default.test", &default),
        ("www.example.test", &exact),
        ("WWW.Example.test", &exact),
        ("other.example.test", &wildcard),
        ("example.test", &wildcard),
    ] {
        let met = Client::trusting(&all).asking_for(name).meet(&acceptor);
        assert!(met.shown() == expected.der, "{name}");
        assert_eq!(met.info().server_name.as_deref(), Some(&*name.to_ascii_lowercase()));
    }
}

/// It is the client's to refuse a certificate that is not for the name it wanted.
#[test]
fn an_unknown_name_gets_the_default_unless_it_is_refused() {
    let (default, other) = (Identity::of(&["default.test"]), Identity::of(&["other.test"]));
    let config = Config::new(default.pem()).also(other.pem());
    let all = [&default, &other];
    for name in ["unknown.test", "deep.default.test"] {
        let client = Client::trusting(&all).asking_for(name);
        let met = client.meet(&Acceptor::new(config.clone()).unwrap());
        assert!(met.client.unwrap_err().to_string().contains("certificate not valid for name"));

        let strict = Acceptor::new(config.clone().refuse_unknown_names()).unwrap();
        let met = client.meet(&strict);
        let error = met.server.unwrap_err().error;
        assert!(matches!(&error, Error::Handshake(why) if why.to_string().contains(name)));
        let error = met.client.unwrap_err().to_string();
        assert!(error.contains("UnrecognisedName"), "{error}");
        let met = Client::trusting(&all).asking_for("other.test").meet(&strict);
        assert!(met.shown() == other.der);
    }
}

/// A client that connects to an address asks for no name.
#[test]
fn a_client_without_a_name_gets_the_default() {
    let (default, other) = (Identity::of(&["127.0.0.1"]), identity());
    let config = Config::new(default.pem()).also(other.pem()).refuse_unknown_names();
    let acceptor = Acceptor::new(config).unwrap();
    let met = Client::trusting(&[&default]).asking_for("127.0.0.1").meet(&acceptor);
    assert!(met.shown() == default.der);
    assert_eq!(met.info().server_name, None);
}

#[test]
fn of_two_certificates_for_a_name_the_client_gets_one_that_it_can_check() {
    let modern = Identity::with(&rcgen::PKCS_ED25519, &["localhost"]);
    let common = Identity::with(&rcgen::PKCS_ECDSA_P256_SHA256, &["localhost"]);
    let acceptor = Acceptor::new(Config::new(modern.pem()).also(common.pem())).unwrap();
    let mut client = Client::trusting(&[&modern, &common]);
    assert!(client.meet(&acceptor).shown() == modern.der);
    client = Client::without_ed25519(&[&modern, &common]);
    let met = client.meet(&acceptor);
    assert!(met.shown() == common.der);
    assert_eq!(met.info().version, Version::Tls13);
}
