//! The workspace as a whole.

// Which crate may know which.
mod architecture;
// The example `chat` in a browser.
mod chat;
// Clients that no one here wrote.
mod clients;
// The examples of HTTP, each asked and stopped.
mod http;
// Our server, judged by our harness as by any other.
mod judged;
// What docs/requirements.md promises has its proof.
mod requirements;
// How reference starts, says what is wrong, and stops.
mod starts;
// What is recorded of servers that no one here wrote.
mod subjects;
// An example in a process of its own.
mod support;
// A client of Rust's that no one here wrote, plain and over TLS.
mod tungstenite;
