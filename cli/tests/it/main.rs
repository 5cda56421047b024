//! The binary as its users meet it: exit codes, messages, and what it leaves behind.

// What a mistake, a broken subject or an interruption comes to.
mod endings;
// What the harness leaves behind when it is stopped: nothing.
mod orphans;
// Two reports and more: diff, compare.
mod between;
// What needs no subject: list, explain.
mod catalogue;
// Drafting a profile.
mod init;
// A recorded trace, sent again and shrunk.
mod replay;
// Runs that judge something.
mod runs;
// Which cases run, and when it is enough.
mod selection;
// Servers small enough to be known by heart, and the binary itself.
mod support;
