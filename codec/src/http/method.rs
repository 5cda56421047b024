//! Methods. Source: RFC 9110 §9, RFC 5789.

/// The methods that RFC 9110 and RFC 5789 define.
///
/// The registry has more; a server that offers one of those knows it by offering it.
pub const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Whether a method is one of [`METHODS`]. Its case matters (RFC 9110 §9.1).
///
/// "An origin server that receives a request method that is unrecognized or not
/// implemented SHOULD respond with the 501 (Not Implemented) status code. An origin
/// server that receives a request method that is recognized and implemented, but not
/// allowed for the target resource, SHOULD respond with the 405 (Method Not Allowed)
/// status code" (§9.1).
///
/// # Examples
///
/// ```
/// use seawall_codec::http::method;
///
/// assert!(method::is_known("GET"));
/// assert!(!method::is_known("get"));
/// ```
#[must_use]
pub fn is_known(method: &str) -> bool {
    METHODS.contains(&method)
}
