//! What the example servers share: flags with human units, and a `main` that starts, says so, and
//! stops on a signal.

pub mod flags;
mod run;

pub use run::{Serving, report, run};
