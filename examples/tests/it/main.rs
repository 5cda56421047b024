//! The workspace as a whole.

// Which crate may know which.
mod architecture;
