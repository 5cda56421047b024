//! What answers a request: async functions and closures, and plain ones that may block.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::map::map;
use crate::{IntoResponse, Request, Response};

/// The future of a handler.
pub type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Answers requests. Implemented by async functions and closures, by [`Router`](crate::Router),
/// and by what [`blocking()`] makes of a plain function.
///
/// A handler runs inside its connection's actor. If it panics, its client gets 500, its connection
/// is closed, and nobody else notices. If the connection ends early its future is dropped at an
/// await point.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Error, Handler, Request};
///
/// fn handler(handler: impl Handler) {}
///
/// async fn hello(request: Request) -> String {
///     format!("hello from {}\n", request.path())
/// }
/// handler(hello);
/// handler(async |mut request: Request| Ok::<_, Error>(request.content().await?));
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> Answer;
}

impl<F, Fut> Handler for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn handle(&self, request: Request) -> Answer {
        Box::pin(map(self(request), IntoResponse::into_response))
    }
}

/// Makes a handler of a plain function, which may sleep, do file I/O or compute.
///
/// The content is read first, within the limit, and waits in [`Request::take_content`]. The
/// function then runs on a thread of its own kind, from a pool that grows to 500 threads; what
/// does not fit waits. A panic in it is treated like one in an async handler.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Request, Router, blocking};
///
/// let router = Router::new().get("/slow", blocking(|_: Request| {
///     std::thread::sleep(std::time::Duration::from_millis(10));
///     "done\n"
/// }));
/// ```
pub fn blocking<F, R>(f: F) -> impl Handler
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: IntoResponse + Send + 'static,
{
    let f = Arc::new(f);
    move |mut request: Request| {
        let f = Arc::clone(&f);
        async move {
            if let Err(error) = request.prefetch().await {
                return error.into_response();
            }
            blocking::unblock(move || f(request).into_response()).await
        }
    }
}
