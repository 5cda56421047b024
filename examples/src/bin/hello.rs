//! Prints nothing yet.
fn main() {}
