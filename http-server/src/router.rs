//! From method and path to a handler.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use seawall_codec::http::method::{METHODS, is_known};
use seawall_codec::http::{Status, TargetForm};

use crate::handler::Answer;
use crate::path_params::PathParams;
use crate::{Handler, IntoResponse, Request, Response};

/// Chooses a handler by method and path.
///
/// A path is matched as it stands in the request, octet for octet. A segment `{name}` of a pattern
/// matches any one segment, `{*name}` at the end matches all that is left; [`Request::param`]
/// tells what.
///
/// Where several patterns match a path, the most specific one that has the method answers, in
/// whatever order they were added: segment by segment, a literal goes before `{name}`, and that
/// before `{*name}`. So `GET /files/{*path}` serves `/files/a` also beside `PUT /files/{name}`.
///
/// Answered without a handler: 404 for an unknown path; 405 for a method that no pattern of the
/// path has, or 501 if nobody knows the method; `HEAD` by the handler for `GET`; `OPTIONS` with
/// 204. `Allow` lists the methods of all patterns that match (RFC 9110 §15.5.6: those that the
/// resource supports).
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Request, Router};
///
/// let router = Router::new()
///     .get("/", async |_: Request| "home\n")
///     .get("/users/{id}", async |request: Request| {
///         format!("user {}\n", request.param("id").unwrap_or_default())
///     });
/// ```
#[derive(Default)]
pub struct Router {
    exact: HashMap<String, Route>,
    /// The most specific first; of those alike, the one added first.
    patterns: Vec<(Pattern, Route)>,
    /// For what nothing else matches; patterns that end with a rest, longer ones first.
    fallbacks: Vec<(Pattern, Arc<dyn Handler>)>,
}

/// The handlers of one path.
#[derive(Default)]
struct Route {
    methods: Vec<(String, Arc<dyn Handler>)>,
    /// For all methods that have no handler of their own.
    any: Option<Arc<dyn Handler>>,
}

/// Methods that [`Router::any`] leaves out: both do something to the connection or to
/// intermediaries (RFC 9110 §9.3.6, §9.3.8) that a handler for "any method" has not in mind.
const NEVER_ANY: [&str; 2] = ["CONNECT", "TRACE"];

impl Router {
    /// A router that knows no path.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `GET` and `HEAD` for `path`.
    #[must_use]
    pub fn get(self, path: &str, handler: impl Handler) -> Self {
        self.route("GET", path, handler)
    }

    /// Answers `POST` for `path`.
    #[must_use]
    pub fn post(self, path: &str, handler: impl Handler) -> Self {
        self.route("POST", path, handler)
    }

    /// Answers `PUT` for `path`.
    #[must_use]
    pub fn put(self, path: &str, handler: impl Handler) -> Self {
        self.route("PUT", path, handler)
    }

    /// Answers `DELETE` for `path`.
    #[must_use]
    pub fn delete(self, path: &str, handler: impl Handler) -> Self {
        self.route("DELETE", path, handler)
    }

    /// Answers `method`, which is case-sensitive, for `path`.
    #[must_use]
    pub fn route(mut self, method: &str, path: &str, handler: impl Handler) -> Self {
        self.at(path).methods.push((method.to_owned(), Arc::new(handler)));
        self
    }

    /// Answers every method for `path` but `CONNECT` and `TRACE`.
    #[must_use]
    pub fn any(mut self, path: &str, handler: impl Handler) -> Self {
        self.at(path).any = Some(Arc::new(handler));
        self
    }

    /// Answers what no path matches, in place of 404.
    #[must_use]
    pub fn fallback(mut self, handler: impl Handler) -> Self {
        self.add_fallback(Pattern::parse("/{*}"), Arc::new(handler));
        self
    }

    /// Takes over all routes of `router`, each below `prefix`: what is `/{id}` there is
    /// `/users/{id}` here, if `prefix` is `/users`. A prefix may have parameters. A path that both
    /// know has the methods of both, and for a method that both have, the one added first.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_http_server::{Request, Router};
    ///
    /// let user = Router::new()
    ///     .get("", async |_: Request| "the user\n")
    ///     .get("/posts", async |_: Request| "the user's posts\n");
    /// let router = Router::new().nest("/users/{id}", user);
    /// ```
    #[must_use]
    pub fn nest(mut self, prefix: &str, router: Self) -> Self {
        for (path, route) in router.exact {
            self.at(&format!("{prefix}{path}")).take_over(route);
        }
        for (pattern, route) in router.patterns {
            self.at(&format!("{prefix}{pattern}")).take_over(route);
        }
        for (pattern, handler) in router.fallbacks {
            self.add_fallback(Pattern::parse(&format!("{prefix}{pattern}")), handler);
        }
        self
    }

