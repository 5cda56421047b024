//! TLS as we speak it: rustls as a state machine, which the connection feeds with octets.
//!
//! Sans I/O, so that a case decides what goes into a segment, and when: what [`Session::seal`] gives is a
//! record of its own, and nothing leaves unasked.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, RootCertStore,
    SignatureScheme,
};

use crate::error::Error;
use crate::profile;

/// How to speak TLS with an endpoint: what is trusted, and for which name.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// For the host of a URL.
    ///
    /// # Errors
    ///
    /// What is wrong with the host.
    pub(crate) fn new(trust: &Trust, host: &str) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host} is no name that a certificate could have"))?;
        Ok(Self { config: Arc::clone(&trust.0), name })
    }

    /// The same, asking for another name.
    ///
    /// # Errors
    ///
    /// That it is no name.
    pub(crate) fn asking_for(&self, host: &str) -> Result<Self, String> {
        Self::new(&Trust(Arc::clone(&self.config)), host)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.name == other.name
    }
}

impl Eq for Tls {}

/// Whose certificates are believed.
#[derive(Clone, Debug)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// As the profile has it; without a word there, the system's authorities. A CA's path is looked up from
    /// `folder`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] naming the key and the file.
    pub(crate) fn new(tls: &profile::Tls, folder: &Path) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Usage(format!("TLS cannot be had: {error}")))?;
        let mut config = if tls.insecure {
            let anyone = Arc::new(Anyone(provider));
            builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth()
        } else {
            let roots = match &tls.ca {
                Some(file) => authorities(&folder.join(file))?,
                None => system_authorities(),
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, Error> {
    let wrong = |why: String| Error::Usage(format!("tls.ca: {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(format!("not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("it holds no certificate".into())) } else { Ok(roots) }
}

/// None at all is no error here: the handshake will say whom it does not know.
fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// How what is sent during a handshake is cut: pieces that are sent one by one.
pub(crate) type Cut<'a> = &'a dyn Fn(&[u8]) -> Vec<Vec<u8>>;

/// In which pieces a handshake is sent, and when.
#[derive(Clone, Copy)]
pub(crate) struct Pieces<'a> {
    pub(crate) cut: Cut<'a>,
    /// Between two of them.
    pub(crate) pause: Duration,
    /// All that is sent at a time takes no longer than this, whatever the pause.
    pub(crate) within: Duration,
}

impl Pieces<'_> {
    /// All in one.
    pub(crate) const ONE: Self = Self {
        cut: &|octets| vec![octets.to_vec()],
        pause: Duration::ZERO,
        within: Duration::ZERO,
    };
}

/// One connection's TLS.
pub(crate) struct Session {
    connection: ClientConnection,
    /// The subject has sent `close_notify`.
    closed: bool,
}

