//! The subject's end of a connection: whether a process still holds it, or has let it go.
//!
//! Linux lists the sockets of a machine in `/proc/net/tcp` and `tcp6`. One that a process holds has an inode; one that
//! was closed and is only being brought to its end by the system has none, and costs nobody a descriptor.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use crate::wire::Connection;

/// The subject's end of a connection, where it can be seen: on this machine, in our network namespace.
#[derive(Debug)]
pub(crate) struct FarEnd {
    /// Its own address and the client's, as the system writes them.
    addresses: [String; 2],
}

impl FarEnd {
    /// The other end of an open connection; `None` where it cannot be seen.
    pub(crate) fn of(connection: &Connection) -> Option<Self> {
        let (subject, client) = connection.addresses().ok()?;
        let end = Self { addresses: [written(subject), written(client)] };
        end.is_held().then_some(end)
    }

    /// Whether it costs a process a descriptor.
    pub(crate) fn is_held(&self) -> bool {
        let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
        lists.iter().flatten().flat_map(|list| list.lines()).any(|line| self.is_held_by(line))
    }

    /// Whether this line is about it, and names an inode:
    /// `0: 0100007F:1F90 0100007F:D5A2 01 00000000:00000000 00:00000000 00000000 1000 0 12345 …`.
    fn is_held_by(&self, line: &str) -> bool {
        let mut words = line.split_whitespace().skip(1);
        // A socket of both families writes an address of IPv4 behind zeros and FFFF.
        let is_here = self
            .addresses
            .iter()
            .all(|address| words.next().is_some_and(|word| word.ends_with(&address[..])));
        is_here && words.nth(6).is_some_and(|inode| inode != "0")
    }
}

/// The address in words of 32 bits, each in the order of this machine; then the port.
fn written(address: SocketAddr) -> String {
    let octets = match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words =
        octets.as_chunks().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use futures_lite::future::block_on;

    use super::*;
    use crate::wire::{Recorder, Source};

    #[test]
    fn a_line_is_about_two_addresses_and_an_inode() {
        let addresses = ["127.0.0.1:8080", "127.0.0.1:54690"].map(|text| {
            let address: SocketAddr = text.parse().unwrap();
            written(address)
        });
        let end = FarEnd { addresses };
        let line = |local: &str, inode: &str| {
            let local = if cfg!(target_endian = "little") { local.into() } else { swapped(local) };
            format!("0: {local} 01 00000000:00000000 00:00000000 00000000 1000 0 {inode} 1 f")
        };
        assert!(end.is_held_by(&line("0100007F:1F90 0100007F:D5A2", "12345")));
        assert!(!end.is_held_by(&line("0100007F:1F90 0100007F:D5A2", "0")));
        assert!(!end.is_held_by(&line("0100007F:D5A2 0100007F:1F90", "12345")), "our own end");
        let mapped = "0000000000000000FFFF0000";
        let both = format!("{mapped}0100007F:1F90 {mapped}0100007F:D5A2");
        assert!(end.is_held_by(&line(&both, "12345")));
        assert!(!end.is_held_by("sl local_address rem_address st tx_queue rx_queue"));
    }

    fn swapped(text: &str) -> String {
        text.replace("0100007F", "7F000001").replace("FFFF0000", "0000FFFF")
    }

    #[test]
    fn what_is_dropped_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let patience = Duration::from_secs(10);
        let trace = Recorder::default();
        let mut connection =
            block_on(Connection::open(address, None, Source::Case, 1, &trace, patience)).unwrap();
        let peer = listener.accept().unwrap();
        let Some(end) = FarEnd::of(&connection) else {
            assert!(fs::metadata("/proc/net/tcp").is_err(), "it can be seen here");
            return;
        };
        drop(peer);
        block_on(connection.read(Instant::now() + patience));
        assert!(!end.is_held());
    }
}
