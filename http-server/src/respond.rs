//! Writing a response, and what becomes of the connection after it.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use futures_lite::future;
use seawall_actor::ExitReason;
use seawall_codec::http::{Exchange, ResponseWriter, Sending, Status, chunked};

use crate::connection::{Answered, End, failed};
use crate::date;
use crate::error::{Kind, Phase};
use crate::link::{Fault, Link, Remainder, Slot};
use crate::output::GATHER_LEN;
use crate::request::Origin;
use crate::response::{Content, MediaType};
use crate::stream::{Piece, Producer};
use crate::upgrade::{Takeover, Transport};
use crate::{Error, Event, Response};

/// Content that a handler did not read is skipped up to this many octets, so that the connection
/// can persist; a longer rest costs more than a new connection.
const SKIP_LEN: u64 = 64 * 1024;

/// What is left of a response after its head, and all content that was at hand, was put into the
/// connection's output.
pub(crate) struct Rest {
    /// The response was 101.
    takeover: Option<Takeover>,
    /// Content that is still to be made.
    stream: Option<(Producer, Sending)>,
    /// Content of the request is still to be read.
    skip: bool,
    /// How the connection ends then, unless it persists.
    ends: Option<ExitReason>,
}

impl<S: Transport> Slot<S> {
    /// Puts the response into the connection's output. `None`: that was all, and the connection is
    /// ready for the next request.
    pub(crate) fn respond(
        &self,
        exchange: Exchange,
        answered: Answered,
        date: &date::Text,
        cx: &mut Context<'_>,
    ) -> Option<Rest> {
        let Answered { mut response, mut failure } = answered;
        self.prepare(&mut response, &mut failure, cx);
        // Dropped once the link is no longer locked: what the handler made may reach for it.
        let mut discarded = None;
        let mut replace = |response: &mut Response, status| {
            let replaced = std::mem::replace(response, Response::status_text(status));
            discarded.get_or_insert(replaced);
        };
        let rest =
            self.with(|link| self.put(link, exchange, &mut response, failure, date, &mut replace));
        rest.flatten()
    }

    /// Sees to what can be wrong with a response before it is written.
    fn prepare(
        &self,
        response: &mut Response,
        failure: &mut Option<ExitReason>,
        cx: &mut Context<'_>,
    ) {
        let failed = match &mut response.content {
            Content::Whole(_) => None,
            Content::Stream(producer, _) => producer.poll_start(cx),
            #[cfg(feature = "serde")]
            Content::Failed(_) => match std::mem::take(&mut response.content) {
                Content::Failed(error) => Some(failed(error)),
                Content::Whole(_) | Content::Stream(..) => None,
            },
        };
        if let Some(reason) = failed {
            *response = Response::status_text(Status::INTERNAL_SERVER_ERROR);
            *failure = failure.take().or(Some(reason));
        }
    }

    /// Puts head and content into the output, and tells what is left then.
    fn put(
        &self,
        link: &mut Link<S>,
        mut exchange: Exchange,
        response: &mut Response,
        mut failure: Option<ExitReason>,
        date: &date::Text,
        replace: &mut dyn FnMut(&mut Response, Status),
    ) -> Option<Rest> {
        // A producer may hold the request, and read its content while it sends.
        if !matches!(response.content, Content::Stream(..)) {
            link.skip_buffered();
        }
        let remainder = link.remainder();
        if let Some(fault) = link.content.fault {
            self.count_fault(fault);
            failure = failure.or_else(|| Some(failed(fault.during(Phase::Content))));
        }
        let skip = matches!(remainder, Remainder::Octets(left) if left <= SKIP_LEN);
        let persist = (skip || remainder == Remainder::Nothing)
            && failure.is_none()
            && !response.close
            // The scope knows of a shutdown before it has told this actor.
            && !self.origin.context.scope().is_stopping()
            && !self.origin.context.is_stopping();
        if !persist {
            exchange.close();
        }
        if response.takeover.is_some()
            && (remainder != Remainder::Nothing || !exchange.wants_upgrade())
        {
            // After the whole request, and only if the client asks for it.
            replace(response, Status::BAD_REQUEST);
            exchange.close();
        }
        let sending = match write_head(link.output.bytes(), &mut exchange, response, date) {
            Ok(sending) => sending,
            Err(error) => {
                failure = Some(failed(error));
                replace(response, Status::INTERNAL_SERVER_ERROR);
                exchange.close();
                // Ours is right; were it not, the connection would end without an answer.
                let written = write_head(link.output.bytes(), &mut exchange, response, date);
                written.unwrap_or(Sending::None)
            }
        };
        link.content.status = Some(response.status);
        self.count_response(response.status);
        let stream = match (sending, std::mem::take(&mut response.content)) {
            (Sending::None, content) => {
                response.content = content; // not to be dropped here
                None
            }
            (_, Content::Whole(bytes)) => {
                link.output.push(bytes);
                None
            }
            (_, Content::Stream(producer, _)) => Some((producer, sending)),
            // Replaced before.
            #[cfg(feature = "serde")]
            (_, Content::Failed(_)) => None,
        };
        let takeover = response.takeover.take();
        let ends = (!exchange.keep_alive()).then(|| failure.unwrap_or(ExitReason::Normal));
        let full = link.output.len() >= GATHER_LEN;
        let is_all = takeover.is_none() && stream.is_none() && ends.is_none() && !skip && !full;
        (!is_all).then_some(Rest { takeover, stream, skip, ends })
    }

