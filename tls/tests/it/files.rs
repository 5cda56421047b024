use std::path::Path;

use seawall_tls::{Acceptor, Cause, Config, Error, Identity};

use crate::{Folder, identity};

fn refused(certificate: &Path, key: &Path) -> (String, String, Cause) {
    match Acceptor::from_pem_files(certificate, key).unwrap_err() {
        error @ Error::Config { .. } => {
            let text = error.to_string();
            let Error::Config { path, cause } = error else { unreachable!() };
            (text, path.file_name().unwrap().to_str().unwrap().to_owned(), cause)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_matching_pair_is_accepted() {
    let (folder, identity) = (Folder::new(), identity());
    let certificate = folder.write("cert.pem", &identity.certificate);
    let key = folder.write("key.pem", &identity.key);
    assert!(Acceptor::from_pem_files(certificate, key).is_ok());
}

/// TLS-02.
#[test]
fn each_fault_names_its_file_and_cause() {
    let (folder, identity, other) = (Folder::new(), identity(), identity());
    let certificate = folder.write("cert.pem", &identity.certificate);
    let key = folder.write("key.pem", &identity.key);
    let other_key = folder.write("other.pem", &other.key);
    let empty = folder.write("empty.pem", "");
    let damaged = folder.write(
        "damaged.pem",
        "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n",
    );
    let missing = folder.path("missing.pem");

    let (text, file, cause) = refused(&missing, &key);
    assert!(matches!(cause, Cause::Unreadable(_)), "{text}");
    assert_eq!(file, "missing.pem");
    assert!(text.contains("missing.pem: cannot be read: No such file"), "{text}");

    let (text, file, cause) = refused(&certificate, &missing);
    assert!(matches!(cause, Cause::Unreadable(_)), "{text}");
    assert_eq!(file, "missing.pem");

    let (text, file, cause) = refused(&key, &key);
    assert!(matches!(cause, Cause::NoCertificate), "{text}");
    assert_eq!(file, "key.pem");

    let (text, file, cause) = refused(&certificate, &empty);
    assert!(matches!(cause, Cause::Empty), "{text}");
    assert_eq!(file, "empty.pem");

    let (text, file, cause) = refused(&certificate, &certificate);
    assert!(matches!(cause, Cause::NoKey), "{text}");
    assert_eq!(file, "cert.pem");

    for lock in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        let locked = folder.write("locked.pem", lock);
        let (text, file, cause) = refused(&certificate, &locked);
        assert!(matches!(cause, Cause::Encrypted), "{text}");
        assert_eq!(file, "locked.pem");
        assert!(text.contains("openssl pkey"), "the text names a cure: {text}");
    }

    let nonsense = folder
        .write("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let (text, file, cause) = refused(&nonsense, &key);
    assert!(matches!(cause, Cause::Unusable(_)), "{text}");
    assert_eq!(file, "nonsense.pem");

    let (text, file, cause) = refused(&damaged, &key);
    assert!(matches!(cause, Cause::Malformed(_)), "{text}");
    assert_eq!(file, "damaged.pem");

    let (text, file, cause) = refused(&certificate, &other_key);
    assert!(matches!(cause, Cause::Mismatch { .. }), "{text}");
    assert_eq!(file, "other.pem");
    assert!(text.contains("cert.pem"), "the text names both files: {text}");
}

#[test]
fn both_may_stand_in_one_file_or_in_none() {
    let (folder, identity) = (Folder::new(), identity());
    let both = folder.write("both.pem", &format!("{}{}", identity.key, identity.certificate));
    assert!(Acceptor::from_pem_files(&both, &both).is_ok());
    assert!(Acceptor::new(Config::new(identity.pem())).is_ok());
    let text = Identity::text(&identity.certificate, "");
    let error = Acceptor::new(Config::new(text)).unwrap_err();
    assert_eq!(error.to_string(), "<key>: is empty");
}

#[test]
fn secrets_are_not_shown() {
    let identity = identity();
    let shown = format!("{:?}", Acceptor::new(Config::new(identity.pem())));
    assert!(!shown.contains("BEGIN"), "{shown}");
}

#[test]
fn a_folder_is_not_a_certificate() {
    let (folder, identity) = (Folder::new(), identity());
    let key = folder.write("key.pem", &identity.key);
    let (text, _, cause) = refused(&folder.0, &key);
    assert!(matches!(cause, Cause::Unreadable(_)), "{text}");
}
