//! What stands in for permessage-deflate where the feature is off: types without values, so that
//! the rest can say `Option` either way.

use seawall_codec::ws::{self, Kind, handshake};

#[derive(Clone, Debug)]
pub(crate) enum Compression {}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Deflate {}

pub(crate) enum Encoder {}

pub(crate) enum Compressor {}

impl Deflate {
    pub(crate) fn negotiate(
        _: &mut handshake::Request<'_>,
        compression: &Compression,
        _: bool,
    ) -> Option<Self> {
        match *compression {}
    }

    pub(crate) fn apply(self, _: &mut ws::Connection) {
        match self {}
    }

    pub(crate) fn encoder(self) -> Encoder {
        match self {}
    }
}

impl Encoder {
    pub(crate) fn wants(&self, _: &[u8]) -> bool {
        match *self {}
    }

    pub(crate) fn shared(&self) -> Option<Deflate> {
        match *self {}
    }

    pub(crate) fn with<T>(&self, _: impl FnOnce(&mut Compressor) -> T) -> T {
        match *self {}
    }

    pub(crate) fn rest(&self) {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}

impl Compressor {
    pub(crate) fn encode(&mut self, _: Kind, _: &[u8], _: Option<[u8; 4]>, _: &mut Vec<u8>) {
        match *self {}
    }
}