    fn add_fallback(&mut self, pattern: Pattern, handler: Arc<dyn Handler>) {
        self.fallbacks.push((pattern, handler));
        self.fallbacks.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.0.len()));
    }

    fn at(&mut self, path: &str) -> &mut Route {
        let pattern = Pattern::parse(path);
        if pattern.is_exact() {
            return self.exact.entry(path.to_owned()).or_default();
        }
        let found = self.patterns.iter().position(|(known, _)| *known == pattern);
        let index = found.unwrap_or_else(|| {
            let index =
                self.patterns.partition_point(|(known, _)| known.ranks().le(pattern.ranks()));
            self.patterns.insert(index, (pattern, Route::default()));
            index
        });
        &mut self.patterns[index].1
    }

    /// The handler of the most specific pattern that matches the path and has the method.
    fn find(&self, method: &str, path: &str, params: &mut PathParams) -> Option<&dyn Handler> {
        params.clear();
        let exact = self.exact.get(path).and_then(|route| route.handler(method));
        exact.or_else(|| {
            self.patterns.iter().find_map(|(pattern, route)| {
                if pattern.matches(path, params) { route.handler(method) } else { None }
            })
        })
    }

    /// The methods that the path offers, by whichever pattern; none if nothing matches it.
    fn allow(&self, path: &str) -> BTreeSet<&str> {
        let mut params = PathParams::default();
        let patterns = self.patterns.iter();
        let matching = patterns.filter(|(pattern, _)| pattern.matches(path, &mut params));
        let routes = self.exact.get(path).into_iter().chain(matching.map(|(_, route)| route));
        routes.flat_map(Route::offered).collect()
    }

    fn fallback_for(&self, path: &str, params: &mut PathParams) -> Option<&dyn Handler> {
        self.fallbacks
            .iter()
            .find_map(|(pattern, handler)| pattern.matches(path, params).then_some(&**handler))
    }

    /// The handler for a request, or the answer that the router itself has.
    fn choose(&self, request: &Request, params: &mut PathParams) -> Result<&dyn Handler, Answer> {
        let own = |response: Response| -> Answer { Box::pin(std::future::ready(response)) };
        let head = request.head();
        if head.form() == TargetForm::Asterisk {
            // RFC 9112 §3.2.4: only OPTIONS comes here; it asks about the server as a whole.
            let methods: Vec<_> = offered_by_any().collect();
            return Err(own(Response::new(Status::NO_CONTENT).field("Allow", methods.join(", "))));
        }
        let (method, path) = (head.method(), head.path());
        if let Some(handler) = self.find(method, path, params) {
            return Ok(handler);
        }
        let allow = self.allow(path);
        if !allow.is_empty() {
            return Err(own(refuse(method, &allow)));
        }
        self.fallback_for(path, params).ok_or_else(|| {
            let known = is_known(method);
            let status = if known { Status::NOT_FOUND } else { Status::NOT_IMPLEMENTED };
            own(status.into_response())
        })
    }
}

impl Handler for Router {
    fn handle(&self, mut request: Request) -> Answer {
        let mut params = request.take_params();
        let chosen = self.choose(&request, &mut params);
        request.set_params(params);
        match chosen {
            Ok(handler) => handler.handle(request),
            Err(answer) => answer,
        }
    }
}

impl Route {
    /// Adds another route's handlers behind the own.
    fn take_over(&mut self, other: Self) {
        self.methods.extend(other.methods);
        self.any = self.any.take().or(other.any);
    }

    fn handler(&self, method: &str) -> Option<&dyn Handler> {
        let exact = |wanted: &str| {
            self.methods.iter().find(|(method, _)| method == wanted).map(|(_, handler)| &**handler)
        };
        exact(method)
            .or_else(|| self.any.as_deref().filter(|_| !NEVER_ANY.contains(&method)))
            .or_else(|| if method == "HEAD" { exact("GET") } else { None })
    }

    /// Each method that it answers, with or without a handler; some perhaps twice.
    fn offered(&self) -> Vec<&str> {
        let mut offered: Vec<&str> = self.methods.iter().map(|(method, _)| &**method).collect();
        if self.any.is_some() {
            for method in offered_by_any() {
                offered.push(method);
            }
        }
        if self.handler("HEAD").is_some() {
            offered.push("HEAD");
        }
        offered.push("OPTIONS");
        offered
    }
}

/// Answers a method that no handler is for.
fn refuse(method: &str, allow: &BTreeSet<&str>) -> Response {
    let status = match method {
        "OPTIONS" => Status::NO_CONTENT,
        _ if is_known(method) => Status::METHOD_NOT_ALLOWED,
        _ => Status::NOT_IMPLEMENTED,
    };
    let allow: Vec<&str> = allow.iter().copied().collect();
    Response::new(status).field("Allow", allow.join(", "))
}

