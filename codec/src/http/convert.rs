//! Conversions to and from the crate `http`, for those who live among its types.
//!
//! They copy: a [`RequestHead`] borrows the read buffer, the other crate's types own
//! their parts.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::error::Misuse;
use super::request::RequestHead;
use super::request_line::Version;
use super::status::Status;
use super::target::TargetForm;
use super::writer::{RequestWriter, ResponseWriter};

impl From<StatusCode> for Status {
    fn from(status: StatusCode) -> Self {
        // Both hold 100 to 999.
        Self::new(status.as_u16()).unwrap_or(Self::INTERNAL_SERVER_ERROR)
    }
}

impl From<Status> for StatusCode {
    fn from(status: Status) -> Self {
        // Both hold 100 to 999.
        Self::from_u16(status.code()).unwrap_or(Self::INTERNAL_SERVER_ERROR)
    }
}

impl From<Version> for ::http::Version {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => Self::HTTP_10,
            Version::Http11 => Self::HTTP_11,
        }
    }
}

/// Copies the head. The target becomes the [`Uri`] as sent, without the authority of
/// Host.
///
/// # Errors
///
/// [`http::Error`] where the other crate is narrower: a target of
/// 64 KiB, or more fields than its map holds.
///
/// # Examples
///
/// ```
/// use seawall_codec::http::{Limits, RequestParser};
///
/// let mut parser = RequestParser::new(Limits::default());
/// let head = parser.parse(b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n")?.expect("complete");
/// let request = http::Request::try_from(head)?;
/// assert_eq!(request.uri(), "/a?b");
/// assert_eq!(request.headers()["host"], "h");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<RequestHead<'_>> for ::http::Request<()> {
    type Error = ::http::Error;

    fn try_from(head: RequestHead<'_>) -> Result<Self, Self::Error> {
        let fields = head.fields();
        let mut headers = HeaderMap::with_capacity(fields.len());
        for field in fields {
            let name = HeaderName::from_bytes(field.name.as_bytes())?;
            headers.append(name, HeaderValue::from_bytes(field.value)?);
        }
        let uri = match head.form() {
            TargetForm::Asterisk => Uri::from_static("*"),
            TargetForm::Origin | TargetForm::Absolute | TargetForm::Authority => {
                head.target().parse()?
            }
        };
        let mut request = Self::new(());
        *request.method_mut() = Method::from_bytes(head.method().as_bytes())?;
        *request.uri_mut() = uri;
        *request.version_mut() = head.version().into();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

impl ResponseWriter<'_> {
    /// Appends all fields of a map, save Content-Length and Transfer-Encoding: the
    /// framing is the connection's to choose.
    ///
    /// # Errors
    ///
    /// [`Misuse::FieldValue`] if a value holds a control byte that the other crate
    /// lets through; the fields before it were written.
    pub fn headers(&mut self, headers: &HeaderMap) -> Result<(), Misuse> {
        for (name, value) in content_fields(headers) {
            self.field(name.as_str(), value)?;
        }
        Ok(())
    }
}

impl RequestWriter<'_> {
    /// As [`ResponseWriter::headers`].
    ///
    /// # Errors
    ///
    /// As [`ResponseWriter::headers`].
    pub fn headers(&mut self, headers: &HeaderMap) -> Result<(), Misuse> {
        for (name, value) in content_fields(headers) {
            self.field(name.as_str(), value)?;
        }
        Ok(())
    }
}

fn content_fields(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    use ::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
    headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH && **name != TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Limits, RequestParser};
    use std::vec;

    #[test]
    fn statuses_both_ways() {
        for code in 100..=999 {
            let status = Status::new(code).expect("three digits");
            assert_eq!(Status::from(StatusCode::from(status)), status);
        }
    }

    #[test]
    fn heads_keep_order_and_every_byte() {
        let mut parser = RequestParser::new(Limits::default());
        let read =
            b"M-SEARCH http://h:80/x?{y} HTTP/1.0\r\nHost: h\r\nX: 1\r\nx: \xFF\r\nX:\r\n\r\n";
        let head = parser.parse(read).expect("valid").expect("complete");
        let request = ::http::Request::try_from(head).expect("convertible");
        assert_eq!(request.method(), "M-SEARCH");
        assert_eq!(request.uri().host(), Some("h"));
        assert_eq!(request.version(), ::http::Version::HTTP_10);
        let values: vec::Vec<_> = request.headers().get_all("x").iter().collect();
        assert_eq!(values, [&b"1"[..], b"\xFF", b""]);
    }

    #[test]
    fn framing_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("content-length", HeaderValue::from_static("7"));
        headers.insert("x-a", HeaderValue::from_static("b"));
        let mut out = vec![];
        let mut head = ResponseWriter::new(Status::OK, &mut out);
        head.headers(&headers).expect("legal");
        head.end();
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nx-a: b\r\n\r\n");
    }
}
