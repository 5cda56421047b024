use std::path::Path;

use seawall_tls::{Acceptor, Cause, Error};

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
    assert!(matches!(cause, Cause::NoKey), "{text}");
    assert_eq!(file, "empty.pem");

    let (text, file, cause) = refused(&damaged, &key);
    assert!(matches!(cause, Cause::Malformed(_)), "{text}");
    assert_eq!(file, "damaged.pem");

    let (text, file, cause) = refused(&certificate, &other_key);
    assert!(matches!(cause, Cause::Mismatch { .. }), "{text}");
    assert_eq!(file, "other.pem");
    assert!(text.contains("cert.pem"), "the text names both files: {text}");
}

#[test]
fn a_folder_is_not_a_certificate() {
    let (folder, identity) = (Folder::new(), identity());
    let key = folder.write("key.pem", &identity.key);
    let (text, _, cause) = refused(&folder.0, &key);
    assert!(matches!(cause, Cause::Unreadable(_)), "{text}");
}
