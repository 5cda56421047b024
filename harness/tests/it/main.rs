//! The harness as a whole, judged by servers whose behaviour is known.

// A server that follows the RFCs, save for the faults planted in it.
mod planted;
// Every case is passed without faults, and failed by one.
mod proof;
