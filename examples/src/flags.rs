//! Flags with human units, for `clap`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use seawall_http_server::{Limits, Timeouts};
use seawall_ws_server as ws;

/// Where to listen, and with which certificate.
#[derive(Args, Clone, Debug)]
pub struct Listen {
    /// Address and port to listen on; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Certificate chain, PEM; serves https instead of http, or beside it with --tls-listen
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A certificate that nobody trusts, made at start: for tests
    #[arg(long, conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,
    /// Another name with a certificate of its own, made at start, for who asks for it; can be given several times
    #[arg(long, value_name = "NAME", requires = "tls_self_signed")]
    pub tls_name: Vec<String>,
    /// Address and port for https, beside http
    #[arg(long, value_name = "ADDRESS")]
    pub tls_listen: Option<SocketAddr>,
    /// How long connections may take to end after SIGTERM or Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub shutdown_timeout: Duration,
}

/// Every limit and timeout of the HTTP server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP limits")]
pub struct Http {
    /// What a client may take for its TLS handshake
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    handshake_timeout: Duration,
    /// From the start of a connection to its first octet
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    first_byte_timeout: Duration,
    /// From the first octet of a request head to its end
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    head_timeout: Duration,
    /// How long content may stand still, or be below the minimum rate, either way
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    body_timeout: Duration,
    /// Octets a second that content must flow at, on average, after the body timeout
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = size::<u32>)]
    min_rate: u32,
    /// Between two requests on one connection
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    keep_alive_timeout: Duration,
    /// How long a handler may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    handler_timeout: Duration,
    /// How long a closed connection waits for the client to read its answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    linger: Duration,
    /// A request line
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = size::<usize>)]
    max_request_line: usize,
    /// A field line
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = size::<usize>)]
    max_field_line: usize,
    /// A request head
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size::<usize>)]
    max_head: usize,
    /// Fields in a request head
    #[arg(long, value_name = "COUNT", default_value_t = 128)]
    max_fields: usize,
    /// The content of a request
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size::<u64>)]
    max_body: u64,
    /// The extensions of one chunk
    #[arg(long, value_name = "SIZE", default_value = "256", value_parser = size::<usize>)]
    max_chunk_extension: usize,
    /// A trailer section
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = size::<usize>)]
    max_trailers: usize,
    /// Requests on one connection
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max_requests: u32,
    /// Connections at once
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    max_connections: usize,
    /// Connections at once from one address
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max_connections_per_address: usize,
    /// TLS handshakes at once
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_handshakes: usize,
    /// Threads for handlers that block
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_blocking_threads: usize,
    /// Requests that wait for one of them
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    max_blocking_queue: usize,
    /// Threads whose handler does not return, beside those
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_blocking_stuck: usize,
}

impl Http {
    /// The limits that were chosen.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            request_line: self.max_request_line,
            field_line: self.max_field_line,
            head: self.max_head,
            fields: self.max_fields,
            body: self.max_body,
            chunk_extension: self.max_chunk_extension,
            trailers: self.max_trailers,
            requests_per_connection: self.max_requests,
            connections: self.max_connections,
            connections_per_address: self.max_connections_per_address,
            handshakes: self.max_handshakes,
            blocking_threads: self.max_blocking_threads,
            blocking_queue: self.max_blocking_queue,
            blocking_stuck: self.max_blocking_stuck,
        }
    }

    /// The timeouts that were chosen.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            handshake: self.handshake_timeout,
            first_byte: self.first_byte_timeout,
            head: self.head_timeout,
            keep_alive: self.keep_alive_timeout,
            progress: self.body_timeout,
            min_rate: self.min_rate,
            handler: self.handler_timeout,
            linger: self.linger,
        }
    }
}

/// Every limit and timeout of a WebSocket route.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "WebSocket limits")]
pub struct Ws {
    /// A frame
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size::<usize>)]
    ws_max_frame: usize,
    /// A message, over all its fragments
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size::<usize>)]
    ws_max_message: usize,
    /// Fragments in a message
    #[arg(long, value_name = "COUNT", default_value_t = 131_072)]
    ws_max_fragments: u32,
    /// What may wait to be written to one client
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size::<usize>)]
    ws_max_queue: usize,
    /// Messages that may wait to be written to one client
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    ws_max_queued_messages: usize,
    /// From one Ping to the next
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    ws_ping_interval: Duration,
    /// From a Ping to its Pong
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    ws_pong_timeout: Duration,
    /// From our Close to the client's
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    ws_close_timeout: Duration,
    /// How long a client may take nothing of what waits for it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    ws_write_timeout: Duration,
    /// Compress messages for clients that offer it (permessage-deflate), where the route allows
    #[arg(long)]
    ws_compression: bool,
    /// Let compressed messages refer to those before, either way: smaller, but memory for each connection
    #[arg(long, requires = "ws_compression")]
    ws_compression_context: bool,
    /// Messages from this length on are compressed
    #[arg(long, value_name = "SIZE", default_value = "256", value_parser = size::<usize>)]
    ws_compression_threshold: usize,
    /// How many times longer than what arrived a message may become
    #[arg(long, value_name = "COUNT", default_value_t = 25)]
    ws_max_ratio: u32,
    /// Up to here a message may become at any ratio
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size::<usize>)]
    ws_ratio_from: usize,
}

impl Ws {
    /// The limits that were chosen.
    #[must_use]
    pub fn limits(&self) -> ws::Limits {
        ws::Limits {
            frame: self.ws_max_frame,
            message: self.ws_max_message,
            fragments: self.ws_max_fragments,
            queued: self.ws_max_queue,
            queued_messages: self.ws_max_queued_messages,
            ..ws::Limits::default()
        }
    }

    /// The timeouts that were chosen.
    #[must_use]
    pub fn timeouts(&self) -> ws::Timeouts {
        ws::Timeouts {
            ping: self.ws_ping_interval,
            pong: self.ws_pong_timeout,
            close: self.ws_close_timeout,
            write: self.ws_write_timeout,
        }
    }

    /// The compression that was chosen, if any was.
    #[must_use]
    pub fn compression(&self) -> Option<ws::Compression> {
        self.ws_compression.then(|| ws::Compression {
            threshold: self.ws_compression_threshold,
            server_context: self.ws_compression_context,
            client_context: self.ws_compression_context,
            max_ratio: self.ws_max_ratio,
            ratio_from: self.ws_ratio_from,
            ..ws::Compression::default()
        })
    }
}

/// Parses a time such as `1s`, `500ms`, `2m 30s`.
///
/// # Errors
///
/// What does not fit, and an example that does.
pub fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a time like 500ms, 10s or 2m"))
}

/// Parses a size in octets such as `512`, `16KiB`, `1MiB`.
///
/// # Errors
///
/// What does not fit, and an example that does.
pub fn size<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1_u64,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err("write a size like 512, 16KiB or 1MiB".to_owned()),
    };
    let octets = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    let octets = octets.ok_or("write a size like 512, 16KiB or 1MiB")?;
    T::try_from(octets).map_err(|_| format!("{text} is too large here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size::<u64>("512"), Ok(512));
        assert_eq!(size::<u64>("16KiB"), Ok(16 * 1024));
        assert_eq!(size::<usize>("1 MiB"), Ok(1 << 20));
        for wrong in ["", "KiB", "-1", "1.5MiB", "1kb", "99999999999999999999", "20000000000GiB"] {
            assert!(size::<u64>(wrong).is_err(), "{wrong}");
        }
        assert!(size::<u32>("5GiB").unwrap_err().contains("too large"));
    }
}
