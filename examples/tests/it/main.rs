//! The workspace as a whole.

// Which crate may know which.
mod architecture;
// The example `chat` in a browser.
mod chat;
// Our server, judged by our harness as by any other.
mod judged;
// How reference starts, says what is wrong, and stops.
mod starts;
