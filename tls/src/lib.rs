//! One stream for plain and TLS connections, over rustls.
