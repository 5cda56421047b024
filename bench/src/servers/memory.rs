//! What an idle connection costs: resident memory, and what the allocator has given out.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::contestants::{NAMES, TLS};
use crate::load::{read_answer, request};
use crate::subject::Subject;

/// Connections that are open at once, unless the command line says otherwise.
pub(crate) const CONNECTIONS: usize = 10_000;

/// How long a server has to settle: buffers that are given back late.
const SETTLE: Duration = Duration::from_millis(1500);

/// Descriptors beside those of the connections, with which a process begins or ends up: far more than there are.
pub(crate) const OTHERS: u64 = 500;

/// Prints a row for each server.
pub(crate) fn run(connections: usize) {
    allow(connections as u64 + OTHERS);
    println!("| server | resident bytes for each of {connections} | given out by the allocator |");
    println!("|---|---:|---:|");
    for name in NAMES.into_iter().chain([TLS]) {
        let mut subject = Subject::counted(name);
        let tls = subject.said.first().map(|hex| config(hex));
        // What is made once is made before.
        drop(open(&subject, 100, tls.as_ref()));
        thread::sleep(SETTLE);
        let before = (subject.resident(), subject.held());
        let held = open(&subject, connections, tls.as_ref());
        thread::sleep(SETTLE);
        let cost = |after: f64, before: f64| (after - before) / held.len() as f64;
        let resident = cost(subject.resident(), before.0);
        let given_out = cost(subject.held(), before.1);
        println!("| {name} | {resident:.0} | {given_out:.0} |");
    }
}

/// Raises the limit on descriptors, ours and that of the servers, which inherit it: each side of the connections is
/// a process of its own.
pub(crate) fn allow(descriptors: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < descriptors) {
        let raised = Rlimit { current: Some(descriptors), ..limit };
        setrlimit(Resource::Nofile, raised).unwrap_or_else(|error| {
            panic!("{descriptors} descriptors are needed, and the hard limit is {limit:?}: {error}")
        });
    }
}

/// Connections that have had one answer each, and wait.
fn open(subject: &Subject, count: usize, tls: Option<&Arc<ClientConfig>>) -> Vec<TcpStream> {
    let request = request("/hello");
    let connect = |_| {
        let mut stream = TcpStream::connect(subject.address).expect("a connection");
        match tls {
            None => {
                stream.write_all(request.as_bytes()).expect("written");
                read_answer(&mut stream);
            }
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let mut session =
                    ClientConnection::new(Arc::clone(config), name).expect("a session");
                let mut secure = Stream::new(&mut session, &mut stream);
                secure.write_all(request.as_bytes()).expect("written");
                read_answer(&mut secure);
            }
        }
        stream
    };
    (0..count).map(connect).collect()
}

/// Trusts the certificate, which is given in hexadecimal digits, and no other.
fn config(hex: &str) -> Arc<ClientConfig> {
    let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    let certificate: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