/// The methods that a handler for any method is offered under.
fn offered_by_any() -> impl Iterator<Item = &'static str> {
    METHODS.into_iter().filter(|method| !NEVER_ANY.contains(method))
}

/// A path with places for parameters.
#[derive(Debug, PartialEq)]
struct Pattern(Vec<Segment>);

#[derive(Debug, PartialEq)]
enum Segment {
    Literal(String),
    Param(String),
    Rest(String),
}

impl Pattern {
    fn parse(path: &str) -> Self {
        Self(
            path.split('/')
                .map(|segment| match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                    Some(name) => match name.strip_prefix('*') {
                        Some(rest) => Segment::Rest(rest.to_owned()),
                        None => Segment::Param(name.to_owned()),
                    },
                    None => Segment::Literal(segment.to_owned()),
                })
                .collect(),
        )
    }

    fn is_exact(&self) -> bool {
        self.0.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// How open each segment is. Of two patterns that match the same path, the more specific has
    /// the lesser list.
    fn ranks(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Param(_) => 1,
            Segment::Rest(_) => 2,
        })
    }

    /// Whether `path` is one of this pattern; `params` then tells what its open segments are.
    fn matches(&self, path: &str, params: &mut PathParams) -> bool {
        params.clear();
        // Where the segment begins that is next, unless the path has ended.
        let mut next = Some(0);
        for segment in &self.0 {
            let Some(start) = next else { return false };
            if let Segment::Rest(name) = segment {
                params.push(name, start..path.len());
                return true;
            }
            let end = path[start..].find('/').map(|len| start + len);
            let here = start..end.unwrap_or(path.len());
            match segment {
                Segment::Literal(literal) if *literal == path[here.clone()] => {}
                Segment::Param(name) if !here.is_empty() => params.push(name, here),
                Segment::Literal(_) | Segment::Param(_) | Segment::Rest(_) => return false,
            }
            next = end.map(|slash| slash + 1);
        }
        next.is_none()
    }
}

/// The path that it was made of.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, segment) in self.0.iter().enumerate() {
            f.write_str(if n > 0 { "/" } else { "" })?;
            match segment {
                Segment::Literal(literal) => f.write_str(literal)?,
                Segment::Param(name) => write!(f, "{{{name}}}")?,
                Segment::Rest(name) => write!(f, "{{*{name}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("paths", &(self.exact.len() + self.patterns.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, path: &str) -> Option<String> {
        let mut params = PathParams::default();
        params.push("left of another pattern", 0..1);
        let params = Pattern::parse(pattern).matches(path, &mut params).then_some(params)?;
        let named = params.iter(path).map(|(name, value)| format!("{name}={value}"));
        Some(named.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn patterns_match_whole_paths_by_segments() {
        let table = [
            ("/users/{id}", "/users/7", Some("id=7")),
            ("/users/{id}", "/users/", None),
            ("/users/{id}", "/users", None),
            ("/users/{id}", "/users/7/posts", None),
            ("/users/{id}/posts/{post}", "/users/7/posts/9", Some("id=7 post=9")),
            ("/files/{*path}", "/files/a/b.txt", Some("path=a/b.txt")),
            ("/files/{*path}", "/files/", Some("path=")),
            ("/files/{*path}", "/files", None),
        ];
        for (pattern, path, params) in table {
            assert_eq!(matched(pattern, path).as_deref(), params, "{pattern} {path}");
        }
    }

    #[test]
    fn allow_lists_what_is_offered() {
        let router =
            Router::new().get("/x", async |_: Request| "x").put("/x", async |_: Request| "x");
        assert_eq!(Vec::from_iter(router.allow("/x")), ["GET", "HEAD", "OPTIONS", "PUT"]);
    }

    #[test]
    fn patterns_lie_in_the_order_of_what_they_leave_open() {
        let ordered = ["/a/{x}/c", "/a/{x}/{y}", "/a/{x}/{*y}", "/a/{*x}", "/{x}/b/c", "/{*x}"];
        for shift in 0..ordered.len() {
            for reversed in [false, true] {
                let mut paths = ordered;
                paths.rotate_left(shift);
                if reversed {
                    paths.reverse();
                }
                let add = |router: Router, path| router.get(path, async |_: Request| "");
                let router = paths.into_iter().fold(Router::new(), add);
                let found: Vec<_> =
                    router.patterns.iter().map(|(pattern, _)| pattern.to_string()).collect();
                assert_eq!(found, ordered, "added as {paths:?}");
            }
        }
    }
}
