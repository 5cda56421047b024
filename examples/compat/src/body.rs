//! Content: what `http-types` reads, as what `http-body` polls, and the other way. Nothing is
//! gathered: a piece is read when the other side asks for one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{AsyncRead, TryStreamExt, stream};
use http_body::{Body, Frame, SizeHint};

/// Octets that are read at once.
const PIECE: usize = 16 * 1024;

/// A body that `http-types` can read.
pub trait Content: Body<Data = Bytes, Error: Into<Failure>> + Send + Sync + 'static {}

impl<B: Body<Data = Bytes, Error: Into<Failure>> + Send + Sync + 'static> Content for B {}

/// Why content could not be read.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Trailers, which `http-types` knows as something else, are left out.
pub(crate) fn to_types(body: impl Content) -> http_types::Body {
    let len = body.size_hint().exact().and_then(|len| usize::try_from(len).ok());
    let mut body = Box::pin(body);
    let pieces = stream::poll_fn(move |cx| {
        loop {
            return Poll::Ready(match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(io::Error::other(error))),
                None => None,
            });
        }
    });
    http_types::Body::from_reader(pieces.into_async_read(), len)
}

/// Content of `http-types`, polled as `http-body` has it.
#[derive(Debug)]
pub struct TypesBody(pub(crate) http_types::Body);

impl Body for TypesBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut piece = vec![0; PIECE];
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, &mut piece));
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(len) => {
                piece.truncate(len);
                Some(Ok(Frame::data(piece.into())))
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty() == Some(true)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.len().map_or_else(SizeHint::default, |len| SizeHint::with_exact(len as u64))
    }
}
