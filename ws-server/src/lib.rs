//! A WebSocket server: one crash-isolated actor for each connection.
