//! An HTTP/1.1 server: one crash-isolated actor for each connection.
