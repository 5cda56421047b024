#![doc = include_str!("../README.md")]
mod audit;
mod case;
pub mod catalogue;
mod context;
mod corpus;
mod engine;
mod error;
mod explain;
mod filter;
mod http;
mod init;
mod limits;
mod profile;
mod replay;
mod report;
mod route;
mod side_by_side;
mod subject;
mod testing;
mod timing;
mod verdict;
mod wire;
mod ws;

pub use case::{Case, Family};
pub use engine::{Event, Options, check_deviations, run};
pub use error::Error;
pub use explain::{Exchange, Reasons};
pub use filter::Filter;
pub use init::draft;
pub use limits::Limits;
pub use profile::{Deviation, Launch, Profile, Ready, StopSignal, Tls, Urls};
pub use replay::{Line, Replayed, Shrunk, replay, shrink};
pub use report::{
    Cell, Change, Comparison, Difference, End, Judged, Note, Report, Row, SCHEMA, Sample, Subject,
};
pub use route::Route;
pub use subject::is_ignored;
pub use testing::{judge, traces};
pub use verdict::{Outcome, Strength};
