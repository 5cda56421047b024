//! The harness as a whole, judged by servers whose behaviour is known.

// What holds in every case.
mod audit;
// Servers that serve little at a time.
mod brief;
// A server that follows the RFCs, save for the faults planted in it.
mod planted;
// What a subject does not give back.
mod leaks;
// Every case is passed without faults, and failed by one.
mod proof;
