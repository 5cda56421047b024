use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use seawall_tls::{Acceptor, Cause, Config, Error, Identity as Files};

use crate::client::Client;
use crate::{Folder, identity};

#[test]
fn new_handshakes_use_the_new_certificate_and_open_connections_stay() {
    let folder = Folder::new();
    let (old, new) = (identity(), identity());
    let (certificate, key) =
        (folder.write("cert.pem", &old.certificate), folder.write("key.pem", &old.key));
    let acceptor = Acceptor::from_pem_files(certificate, key).unwrap();
    let client = Client::trusting(&[&old, &new]);
    let open = client.meet(&acceptor);
    assert!(open.shown() == old.der);
    folder.write("cert.pem", &new.certificate);
    folder.write("key.pem", &new.key);
    acceptor.clone().reload().unwrap();
    assert!(client.meet(&acceptor).shown() == new.der, "clones share their certificates");
    open.talk();
}

#[test]
fn a_reload_that_fails_keeps_the_old_and_says_why() {
    let folder = Folder::new();
    let (old, new) = (identity(), identity());
    let (certificate, key) =
        (folder.write("cert.pem", &old.certificate), folder.write("key.pem", &old.key));
    let acceptor = Acceptor::from_pem_files(&certificate, &key).unwrap();
    let client = Client::trusting(&[&old, &new]);
    // Half way: the certificate is new, its key is not.
    folder.write("cert.pem", &new.certificate);
    let error = acceptor.reload().unwrap_err();
    assert!(matches!(&error, Error::Config { cause: Cause::Mismatch { .. }, .. }), "{error}");
    fs::remove_file(&key).unwrap();
    let error = acceptor.reload().unwrap_err();
    assert!(error.to_string().contains("key.pem: cannot be read"), "{error}");
    assert!(client.meet(&acceptor).shown() == old.der);
    folder.write("key.pem", &new.key);
    acceptor.reload().unwrap();
    assert!(client.meet(&acceptor).shown() == new.der);
}

/// Sets the time of modification: two writes may fall into one tick of the file system's clock.
fn touch(path: &Path, second: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_times(FileTimes::new().set_modified(time))
        .unwrap();
}

#[test]
fn watching_reads_only_what_has_changed() {
    let folder = Folder::new();
    let (old, new) = (identity(), identity());
    let both = |identity: &crate::Identity| format!("{}{}", identity.certificate, identity.key);
    let path = folder.write("both.pem", &both(&old));
    touch(&path, 1);
    let acceptor = Acceptor::new(Config::new(Files::files(&path, &path))).unwrap();
    assert!(!acceptor.reload_if_changed().unwrap());
    folder.write("both.pem", "");
    touch(&path, 2);
    // Told each time, until it is mended.
    for _ in 0..2 {
        let error = acceptor.reload_if_changed().unwrap_err();
        assert!(error.to_string().ends_with("both.pem: is empty"), "{error}");
    }
    folder.write("both.pem", &both(&new));
    touch(&path, 3);
    assert!(acceptor.reload_if_changed().unwrap());
    assert!(!acceptor.reload_if_changed().unwrap());
    assert!(Client::trusting(&[&new]).meet(&acceptor).shown() == new.der);
}
