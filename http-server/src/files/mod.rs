//! Files of a folder.

mod media_types;
mod path;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use seawall_codec::http::Status;

use crate::handler::{Answer, run_blocking};
use crate::{Handler, IntoResponse, Representation, Request, Response};

/// Serves the files of a folder.
///
/// The route's pattern ends with a rest, `{*path}`, whose text names the file; used as a
/// [`Router::fallback`](crate::Router::fallback), the whole path does. Only `GET` and `HEAD` are
/// answered, with validators, conditions and ranges as [`Representation`] has them; files are read
/// on threads that may block, no faster than the client takes them.
///
/// What is not below the folder is not found: `..`, encoded slashes, backslashes and NUL name
/// nothing, and no symbolic link is followed, unless [`follow_links`](Self::follow_links) says
/// so, not even one that is put in place while the path is walked. Nor are files or folders found
/// whose name begins with a dot, nor what is neither file nor folder.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Files, Router};
///
/// let router = Router::new()
///     .get("/static/{*path}", Files::new("public").cache_control("max-age=3600"));
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    config: Arc<Config>,
}

#[derive(Clone, Debug)]
struct Config {
    root: PathBuf,
    index: Option<Cow<'static, str>>,
    cache_control: Option<Cow<'static, str>>,
    follow_links: bool,
}

impl Files {
    /// Serves the folder `root`, which is opened anew for each request: it may be replaced.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let index = Some(Cow::Borrowed("index.html"));
        let config = Config { root: root.into(), index, cache_control: None, follow_links: false };
        Self { config: Arc::new(config) }
    }

    /// The file that stands for a folder whose path ends with a slash, or none. Default
    /// `index.html`. A path without the slash is redirected to the one with it, so that relative
    /// links in the file lead where they should.
    #[must_use]
    pub fn index(mut self, name: Option<&'static str>) -> Self {
        Arc::make_mut(&mut self.config).index = name.map(Cow::Borrowed);
        self
    }

    /// Sets `Cache-Control`. Without it, a client or a proxy decides for how long it asks no more.
    #[must_use]
    pub fn cache_control(mut self, value: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.config).cache_control = Some(value.into());
        self
    }

    /// Follows symbolic links, also out of the folder: for those who alone may write there.
    #[must_use]
    pub fn follow_links(mut self) -> Self {
        Arc::make_mut(&mut self.config).follow_links = true;
        self
    }
}

impl Handler for Files {
    fn handle(&self, request: Request) -> Answer {
        let config = Arc::clone(&self.config);
        let pool = request.pool();
        Box::pin(run_blocking(pool, move || config.respond(&request)))
    }
}

impl Config {
    fn respond(&self, request: &Request) -> Response {
        if !matches!(request.method(), "GET" | "HEAD") {
            return Response::new(Status::METHOD_NOT_ALLOWED).field("Allow", "GET, HEAD");
        }
        match self.find(request) {
            Ok(response) => response,
            Err(error) => status(&error).into_response(),
        }
    }

    fn find(&self, request: &Request) -> io::Result<Response> {
        let named = request.rest().unwrap_or_else(|| request.path());
        let named = path::decode(named).ok_or(io::ErrorKind::NotFound)?;
        let (mut segments, is_folder) = path::segments(&named).ok_or(io::ErrorKind::NotFound)?;
        if is_folder {
            segments.push(self.index.as_deref().ok_or(io::ErrorKind::NotFound)?);
        }
        let file = path::open(&self.root, &segments, self.follow_links)?;
        let kind = file.metadata()?.file_type();
        if kind.is_dir() && !is_folder && self.index.is_some() {
            return Ok(redirect(request));
        }
        if !kind.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.represent(file, segments.last().copied().unwrap_or_default(), request)
    }

    fn represent(&self, file: File, name: &str, request: &Request) -> io::Result<Response> {
        let mut representation = Representation::file(media_types::of(name), file)?;
        representation.fetch_if_short()?;
        // What a stranger uploaded must not become a page because a browser takes it for one.
        representation = representation.field("X-Content-Type-Options", "nosniff");
        if let Some(value) = &self.cache_control {
            representation = representation.field("Cache-Control", value.clone());
        }
        Ok(representation.respond(request))
    }
}

/// To the same path with a slash at its end. Only the path: no host, and never two slashes at the
/// beginning, which browsers take for a host.
fn redirect(request: &Request) -> Response {
    let path = request.path().trim_start_matches('/');
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    Response::new(Status::PERMANENT_REDIRECT).field("Location", format!("/{path}/{query}"))
}

fn status(error: &io::Error) -> Status {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, PermissionDenied};
    match error.kind() {
        // What exists and may not be read is nobody's business either.
        NotFound | NotADirectory | InvalidFilename | PermissionDenied => Status::NOT_FOUND,
        _ if path::is_link(error) => Status::NOT_FOUND,
        // Out of descriptors or memory, a failing disk: not the client's fault.
        _ => Status::SERVICE_UNAVAILABLE,
    }
}
