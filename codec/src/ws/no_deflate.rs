//! What stands in for permessage-deflate where the feature is off: a type without
//! values, so that a connection can say `Option<Deflate>` either way.

use alloc::vec::Vec;

use super::error::Violation;
use super::event::Kind;

#[derive(Debug)]
pub(super) enum Deflate {}

impl Deflate {
    pub(super) fn inflate(
        &mut self,
        _: &[u8],
        _: bool,
        _: impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        match *self {}
    }

    pub(super) fn encode(&mut self, _: Kind, _: &[u8], _: Option<[u8; 4]>, _: &mut Vec<u8>) {
        match *self {}
    }

    pub(super) fn shrink(&mut self) {
        match *self {}
    }
}
