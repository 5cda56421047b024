//! Services of the `tower` family as handlers: `axum` routers, `tower-http` layers, `tonic`-like
//! stacks, anything that maps an `http::Request` to an `http::Response`.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_lite::future;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use seawall_codec::http::{BodyFraming, Status};
use tower_service::Service;

use crate::response::Content;
use crate::stream::Producer;
use crate::{BodySender, ClientGone, Error, Handler, IntoResponse, Request, Response};

/// Makes a handler of a `tower` service.
///
/// The service is cloned for each request, and asked whether it is ready before it is called.
/// Content flows both ways with backpressure: the service gets a [`RequestBody`] that reads from
/// the connection as it is polled, and its response's body is polled no faster than the client
/// takes it. The client's address is among the request's extensions, as a
/// [`SocketAddr`](std::net::SocketAddr). An error of the service becomes a 500.
///
/// The server frames the message: `Connection`, `Date` and `Transfer-Encoding` of the service's
/// are left out, though `Connection: close` is heeded. Upgrades are not supported: there is nothing
/// of hyper's in the request, so a service that wants to switch protocols refuses, and a 101 of
/// its own making becomes a 500. A service that needs tokio runs on a
/// [`Scope::foreign`](crate::Scope::foreign) of tokio's.
///
/// # Examples
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use seawall_actor::Runtime;
/// use seawall_http_server::{Server, tower};
///
/// let app = Router::new().route("/users/{id}", get(async |Path(id): Path<u32>| format!("user {id}")));
///
/// let runtime = Runtime::new()?;
/// let server = Server::new(tower(app)).listen(([127, 0, 0, 1], 0).into());
/// let running = server.start(runtime.scope())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tower<S, B>(service: S) -> impl Handler
where
    S: Service<http::Request<RequestBody>, Response = http::Response<B>>,
    S: Clone + Send + Sync + 'static,
    S::Error: Into<Failure>,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Failure>> + Send + 'static,
{
    move |request: Request| {
        let service = service.clone();
        async move { call(service, request).await }
    }
}

async fn call<S, B>(mut service: S, request: Request) -> Response
where
    S: Service<http::Request<RequestBody>, Response = http::Response<B>>,
    B: Body<Data: Send, Error: Into<Failure>> + Send + 'static,
{
    // Where the types of `http` are narrower than ours: nothing that comes within the limits.
    let Ok(head) = http::Request::try_from(request.head()) else {
        return Status::BAD_REQUEST.into_response();
    };
    let is_head = request.method() == "HEAD";
    let mut head = head.map(|()| ());
    head.extensions_mut().insert(request.peer_addr());
    let request = head.map(|()| RequestBody { request, read: 0, ended: false });
    if poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
        return Response::status_text(Status::SERVICE_UNAVAILABLE);
    }
    // Dropped at once: an error need not be one that may go from thread to thread.
    match service.call(request).await.map_err(drop) {
        Ok(response) => convert(response, is_head).await,
        Err(()) => Response::status_text(Status::INTERNAL_SERVER_ERROR),
    }
}

async fn convert<B>(response: http::Response<B>, is_head: bool) -> Response
where
    B: Body<Data: Send, Error: Into<Failure>> + Send + 'static,
{
    let (parts, body) = response.into_parts();
    let mut response = Response::new(parts.status.into());
    for (name, value) in &parts.headers {
        if !matches!(name.as_str(), "connection" | "content-length" | "date" | "transfer-encoding")
        {
            response = response.field_bytes(name.as_str().to_owned(), value.as_bytes().to_vec());
        }
    }
    if parts.headers.get(http::header::CONNECTION).is_some_and(|value| value == "close") {
        response = response.close();
    }
    let mut body = Box::pin(body);
    let announced = || parts.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let len = match body.size_hint().exact() {
        // The content is left out already; its length is not (RFC 9110 §9.3.2).
        Some(0) if is_head => announced(),
        exact => exact,
    };
    // Most content is one short piece that is there already: then nothing needs to stream.
    let first = match future::poll_once(next_frame(&mut body)).await {
        Some(None) if !is_head => return response,
        Some(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) if !is_head && len == Some(data.remaining() as u64) => {
                response.content = Content::Whole(Cow::Owned(take(data)));
                return response;
            }
            Ok(data) => Some(Ok(Frame::data(data))),
            Err(frame) => Some(Ok(frame)),
        },
        Some(failed_or_ended) => failed_or_ended,
        None => None,
    };
    response.content = Content::Stream(Producer::new(|sender| send(first, body, sender)), len);
    response
}

/// What makes a body fail, or nobody read it.
type Failure = Box<dyn StdError + Send + Sync>;

async fn next_frame<B>(body: &mut Pin<Box<B>>) -> Option<Result<Frame<B::Data>, Failure>>
where
    B: Body<Error: Into<Failure>>,
{
    poll_fn(|cx| body.as_mut().poll_frame(cx).map_err(Into::into)).await
}

/// Sends the frames of a body, and polls no faster than they leave.
async fn send<B>(
    mut first: Option<Result<Frame<B::Data>, Failure>>,
    mut body: Pin<Box<B>>,
    mut sender: BodySender,
) -> Result<(), Failure>
where
    B: Body<Data: Send, Error: Into<Failure>>,
{
    loop {
        let next = match first.take() {
            Some(frame) => Some(frame),
            None => next_frame(&mut body).await,
        };
        let Some(frame) = next else { return Ok(()) };
        let sent = match frame?.into_data() {
            Ok(data) => sender.send(take(data)).await,
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => send_trailers(&trailers, &mut sender).await,
                Err(_) => Ok(()), // a kind of frame that this version of `http-body` lacks
            },
        };
        if let Err(ClientGone) = sent {
            return Ok(());
        }
    }
}

async fn send_trailers(trailers: &HeaderMap, sender: &mut BodySender) -> Result<(), ClientGone> {
    for (name, value) in trailers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        sender.trailer(name.as_str().to_owned(), value).await?;
    }
    Ok(())
}

fn take(mut data: impl Buf) -> Vec<u8> {
    let mut octets = vec![0; data.remaining()];
    data.copy_to_slice(&mut octets);
    octets
}

/// A request's content, as the body of an [`http::Request`]: read from the connection as it is
/// polled.
#[derive(Debug)]
pub struct RequestBody {
    request: Request,
    /// Octets so far.
    read: u64,
    ended: bool,
}

impl RequestBody {
    /// The request as this server knows it: its deadline, its TLS session, notice of a client
    /// that left.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(self.request.poll_piece(cx)) {
            Ok(Some(piece)) => {
                self.read += piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
            }
            Ok(None) => self.ended = true,
            Err(error) => {
                self.ended = true;
                return Poll::Ready(Some(Err(error)));
            }
        }
        let mut trailers = HeaderMap::new();
        for (name, value) in self.request.trailers() {
            // Names and values were checked as they came, by the same rules.
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                trailers.append(name, value);
            }
        }
        Poll::Ready((!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.request.head().framing() == BodyFraming::None
    }

    fn size_hint(&self) -> SizeHint {
        match self.request.head().framing() {
            BodyFraming::None => SizeHint::with_exact(0),
            BodyFraming::Length(len) => SizeHint::with_exact(len - self.read),
            BodyFraming::Chunked => SizeHint::default(),
        }
    }
}
