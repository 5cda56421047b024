//! A request's head: read into memory that the thread keeps from one request to the next.

use std::cell::RefCell;

use seawall_codec::http::{Limits, RequestHead, RequestParser, Violation};

use crate::path_params::PathParams;

/// Heads that a thread keeps for the next requests.
const KEPT: usize = 32;

/// Octets of a head that is kept: with all that its fields take, less than 20 KiB.
const KEPT_LEN: usize = 4 * 1024;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    static POOL: RefCell<Vec<Box<Parts>>> = const { RefCell::new(Vec::new()) };
}

/// A request's head. Its memory goes back to the thread that drops it.
pub(crate) struct Head {
    /// `None` only while it is dropped.
    parts: Option<Box<Parts>>,
}

#[derive(Default)]
struct Parts {
    parser: RequestParser,
    bytes: Vec<u8>,
    params: PathParams,
}

impl Head {
    /// A head that is yet to be read.
    pub(crate) fn new(limits: &Limits) -> Self {
        let kept = POOL.try_with(|pool| pool.borrow_mut().pop());
        let mut parts = kept.ok().flatten().unwrap_or_default();
        parts.parser.restart(*limits);
        Self { parts: Some(parts) }
    }

    /// Reads on; `input` begins with the head. Whether it is complete: then it keeps what it
    /// needs of the input.
    pub(crate) fn read(&mut self, input: &[u8]) -> Result<bool, Violation> {
        let Parts { parser, bytes, .. } = self.parts_mut();
        let complete = parser.advance(input)?;
        if complete {
            bytes.extend_from_slice(parser.head(input).as_bytes());
        }
        Ok(complete)
    }

    /// How many octets a head that is complete has.
    pub(crate) fn len(&self) -> usize {
        self.parts().bytes.len()
    }

    /// The head, once it is complete.
    pub(crate) fn get(&self) -> RequestHead<'_> {
        let parts = self.parts();
        parts.parser.head(&parts.bytes)
    }

    pub(crate) fn params(&self) -> &PathParams {
        &self.parts().params
    }

    pub(crate) fn params_mut(&mut self) -> &mut PathParams {
        &mut self.parts_mut().params
    }

    fn parts(&self) -> &Parts {
        self.parts.as_deref().expect("not dropped")
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.parts.as_deref_mut().expect("not dropped")
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take()
            && parts.bytes.capacity() <= KEPT_LEN
        {
            parts.bytes.clear();
            parts.params.clear();
            // A thread that ends has no pool any more.
            let _ = POOL.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < KEPT {
                    pool.push(parts);
                }
            });
        }
    }
}
