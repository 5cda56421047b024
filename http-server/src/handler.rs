//! What answers a request: async functions and closures, and plain ones that may block.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use seawall_codec::http::Status;

use crate::map::map;
use crate::pool::{Busy, Pool};
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

    /// Allows this handler another number of octets of content than
    /// [`Limits::body`](crate::Limits::body). Of several around one handler, the innermost counts.
    fn body_limit(self, octets: u64) -> With<Self>
    where
        Self: Sized,
    {
        With { handler: self, set: Set::BodyLimit(octets) }
    }

    /// Gives this handler another time than [`Timeouts::handler`](crate::Timeouts::handler); of
    /// several around one handler, the innermost counts. [`Duration::MAX`] is for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use seawall_http_server::{Error, Handler, Request, Router};
    ///
    /// async fn upload(mut request: Request) -> Result<String, Error> {
    ///     let mut octets = 0;
    ///     while let Some(piece) = request.next_piece().await? {
    ///         octets += piece.len();
    ///     }
    ///     Ok(format!("{octets}\n"))
    /// }
    ///
    /// let router = Router::new()
    ///     .put("/backup", upload.body_limit(4 << 30).timeout(Duration::from_secs(600)))
    ///     .put("/avatar", upload.body_limit(64 << 10))
    ///     .timeout(Duration::from_secs(5)); // for all of its routes that say nothing else
    /// ```
    fn timeout(self, timeout: Duration) -> With<Self>
    where
        Self: Sized,
    {
        With { handler: self, set: Set::Timeout(timeout) }
    }

    /// Puts a function around this handler: it sees each request first and the response last, and
    /// decides whether the handler sees the request at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Handler, Next, Request, Response, Router, Status};
    ///
    /// async fn only_with_a_key(request: Request, next: Next) -> Response {
    ///     if request.field("x-key") == Some(b"sesame") {
    ///         next.run(request).await.field("Cache-Control", "private")
    ///     } else {
    ///         Response::new(Status::FORBIDDEN)
    ///     }
    /// }
    ///
    /// let secret = Router::new().get("/treasure", async |_: Request| "gold\n");
    /// let router = Router::new()
    ///     .get("/", async |_: Request| "come in\n")
    ///     .fallback(secret.wrap(only_with_a_key));
    /// ```
    fn wrap<F, Fut>(self, around: F) -> Wrapped<F>
    where
        Self: Sized,
        F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResponse> + Send + 'static,
    {
        Wrapped { around, next: Next { handler: Arc::new(self) } }
    }
}

/// A handler with limits of its own: see [`Handler::body_limit`] and [`Handler::timeout`].
#[derive(Debug)]
pub struct With<H> {
    handler: H,
    set: Set,
}

#[derive(Debug)]
enum Set {
    BodyLimit(u64),
    Timeout(Duration),
}

impl<H: Handler> Handler for With<H> {
    fn handle(&self, mut request: Request) -> Answer {
        match self.set {
            Set::BodyLimit(octets) => request.set_body_limit(octets),
            Set::Timeout(timeout) => request.set_timeout(timeout),
        }
        self.handler.handle(request)
    }
}

/// A handler with a function around it: see [`Handler::wrap`].
pub struct Wrapped<F> {
    around: F,
    next: Next,
}

impl<F, Fut> Handler for Wrapped<F>
where
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn handle(&self, request: Request) -> Answer {
        Box::pin(map((self.around)(request, self.next.clone()), IntoResponse::into_response))
    }
}

impl<F> fmt::Debug for Wrapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}

/// The handler inside a function that was put around it.
#[derive(Clone)]
pub struct Next {
    handler: Arc<dyn Handler>,
}

impl Next {
    /// Lets the handler answer. A panic in it passes through the function around it, as in any
    /// call.
    #[must_use = "the handler has not answered before this is awaited"]
    pub fn run(&self, request: Request) -> Answer {
        self.handler.handle(request)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// Runs `respond` on a thread that may block, or answers 503 if there is none.
pub(crate) async fn run_blocking(
    pool: Option<Arc<Pool>>,
    respond: impl FnOnce() -> Response + Send + 'static,
) -> Response {
    let Some(pool) = pool else { return Response::status_text(Status::SERVICE_UNAVAILABLE) };
    let busy = |Busy| Response::status_text(Status::SERVICE_UNAVAILABLE).field("Retry-After", "1");
    pool.run(respond).await.unwrap_or_else(busy)
}

/// Makes a handler of a function that takes something shared, too, a pool of database connections
/// for instance: it gets a clone for each request.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use seawall_http_server::{Request, Router, with_state};
///
/// async fn count(visits: Arc<AtomicU64>, _: Request) -> String {
///     format!("visit {}\n", visits.fetch_add(1, Ordering::Relaxed) + 1)
/// }
///
/// let visits = Arc::new(AtomicU64::new(0));
/// let router = Router::new().get("/visits", with_state(visits, count));
/// ```
pub fn with_state<S, F, Fut>(state: S, f: F) -> impl Handler
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    move |request: Request| f(state.clone(), request)
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
/// The content is read first, within the limit, and waits in [`Request::take_content`]; helpers
/// like [`Request::form`] are ready at once, for `futures_lite::future::block_on` for instance. The
/// function then runs on a thread that may block, one of
/// [`Limits::blocking_threads`](crate::Limits::blocking_threads); if all are taken it waits, and if
/// too many wait already its client gets 503. A panic in it is treated like one in an async
/// handler.
///
/// A function that has not returned when its time is over cannot be ended from outside. Its client
/// gets 504, and another thread takes the place of the one that it holds, up to
/// [`Limits::blocking_stuck`](crate::Limits::blocking_stuck).
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
            run_blocking(request.pool(), move || f(request).into_response()).await
        }
    }
}
