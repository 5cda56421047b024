use seawall_tls::{Acceptor, Clients, Config, Error};

use crate::client::Client;
use crate::{Authority, Folder, Identity, identity};

struct Setup {
    server: Identity,
    folder: Folder,
    authority: Authority,
}

impl Setup {
    fn new() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new());
        folder.write("ca.pem", &authority.pem);
        Self { server: identity(), folder, authority }
    }

    fn acceptor(&self, required: bool) -> Acceptor {
        let path = self.folder.path("ca.pem");
        let clients = if required { Clients::required(path) } else { Clients::optional(path) };
        Acceptor::new(Config::new(self.server.pem()).clients(clients)).unwrap()
    }

    fn client(&self, own: Option<&Identity>) -> Client {
        Client::with(&[&self.server], rustls::ALL_VERSIONS, own)
    }
}

#[test]
fn the_server_sees_who_the_client_is() {
    let setup = Setup::new();
    let own = setup.authority.client("alice.test");
    for required in [false, true] {
        let met = setup.client(Some(&own)).meet(&setup.acceptor(required));
        let info = met.info();
        assert_eq!(info.client_chain.len(), 1);
        assert!(*info.client_chain[0] == *own.der);
        met.talk();
    }
}

#[test]
fn without_a_certificate_it_is_a_stranger_or_refused() {
    let setup = Setup::new();
    let met = setup.client(None).meet(&setup.acceptor(false));
    assert!(met.info().client_chain.is_empty());
    let met = setup.client(None).meet(&setup.acceptor(true));
    let error = met.server.unwrap_err().error;
    assert!(matches!(error, Error::Handshake(_)), "{error}");
}

#[test]
fn a_certificate_of_somebody_else_is_refused_even_where_none_is_needed() {
    let setup = Setup::new();
    let own = Authority::new().client("mallory.test");
    for required in [false, true] {
        let met = setup.client(Some(&own)).meet(&setup.acceptor(required));
        let error = met.server.unwrap_err().error;
        assert!(matches!(error, Error::Handshake(_)), "{error}");
    }
}

/// A session that is resumed must not outlive the check that began it.
#[test]
fn a_new_authority_ends_old_sessions() {
    let setup = Setup::new();
    let own = setup.authority.client("alice.test");
    let client = setup.client(Some(&own));
    let acceptor = setup.acceptor(true);
    client.meet(&acceptor).talk();
    let met = client.meet(&acceptor);
    let info = met.info();
    assert!(info.resumed && *info.client_chain[0] == *own.der, "who came back is still known");
    setup.folder.write("ca.pem", &Authority::new().pem);
    acceptor.reload().unwrap();
    assert!(client.meet(&acceptor).server.is_err());
}

#[test]
fn an_authority_that_cannot_be_used_is_named() {
    let setup = Setup::new();
    let server = &setup.server;
    for (name, text, cause) in [
        ("empty.pem", "", "is empty"),
        ("key.pem", &server.key[..], "holds no certificate"),
        (
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "cannot be used",
        ),
    ] {
        let path = setup.folder.write(name, text);
        let config = Config::new(server.pem()).clients(Clients::required(path));
        let error = Acceptor::new(config).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}: {cause}")), "{error}");
    }
}
