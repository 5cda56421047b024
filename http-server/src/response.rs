//! What goes back to the client: status, fields, content.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use seawall_actor::Outcome;
use seawall_codec::http::{FieldLine, Status};

use crate::stream::{BodySender, Producer};
use crate::upgrade::Takeover;
use crate::{Context, Upgraded};

/// A response: status, fields, content.
///
/// The fields that frame the message (`Content-Length`, `Transfer-Encoding`, `Connection`) and
/// `Date` are the server's to write. Setting one of them is a mistake like a line end in a value:
/// the client gets 500, and the event hook hears why. So is a status 1xx, which answers nothing,
/// save by [`switching_protocols`](Self::switching_protocols).
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Response, Status};
///
/// let response = Response::new(Status::CREATED)
///     .field("Location", "/things/7")
///     .text("made\n");
/// assert_eq!(response.status(), Status::CREATED);
/// ```
pub struct Response {
    pub(crate) status: Status,
    pub(crate) fields: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    pub(crate) media_type: MediaType,
    pub(crate) content: Content,
    pub(crate) takeover: Option<Takeover>,
    /// Whether the connection is to end with this response.
    pub(crate) close: bool,
}

/// What Content-Type says, beside what the handler may have added by name.
pub(crate) enum MediaType {
    None,
    /// The whole line.
    Known(FieldLine),
    Other(Cow<'static, str>),
}

const TEXT: FieldLine = FieldLine::new("Content-Type: text/plain; charset=utf-8\r\n");
#[cfg(feature = "serde")]
const JSON: FieldLine = FieldLine::new("Content-Type: application/json\r\n");

/// What a response carries.
pub(crate) enum Content {
    Whole(Cow<'static, [u8]>),
    /// With its length, where that is known.
    Stream(Producer, Option<u64>),
    /// Not at all: the client gets 500.
    #[cfg(feature = "serde")]
    Failed(crate::Error),
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Cow::Borrowed(&[]))
    }
}

impl Response {
    /// A response without content.
    #[must_use]
    pub fn new(status: Status) -> Self {
        Self {
            status,
            fields: Vec::new(),
            media_type: MediaType::None,
            content: Content::default(),
            takeover: None,
            close: false,
        }
    }

    /// 200 with text.
    #[must_use]
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::OK).text(text)
    }

    /// The status, with its name as text.
    pub(crate) fn status_text(status: Status) -> Self {
        Self::new(status).text(format!("{status}\n"))
    }

    /// 101: the connection speaks `protocol` from here on, and `takeover` drives it, inside the
    /// same actor (RFC 9110 §7.8).
    ///
    /// If it fails, for want of time if an [`io::Error`](std::io::Error) of the kind `TimedOut` is the
    /// error or among its sources, that is reported and counted like a failure of our own.
    #[must_use]
    pub fn switching_protocols<F, Fut>(protocol: &'static str, takeover: F) -> Self
    where
        F: FnOnce(Upgraded, Context) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let mut response = Self::new(Status::SWITCHING_PROTOCOLS).field("Upgrade", protocol);
        response.takeover = Some(Takeover::new(takeover));
        response
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Adds a field. Whether it may be sent is found out when it is.
    #[must_use]
    pub fn field(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        let value = match value.into() {
            Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
            Cow::Owned(value) => Cow::Owned(value.into_bytes()),
        };
        self.fields.push((name.into(), value));
        self
    }

    /// Adds a field whose value is no text.
    #[must_use]
    pub fn field_bytes(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Closes the connection after this response.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Sets the content to text, as `text/plain; charset=utf-8`.
    #[must_use]
    pub fn text(self, text: impl Into<Cow<'static, str>>) -> Self {
        let bytes = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        self.known_content(TEXT, bytes)
    }

    /// 200 with `value` in JSON. A value that JSON cannot hold, a map with keys that are no strings
    /// for instance, becomes a 500, and the event hook hears why.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::Response;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Health {
    ///     status: &'static str,
    /// }
    ///
    /// let response = Response::json(&Health { status: "ok" });
    /// assert_eq!(response.status().code(), 200);
    /// ```
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        let mut response = Self::new(Status::OK);
        match serde_json::to_vec(value) {
            Ok(json) => response.known_content(JSON, json.into()),
            Err(error) => {
                response.content =
                    Content::Failed(crate::Error::new(crate::error::Kind::Json(error)));
                response
            }
        }
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Sets the content to JSON that is already written, as `application/json`.
    #[must_use]
    pub fn json_text(self, json: impl Into<String>) -> Self {
        self.content("application/json", json.into().into_bytes())
    }

    /// Sets the content and its media type, in place of any set before.
    #[must_use]
    pub fn content(
        mut self,
        media_type: impl Into<Cow<'static, str>>,
        bytes: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        self.content = Content::Whole(bytes.into());
        self.media_type = MediaType::Other(media_type.into());
        self
    }

    fn known_content(mut self, media_type: FieldLine, bytes: Cow<'static, [u8]>) -> Self {
        self.content = Content::Whole(bytes);
        self.media_type = MediaType::Known(media_type);
        self
    }

    /// Sets the content to what `produce` sends, piece by piece and as fast as the client reads.
    ///
    /// The length is not known beforehand: HTTP/1.1 clients get chunks, older ones read until the
    /// connection closes. If `produce` panics or returns an error, the client sees the content cut
    /// off, never a false end. If the connection fails, `produce` is dropped at its next await
    /// point; of a client that closes in order it hears by [`BodySender::gone`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Response, Status};
    ///
    /// Response::new(Status::OK).stream("text/plain", async |mut sender| {
    ///     for n in 0..3 {
    ///         sender.send(format!("{n}\n")).await?;
    ///     }
    ///     Ok::<(), seawall_http_server::ClientGone>(())
    /// });
    /// ```
    #[must_use]
    pub fn stream<F, Fut>(mut self, media_type: impl Into<Cow<'static, str>>, produce: F) -> Self
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.content = Content::Stream(Producer::new(produce), None);
        self.media_type = MediaType::Other(media_type.into());
        self
    }

    /// As [`stream`](Self::stream), for content whose length is known: it is announced, and no
    /// chunks are needed. If `produce` sends more or less, the client sees the content cut off.
    #[must_use]
    pub fn stream_of<F, Fut>(
        mut self,
        octets: u64,
        media_type: impl Into<Cow<'static, str>>,
        produce: F,
    ) -> Self
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.content = Content::Stream(Producer::new(produce), Some(octets));
        self.media_type = MediaType::Other(media_type.into());
        self
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What a handler may return: a response, or something that makes one.
pub trait IntoResponse {
    /// The response that this value stands for.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

/// The status without content.
impl IntoResponse for Status {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

/// 200 with text.
impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::ok(self)
    }
}

/// 200 with text.
impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::ok(self)
    }
}

/// 200 with octets of no particular type.
impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Response::new(Status::OK).content("application/octet-stream", self)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}
