//! A request's content as what it means: text, JSON, a form.
//!
//! Each helper holds the client to the media type that it reads, and says by the status what is
//! wrong: 415 for another type or charset, 400 for what is malformed, 413 for what is too long,
//! 422 for what is well-formed and does not fit.

use seawall_codec::http::Status;

use crate::error::Kind;
use crate::media_type::Parameterised;
use crate::multipart::{self, Multipart, MultipartLimits};
use crate::{Error, Params, Request};

/// Content that came whole and is not what the handler can use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the content is not {0}")]
    MediaType(&'static str),
    #[error("the Content-Type is malformed (RFC 9110 §8.3.1)")]
    ContentType,
    #[error("the charset is not UTF-8")]
    Charset,
    #[error("the content is not UTF-8")]
    Utf8,
    #[cfg(feature = "serde")]
    #[error("the content is not the JSON that is wanted: {0}")]
    Json(#[source] serde_json::Error),
    #[cfg(feature = "serde")]
    #[error("the form is not the one that is wanted: {0}")]
    Form(#[source] serde_html_form::de::Error),
    #[cfg(feature = "serde")]
    #[error("the query is not the one that is wanted: {0}")]
    Query(#[source] serde_html_form::de::Error),
    #[error("{0}")]
    Multipart(#[source] multipart::Fault),
}

impl Fault {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::MediaType(_) | Self::Charset => Status::UNSUPPORTED_MEDIA_TYPE,
            Self::ContentType | Self::Utf8 => Status::BAD_REQUEST,
            #[cfg(feature = "serde")]
            Self::Json(error) if error.is_data() => Status::UNPROCESSABLE_CONTENT,
            #[cfg(feature = "serde")]
            Self::Json(_) | Self::Query(_) => Status::BAD_REQUEST,
            #[cfg(feature = "serde")]
            Self::Form(_) => Status::UNPROCESSABLE_CONTENT,
            Self::Multipart(fault) => fault.status(),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(Kind::Content(fault))
    }
}

impl Request {
    /// The parameters of the query; none if there is no query.
    #[must_use]
    pub fn query_params(&self) -> Params<'_> {
        Params::new(self.query().unwrap_or_default())
    }

    /// Reads all of the content as text, of whatever media type.
    ///
    /// # Errors
    ///
    /// As [`content`](Self::content); if the charset is given and neither UTF-8 nor its part
    /// US-ASCII (415), and if the content is not UTF-8 (400).
    pub async fn text(&mut self) -> Result<String, Error> {
        if self.field("content-type").is_some() {
            check_charset(&self.content_type("text")?)?;
        }
        String::from_utf8(self.content().await?).map_err(|_| Fault::Utf8.into())
    }

    /// Reads all of the content as a value in JSON.
    ///
    /// # Errors
    ///
    /// As [`content`](Self::content); if the content is not sent as `application/json` or
    /// `…+json` (415: a page of a foreign site cannot send that unasked), if it is no JSON (400),
    /// and if it is JSON of another shape (422).
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Error, Request, Response, Router};
    ///
    /// #[derive(serde::Deserialize, serde::Serialize)]
    /// struct Point {
    ///     x: f64,
    ///     y: f64,
    /// }
    ///
    /// async fn mirror(mut request: Request) -> Result<Response, Error> {
    ///     let Point { x, y } = request.json().await?;
    ///     Ok(Response::json(&Point { x: y, y: x }))
    /// }
    ///
    /// let router = Router::new().post("/mirror", mirror);
    /// ```
    #[cfg(feature = "serde")]
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Error> {
        let media_type = self.content_type("JSON")?;
        if !media_type.is_json() {
            return Err(Fault::MediaType("JSON").into());
        }
        // JSON has no charset; some send one all the same (RFC 8259 §11).
        check_charset(&media_type)?;
        serde_json::from_slice(&self.content().await?).map_err(|error| Fault::Json(error).into())
    }

    /// Reads all of the content as an HTML form of the default kind,
    /// `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// As [`content`](Self::content), and if the content is of another type (415).
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Error, Request};
    ///
    /// async fn login(mut request: Request) -> Result<String, Error> {
    ///     let form = request.form().await?;
    ///     Ok(format!("hello {}\n", form.get("name").unwrap_or_default()))
    /// }
    /// ```
    pub async fn form(&mut self) -> Result<Params<'static>, Error> {
        const URLENCODED: &str = "application/x-www-form-urlencoded";
        let media_type = self.content_type(URLENCODED)?;
        if !media_type.is(URLENCODED) {
            return Err(Fault::MediaType(URLENCODED).into());
        }
        check_charset(&media_type)?;
        Ok(Params::of_content(self.content().await?))
    }

    /// Reads the content as an HTML form with files, `multipart/form-data` (RFC 7578), part by
    /// part as it comes.
    ///
    /// # Errors
    ///
    /// If the content is of another type (415), or its boundary is missing or malformed (400).
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Error, MultipartLimits, Request};
    ///
    /// async fn upload(mut request: Request) -> Result<String, Error> {
    ///     let mut form = request.multipart(MultipartLimits::default())?;
    ///     let mut octets = 0;
    ///     while let Some(mut part) = form.next_part().await? {
    ///         while let Some(piece) = part.next_piece().await? {
    ///             octets += piece.len();
    ///         }
    ///     }
    ///     Ok(format!("{octets} octets in all parts\n"))
    /// }
    /// ```
    pub fn multipart(&mut self, limits: MultipartLimits) -> Result<Multipart<'_>, Error> {
        const MULTIPART: &str = "multipart/form-data";
        let media_type = self.content_type(MULTIPART)?;
        if !media_type.is(MULTIPART) {
            return Err(Fault::MediaType(MULTIPART).into());
        }
        let boundary = media_type.param("boundary").unwrap_or_default().into_owned();
        Multipart::new(self, &boundary, limits)
    }

    fn content_type(&self, wanted: &'static str) -> Result<Parameterised<'_>, Error> {
        let mut fields = self.head().values("content-type");
        match (fields.next(), fields.next()) {
            (None, _) => Err(Fault::MediaType(wanted).into()),
            (Some(field), None) => {
                Parameterised::parse(field).ok_or_else(|| Fault::ContentType.into())
            }
            (Some(_), Some(_)) => Err(Fault::ContentType.into()),
        }
    }
}

fn check_charset(media_type: &Parameterised<'_>) -> Result<(), Error> {
    match media_type.param("charset") {
        Some(charset)
            if !["utf-8", "utf8", "us-ascii"].iter().any(|c| charset.eq_ignore_ascii_case(c)) =>
        {
            Err(Fault::Charset.into())
        }
        _ => Ok(()),
    }
}