    /// Does what is left of a response. `Ok` if the connection persists.
    pub(crate) async fn finish_response(&self, rest: Rest) -> Result<(), End> {
        let Rest { takeover, stream, skip, ends } = rest;
        if let Some(takeover) = takeover {
            // Lost or not: who was promised a connection hears of its end from the connection.
            let intact = self.flush().await.is_ok();
            return Err(End::Upgrade { takeover, intact });
        }
        if let Some((producer, sending)) = stream {
            self.stream(producer, sending).await?;
        }
        self.flush_if_full().await?;
        match ends {
            Some(reason) => Err(End::Close(reason)),
            None if skip => self.skip().await,
            None => Ok(()),
        }
    }

    fn count_response(&self, status: Status) {
        match status.code() {
            400..500 => self.shared.counters.client_errors.add(),
            500..600 => self.shared.counters.server_errors.add(),
            _ => {}
        }
    }

    /// Writes content as it is made.
    async fn stream(&self, mut producer: Producer, sending: Sending) -> Result<(), End> {
        let chunks = sending == Sending::Chunked;
        let mut left = match sending {
            Sending::Length(len) => Some(len),
            Sending::None | Sending::Chunked | Sending::UntilClose => None,
        };
        let mut trailers = Vec::new();
        loop {
            let piece = poll_fn(|cx| match producer.poll_next(cx) {
                Poll::Ready(next) => Poll::Ready(Ok(next)),
                Poll::Pending => self.while_producing(&mut producer, cx),
            })
            .await?;
            match piece {
                Ok(Some(Piece::Data(piece))) => {
                    if let Some(left) = &mut left {
                        let Some(less) = left.checked_sub(piece.len() as u64) else {
                            return Err(self.cut_off(failed(Error::new(Kind::Length))).await);
                        };
                        *left = less;
                    }
                    self.with(|link| {
                        if chunks {
                            chunked::encode(&piece, link.output.bytes());
                        } else {
                            link.output.push(Cow::Owned(piece));
                        }
                    });
                    if self.flush_if_full().await? {
                        // A producer that is never short of pieces, and a client that takes them
                        // all: others of the same worker want their turn, too.
                        future::yield_now().await;
                    }
                }
                Ok(Some(Piece::Trailer(name, value))) => match check_trailer(&name) {
                    Ok(()) => trailers.push((name, value)),
                    Err(error) => return Err(self.cut_off(failed(error)).await),
                },
                Ok(None) if left.is_some_and(|left| left > 0) => {
                    return Err(self.cut_off(failed(Error::new(Kind::Length))).await);
                }
                Ok(None) if chunks => return self.end_chunks(&trailers).await,
                Ok(None) => return Ok(()),
                Err(reason) => return Err(self.cut_off(reason).await),
            }
        }
    }

