//! Numbers that no client can foresee.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// Four octets, for a Ping: the keys of the hasher are random.
pub(crate) fn random() -> [u8; 4] {
    let [a, b, c, d, ..] = RandomState::new().hash_one(Instant::now()).to_ne_bytes();
    [a, b, c, d]
}