impl Session {
    /// Before the handshake; its first message waits in [`pending`](Self::pending).
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub(crate) fn new(tls: &Tls) -> Result<Self, String> {
        let connection = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone());
        let mut connection = connection.map_err(|error| error.to_string())?;
        // A case sends at once what it has to send; the connection holds what does not fit the wire.
        connection.set_buffer_limit(None);
        Ok(Self { connection, closed: false })
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The version that was agreed on, in words.
    pub(crate) fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "an unknown TLS",
        }
    }

    /// Whether the subject's certificate is one for the name that was asked for.
    pub(crate) fn is_for(&self, tls: &Tls) -> bool {
        let shown = self.connection.peer_certificates().and_then(|chain| chain.first());
        shown.is_some_and(|shown| {
            ParsedCertificate::try_from(shown)
                .is_ok_and(|parsed| verify_server_name(&parsed, &tls.name).is_ok())
        })
    }

    /// Records that are to be sent, and not given out yet.
    pub(crate) fn pending(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        while self.connection.wants_write() {
            // Writing to a vector does not fail.
            if !matches!(self.connection.write_tls(&mut octets), Ok(1..)) {
                break;
            }
        }
        octets
    }

    /// Records with these octets inside.
    pub(crate) fn seal(&mut self, octets: &[u8]) -> Vec<u8> {
        // Fails only over a buffer limit, and there is none.
        _ = self.connection.writer().write_all(octets);
        self.pending()
    }

    /// Takes what came from the subject, and appends what was inside to `opened`.
    ///
    /// # Errors
    ///
    /// How the subject broke the protocol, or by which alert it ended it.
    pub(crate) fn open(&mut self, mut octets: &[u8], opened: &mut Vec<u8>) -> Result<(), String> {
        while !octets.is_empty() && !self.closed {
            if let Err(error) = self.connection.read_tls(&mut octets) {
                return Err(error.to_string());
            }
            let state = self.connection.process_new_packets().map_err(|error| error.to_string())?;
            self.closed = state.peer_has_closed();
            let before = opened.len();
            opened.resize(before + state.plaintext_bytes_to_read(), 0);
            let mut reader = self.connection.reader();
            match reader.read_exact(&mut opened[before..]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => opened.truncate(before),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// Whether the subject has sent `close_notify`: nothing that follows counts.
    pub(crate) fn has_closed(&self) -> bool {
        self.closed
    }

    /// The record by which we close our direction.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.connection.send_close_notify();
        self.pending()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Believes every certificate: what is judged is the server, not who it is.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::thread::{self, JoinHandle};
    use std::time::Instant;

    use futures_lite::future::block_on;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::*;
    use crate::wire::{Connection, Read, Recorder, Source};

    const PATIENCE: Duration = Duration::from_secs(10);

    type Served = StreamOwned<ServerConnection, TcpStream>;

    /// A server for one client, with a certificate of its own.
    struct Server {
        address: SocketAddr,
        pem: String,
        thread: JoinHandle<()>,
    }

    fn serve(act: impl FnOnce(Served) + Send + 'static) -> Server {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let session = ServerConnection::new(Arc::new(config)).unwrap();
            act(StreamOwned::new(session, stream));
        });
        Server { address, pem: made.cert.pem(), thread }
    }

    fn insecure() -> Trust {
        let anyone = profile::Tls { insecure: true, ..profile::Tls::default() };
        Trust::new(&anyone, Path::new("")).unwrap()
    }

    fn open(server: &Server, trust: &Trust) -> io::Result<(Connection, Recorder)> {
        let tls = Tls::new(trust, "127.0.0.1").unwrap();
        let trace = Recorder::default();
        let opened =
            Connection::open(server.address, Some(&tls), Source::Case, 1, &trace, PATIENCE);
        Ok((block_on(opened)?, trace))
    }

    fn deadline() -> Instant {
        Instant::now() + PATIENCE
    }

    /// As over plain TCP: what comes while we write is taken in, lest an echo get stuck.
    #[test]
    fn octets_go_both_ways_however_many() {
        const LEN: usize = 4_000_000;
        let server = serve(|mut client| {
            let mut octets = vec![0; 100_000];
            for _ in 0..LEN / octets.len() {
                client.read_exact(&mut octets).unwrap();
                client.write_all(&octets).unwrap();
            }
            client.conn.send_close_notify();
            client.flush().unwrap();
        });
        let (mut connection, trace) = open(&server, &insecure()).unwrap();
        let sent: Vec<u8> = (0..LEN).map(|i| (i % 251) as u8).collect();
        block_on(async {
            assert!(connection.send(&sent, deadline()).await);
            while connection.read(deadline()).await == Read::Data {}
        });
        assert_eq!(connection.ended(), Some(Read::Ended));
        assert!(connection.unread() == sent);
        let lines = trace.render("subject").lines;
        assert_eq!(lines[..2], ["c1 ~ connect", "c1 ~ TLS 1.3"]);
        assert!(lines[2].starts_with(r"c1 > "), "the trace shows what is inside");
        server.thread.join().unwrap();
    }

    /// RFC 8446 §6.1: an end without `close_notify` may be an attacker's.
    #[test]
    fn an_end_that_proves_nothing_is_told_from_one_in_order() {
        let server = serve(|mut client| {
            client.write_all(b"part").unwrap();
            client.flush().unwrap();
        });
        let (mut connection, trace) = open(&server, &insecure()).unwrap();
        block_on(async {
            assert_eq!(connection.read(deadline()).await, Read::Data);
            assert_eq!(connection.read(deadline()).await, Read::Reset);
        });
        assert_eq!(trace.render("subject").lines.last().unwrap(), "c1 < end without close_notify");
        server.thread.join().unwrap();
    }

    #[test]
    fn we_close_by_close_notify() {
        let server = serve(|mut client| {
            // Fails if the stream is cut.
            assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 3);
        });
        let (mut connection, _) = open(&server, &insecure()).unwrap();
        block_on(connection.send(b"end", deadline()));
        connection.finish();
        server.thread.join().unwrap();
    }

    #[test]
    fn a_certificate_is_believed_by_its_authority_or_refused_with_a_cure() {
        let server = serve(|mut client| {
            assert!(client.read(&mut [0]).is_err());
        });
        let nobody = Trust::new(&profile::Tls::default(), Path::new("")).unwrap();
        let error = open(&server, &nobody).unwrap_err().to_string();
        assert!(error.contains("UnknownIssuer") && error.contains("--insecure"), "{error}");
        server.thread.join().unwrap();

        let server = serve(|mut client| client.write_all(b"x").unwrap());
        let folder = std::env::temp_dir();
        let file = PathBuf::from(format!("seawall-ca-{}.pem", std::process::id()));
        std::fs::write(folder.join(&file), &server.pem).unwrap();
        let tls = profile::Tls { ca: Some(file.clone()), ..profile::Tls::default() };
        let trust = Trust::new(&tls, &folder).unwrap();
        std::fs::remove_file(folder.join(&file)).unwrap();
        assert!(open(&server, &trust).is_ok());
        server.thread.join().unwrap();
        let error = Trust::new(&tls, &folder).unwrap_err().to_string();
        assert!(error.starts_with("tls.ca: ") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_server_that_speaks_no_tls_is_an_error_that_says_so() {
        let server = serve(|client| {
            let mut stream = client.sock;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let error = open(&server, &insecure()).unwrap_err().to_string();
        assert!(error.starts_with("the TLS handshake failed: "), "{error}");
        server.thread.join().unwrap();
    }
}
