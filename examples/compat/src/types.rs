//! Requests and responses of `http-types`, made of those of `http` and the other way: `http` is
//! what our server, and most others, convert to and from.

use std::future::Future;
use std::str::FromStr;

use http_types::headers::{HeaderName, HeaderValue, Headers};
use http_types::{Error, Method, Request, Response, Result, StatusCode, Url, Version};
use seawall_http_server::{Handler, tower};

use crate::body::{Content, TypesBody, to_types};

/// Makes a handler of one that speaks `http-types`. What it refuses with an error is answered with
/// that error's status.
pub fn handler<F, Fut>(function: F) -> impl Handler
where
    F: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    tower(::tower::service_fn(move |request| {
        let answer = request_from_http(request).map(&function);
        async move {
            let answer = match answer {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            response_to_http(answer.unwrap_or_else(|error| Response::new(error.status())))
        }
    }))
}

/// A request of `http-types`. Its URL takes the authority of the target, or that of Host.
///
/// # Errors
///
/// 501 for a method that `http-types` does not know, 400 for what it cannot hold: a field value
/// that is not ASCII, a target that is no URL with its host.
pub fn request_from_http<B: Content>(request: http::Request<B>) -> Result<Request> {
    let (parts, body) = request.into_parts();
    let method = Method::from_str(parts.method.as_str())
        .map_err(|error| with_status(StatusCode::NotImplemented, error))?;
    let mut converted = Request::new(method, url(&parts)?);
    converted.set_version(Some(version_from_http(parts.version)?));
    converted.set_body(to_types(body));
    converted.remove_header("content-type"); // which `set_body` guesses
    fields_from_http(&parts.headers, converted.as_mut())?;
    Ok(converted)
}

/// A request of `http`.
///
/// # Errors
///
/// If the URL is none that `http` can hold.
pub fn request_to_http(mut request: Request) -> Result<http::Request<TypesBody>> {
    let body = TypesBody(request.take_body());
    let builder = http::Request::builder()
        .method(request.method().to_string().as_str())
        .uri(request.url().as_str())
        .version(version_to_http(request.version())?);
    let mut converted = builder.body(body)?;
    fields_to_http(request.as_ref(), converted.headers_mut())?;
    Ok(converted)
}

/// A response of `http-types`.
///
/// # Errors
///
/// 500 for a status that `http-types` does not know, or a field value that is not ASCII.
pub fn response_from_http<B: Content>(response: http::Response<B>) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let status = StatusCode::try_from(parts.status.as_u16())
        .map_err(|error| with_status(StatusCode::InternalServerError, error))?;
    let mut converted = Response::new(status);
    converted.set_version(Some(version_from_http(parts.version)?));
    converted.set_body(to_types(body));
    converted.remove_header("content-type"); // which `set_body` guesses
    fields_from_http(&parts.headers, converted.as_mut())?;
    Ok(converted)
}

/// A response of `http`.
///
/// # Errors
///
/// If a field is none that `http` can hold.
pub fn response_to_http(mut response: Response) -> Result<http::Response<TypesBody>> {
    let body = TypesBody(response.take_body());
    let builder = http::Response::builder()
        .status(u16::from(response.status()))
        .version(version_to_http(response.version())?);
    let mut converted = builder.body(body)?;
    fields_to_http(response.as_ref(), converted.headers_mut())?;
    Ok(converted)
}

fn url(parts: &http::request::Parts) -> Result<Url> {
    let uri = &parts.uri;
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => parts.headers.get(http::header::HOST).map_or(Ok(""), |host| host.to_str())?,
    };
    // The target says nothing of how it came, so this is a guess.
    let scheme = uri.scheme_str().unwrap_or("http");
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let target = if target == "*" { "" } else { target }; // the server as a whole
    Url::parse(&format!("{scheme}://{host}{target}"))
        .map_err(|error| with_status(StatusCode::BadRequest, error))
}

fn fields_from_http(fields: &http::HeaderMap, into: &mut Headers) -> Result<()> {
    for (name, value) in fields {
        let name = HeaderName::from_str(name.as_str())?;
        let value = HeaderValue::from_bytes(value.as_bytes().to_vec())
            .map_err(|error| with_status(StatusCode::BadRequest, error))?;
        into.append(name, value);
    }
    Ok(())
}

fn fields_to_http(fields: &Headers, into: &mut http::HeaderMap) -> Result<()> {
    for (name, values) in fields {
        for value in values {
            let name = http::HeaderName::from_str(name.as_str())?;
            into.append(name, http::HeaderValue::from_str(value.as_str())?);
        }
    }
    Ok(())
}

fn version_from_http(version: http::Version) -> Result<Version> {
    Ok(match version {
        http::Version::HTTP_09 => Version::Http0_9,
        http::Version::HTTP_10 => Version::Http1_0,
        http::Version::HTTP_11 => Version::Http1_1,
        http::Version::HTTP_2 => Version::Http2_0,
        http::Version::HTTP_3 => Version::Http3_0,
        other => return Err(Error::from_str(501, format!("{other:?} is unknown"))),
    })
}

fn version_to_http(version: Option<Version>) -> Result<http::Version> {
    Ok(match version {
        Some(Version::Http0_9) => http::Version::HTTP_09,
        Some(Version::Http1_0) => http::Version::HTTP_10,
        Some(Version::Http1_1) | None => http::Version::HTTP_11,
        Some(Version::Http2_0) => http::Version::HTTP_2,
        Some(Version::Http3_0) => http::Version::HTTP_3,
        Some(other) => return Err(Error::from_str(501, format!("{other} is unknown"))),
    })
}

fn with_status<E: Into<Error>>(status: StatusCode, error: E) -> Error {
    let mut error = error.into();
    error.set_status(status);
    error
}
