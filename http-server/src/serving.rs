//! A connection's actor: what comes before HTTP, HTTP, and what it may go on with. Each has its
//! memory to itself, and gives it back as the next begins.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use seawall_actor::ExitReason;

use crate::server::Seat;
use crate::upgrade::Driven;

/// The future of a connection's actor.
pub(crate) struct Serving {
    stage: Stage,
    /// Given up last. `None` while it is prepared.
    seat: Option<Seat>,
}

enum Stage {
    Preparing(Prepared),
    Speaking(Speaking),
    Driven(Driven),
}

/// A connection's time before HTTP: a header of the PROXY protocol, a TLS handshake. An error is
/// how it ended there.
pub(crate) type Prepared =
    Pin<Box<dyn Future<Output = Result<(Speaking, Seat), ExitReason>> + Send>>;

/// Its time with HTTP: how it ended, or what it goes on with.
pub(crate) type Speaking = Pin<Box<dyn Future<Output = Result<ExitReason, Driven>> + Send>>;

impl Serving {
    pub(crate) fn prepare(prepared: Prepared) -> Self {
        Self { stage: Stage::Preparing(prepared), seat: None }
    }

    pub(crate) fn speak(speaking: Speaking, seat: Seat) -> Self {
        Self { stage: Stage::Speaking(speaking), seat: Some(seat) }
    }
}

impl Future for Serving {
    type Output = ExitReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ExitReason> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Preparing(prepared) => match ready!(prepared.as_mut().poll(cx)) {
                    Ok((speaking, seat)) => {
                        self.seat = Some(seat);
                        Stage::Speaking(speaking)
                    }
                    Err(reason) => return Poll::Ready(reason),
                },
                Stage::Speaking(speaking) => match ready!(speaking.as_mut().poll(cx)) {
                    Ok(reason) => return Poll::Ready(reason),
                    Err(driven) => Stage::Driven(driven),
                },
                Stage::Driven(driven) => return driven.as_mut().poll(cx),
            };
        }
    }
}