    /// What is done while the producer takes its time: what was made so far leaves, and the client
    /// is watched, so that nobody goes on producing for nobody.
    fn while_producing<T>(
        &self,
        producer: &mut Producer,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Result<Option<T>, ExitReason>, End>> {
        let watched = self.with(|link| {
            if let Poll::Ready(Err(error)) = link.poll_flush(cx) {
                return Err(error);
            }
            if link.poll_gone(cx).is_ready() {
                producer.client_left();
            }
            link.broken.map_or(Ok(()), |kind| Err(io::Error::from(kind).into()))
        });
        match watched {
            Some(Ok(())) => Poll::Pending,
            Some(Err(error)) => Poll::Ready(Err(End::Drop(failed(error)))),
            None => Poll::Ready(Ok(Ok(None))),
        }
    }

    async fn end_chunks(
        &self,
        trailers: &[(Cow<'static, str>, Cow<'static, str>)],
    ) -> Result<(), End> {
        let fields = trailers.iter().map(|(name, value)| (&**name, value.as_bytes()));
        match self.with(|link| chunked::end_with_trailers(fields, link.output.bytes())) {
            Some(Err(misuse)) => {
                Err(self.cut_off(failed(Error::new(Kind::Response(misuse)))).await)
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Ends the connection so that the client cannot take what it got for all.
    async fn cut_off(&self, reason: ExitReason) -> End {
        if let Err(end) = self.flush().await {
            return end;
        }
        self.with(|link| link.stream.abort());
        End::Drop(reason)
    }

    /// Reads the rest of a content that nobody wants.
    async fn skip(&self) -> Result<(), End> {
        loop {
            let polled = poll_fn(|cx| {
                let polled = self.with(|link| link.poll_content(cx, |_| {}));
                polled.unwrap_or(Poll::Ready(Ok(false)))
            });
            match polled.await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(fault) => {
                    self.count_fault(fault);
                    return Err(End::Close(failed(fault.during(Phase::Content))));
                }
            }
        }
    }

    /// Writes all that waits.
    async fn flush(&self) -> Result<(), End> {
        poll_fn(|cx| self.with(|link| link.poll_flush(cx)).unwrap_or(Poll::Ready(Ok(()))))
            .await
            .map_err(|error| End::Drop(failed(error)))
    }

    /// Writes all that waits if that is much; tells whether it was.
    async fn flush_if_full(&self) -> Result<bool, End> {
        let full = self.with(|link| link.output.len()).is_some_and(|len| len >= GATHER_LEN);
        if full {
            self.flush().await?;
        }
        Ok(full)
    }

    /// Ends the connection over what the client did, with an answer where one helps.
    pub(crate) fn refuse(&self, mut exchange: Exchange, error: Error) -> End {
        if error.status().is_none() {
            return End::Drop(failed(error));
        }
        self.shared.counters.request_errors.add();
        let response = error.response();
        exchange.close();
        self.count_response(response.status);
        let Origin { peer, .. } = self.origin;
        self.shared.report(&Event::Rejected { peer, status: response.status, error: &error });
        self.with(|link| {
            let written = write_head(link.output.bytes(), &mut exchange, &response, &date::now());
            if let (Ok(Sending::Length(_)), Content::Whole(bytes)) = (written, response.content) {
                link.output.push(bytes);
            }
        });
        End::Close(failed(error))
    }

    fn count_fault(&self, fault: Fault) {
        if matches!(fault, Fault::Violation(_)) {
            self.shared.counters.request_errors.add();
        }
    }
}

/// Appends the head; tells how the content follows.
fn write_head(
    out: &mut Vec<u8>,
    exchange: &mut Exchange,
    response: &Response,
    date: &date::Text,
) -> Result<Sending, Error> {
    let status = response.status;
    let len = match &response.content {
        Content::Whole(bytes) if status.allows_content() => Some(bytes.len() as u64),
        Content::Stream(_, Some(len)) if status.allows_content() => Some(*len),
        Content::Whole(_) | Content::Stream(..) => None,
        #[cfg(feature = "serde")]
        Content::Failed(_) => None,
    };
    let refused = |misuse| Error::new(Kind::Response(misuse));
    let switches = response.takeover.is_some();
    let mut head = if switches {
        exchange.switch_protocols(out).map_err(refused)?
    } else {
        ResponseWriter::new(status, out)
    };
    head.date(date).map_err(refused)?;
    for (name, value) in &response.fields {
        write_field(&mut head, name, value)?;
    }
    match &response.media_type {
        MediaType::None => {}
        MediaType::Known(line) => head.line(*line),
        MediaType::Other(value) => write_field(&mut head, "Content-Type", value.as_bytes())?,
    }
    let sending =
        if switches { Sending::None } else { exchange.frame(len, &mut head).map_err(refused)? };
    head.end();
    Ok(sending)
}

/// Writes a field of the handler's.
fn write_field(head: &mut ResponseWriter<'_>, name: &str, value: &[u8]) -> Result<(), Error> {
    let fault = |why| Error::new(Kind::Field { name: name.to_owned(), why });
    if name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("connection") {
        return Err(fault("the server writes this field itself".to_owned()));
    }
    head.field(name, value).map_err(|misuse| fault(misuse.to_string()))
}

/// Refuses trailer fields that would come too late.
fn check_trailer(name: &str) -> Result<(), Error> {
    if !chunked::may_be_trailer(name) {
        let why = "it must not come behind the content".to_owned();
        return Err(Error::new(Kind::Field { name: name.to_owned(), why }));
    }
    Ok(())
}
