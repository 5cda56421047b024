//! WebSocket and HTTP/1.1 protocols without I/O: no_std, no unsafe.
