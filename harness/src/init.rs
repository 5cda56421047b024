//! A first profile for a server that runs: which routes of the contract it offers, found by asking.
//!
//! Nothing is asked that could do harm: routes that crash, hang or compute are left to the reader, as comments.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use crate::audit::Audit;
use crate::context::{Context, Shared};
use crate::error::Error;
use crate::http::Response;
use crate::http::exchange::{Answer, get, next_answer, post_echo};
use crate::limits::Limits;
use crate::profile::{Profile, Tls, Urls};
use crate::route::Route;
use crate::subject::Target;
use crate::timing::Timing;
use crate::wire::Source;
use crate::ws::client::{Client, Event};

/// Routes that a server is not asked for unprepared.
const HARMFUL: &[Route] = &[Route::Crash, Route::Hang, Route::Spin, Route::Sleep, Route::WsCrash];

/// Probes the server at `url` (`http://` or `https://`, any certificate will do) and drafts a profile for
/// it, with comments: URLs, the routes that were found, what else could be offered and promised.
///
/// # Errors
///
/// [`Error::Usage`] for what is no URL, [`Error::Subject`] where nobody answers.
pub async fn draft(url: &str) -> Result<String, Error> {
    let (scheme, rest) = url
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .ok_or_else(|| Error::Usage(format!("{url}: expected http://HOST:PORT or https://…")))?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], &rest[slash..]),
        None => (rest, "/"),
    };
    let secure = scheme == "https";
    let (http, ws) = (
        format!("{scheme}://{authority}"),
        format!("ws{}://{authority}", if secure { "s" } else { "" }),
    );
    let urls = if secure {
        Urls { https: Some(http.clone()), wss: Some(ws.clone()), ..Urls::default() }
    } else {
        Urls { http: Some(http.clone()), ws: Some(ws.clone()), ..Urls::default() }
    };
    let tls = Tls { insecure: secure, ..Tls::default() };
    let profile = Profile { urls, tls, ..Profile::default() };
    let probe = Probe { target: Target::resolve(&profile, None)? };
    let found = probe.routes(path).await?;
    Ok(write(
        authority,
        &[(scheme, &http), (ws.split(':').next().unwrap_or("ws"), &ws)],
        secure,
        &found,
    ))
}

struct Probe {
    target: Target,
}

impl Probe {
    /// The routes that answer as the contract asks.
    async fn routes(&self, path: &str) -> Result<BTreeMap<Route, String>, Error> {
        let mut found = BTreeMap::new();
        let mut silent = None;
        for (route, path) in candidates(path) {
            if found.contains_key(&route) {
                continue;
            }
            let shared = Shared {
                target: self.target.clone(),
                routes: [(route, path.to_owned())].into(),
                limits: Limits::default(),
                group: None,
                timing: Timing::calibrated(Duration::from_millis(10), None),
                audit: Audit::default(),
                profile: Rc::default(),
                thorough: false,
            };
            let cx = Context::new(Rc::new(shared), "init");
            match offers(&cx, route).await {
                Ok(true) => _ = found.insert(route, path.to_owned()),
                Ok(false) => {}
                Err(why) => silent = Some(why),
            }
        }
        match silent {
            Some(why) if found.is_empty() => Err(Error::Subject(format!("nobody answers: {why}"))),
            _ => Ok(found),
        }
    }
}

/// What is tried, in this order: for each route the first that answers is taken.
fn candidates(path: &str) -> Vec<(Route, &str)> {
    let usual = Route::ALL.iter().filter(|route| !HARMFUL.contains(route));
    let mut candidates: Vec<(Route, &str)> = Vec::new();
    if path != "/" {
        candidates.push((Route::Hello, path));
    }
    candidates.extend(usual.map(|route| (*route, route.default_path())));
    candidates.push((Route::Hello, "/"));
    candidates.extend([(Route::Health, "/healthz"), (Route::Health, "/api/health")]);
    candidates.extend(["/ws", "/echo", "/websocket", "/"].map(|path| (Route::WsEcho, path)));
    candidates
}

/// Whether the route answers as the contract has it.
///
/// # Errors
///
/// Why nobody answers at all.
async fn offers(cx: &Context, route: Route) -> Result<bool, String> {
    if route.is_websocket() {
        return Ok(offers_websocket(cx, route).await);
    }
    let (request, method) = match route {
        Route::Echo => (post_echo(cx, b"harness"), "POST"),
        Route::Bytes => (get(cx, route, "?n=300"), "GET"),
        Route::Stream => (get(cx, route, "?chunks=2&size=10&ms=0"), "GET"),
        _ => (get(cx, route, ""), "GET"),
    };
    let mut connection = cx.connect(route, Source::Case).await.map_err(|verdict| verdict.got)?;
    connection.send(&request, cx.answer_by()).await;
    match next_answer(&mut connection, method, cx.answer_by()).await {
        Answer::Response(response) => Ok(response.status == 200 && fits(route, &response)),
        answer => Err(answer.describe()),
    }
}

fn fits(route: Route, response: &Response) -> bool {
    let content = &response.content[..];
    match route {
        Route::Hello => true,
        Route::Health => {
            let compact: Vec<u8> =
                content.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
            compact == br#"{"status":"ok"}"#
        }
        Route::Echo => content == b"harness",
        Route::Fields => serde_json::from_slice::<Vec<(String, String)>>(content)
            .is_ok_and(|fields| fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"))),
        Route::Bytes => content.iter().copied().eq((0..=250).cycle().take(300)),
        Route::Stream => content == [b'x'; 20],
        Route::File => {
            let strong = response.field("etag").is_some_and(|etag| etag.starts_with('"'));
            content.len() >= 16 && strong && response.field("last-modified").is_some()
        }
        _ => false,
    }
}

async fn offers_websocket(cx: &Context, route: Route) -> bool {
    let query = if route == Route::WsPush { "?n=2&ms=0" } else { "" };
    let opened = Client::open_with(cx, route, query, Source::Case).await;
    match (route, opened) {
        (Route::WsEcho, Ok(mut client)) => client.echoes(cx, "harness").await.is_ok(),
        (Route::WsPush, Ok(mut client)) => {
            let first = client.next(cx.answer_by()).await;
            matches!(first, Event::Message { payload, .. } if payload == b"0")
        }
        (Route::WsReject, Ok(mut client)) => {
            matches!(client.next(cx.answer_by()).await, Event::Close { code: Some(1008), .. })
        }
        // 404 is how a server says that it has no such route: no refusal of a handshake.
        (Route::WsReject, Err(verdict)) => {
            ["400", "401", "403"].iter().any(|status| verdict.got.ends_with(status))
        }
        _ => false,
    }
}

fn write(
    name: &str,
    urls: &[(&str, &str)],
    secure: bool,
    found: &BTreeMap<Route, String>,
) -> String {
    let mut out = format!(
        "# A profile for harness, drafted by asking the server. docs/profile.md explains every key.\n\
         name = {name:?}\n\n\
         # With this section the harness starts the server itself, on a free port, and stops it. Put {{port}} in\n\
         # place of the port below, too.\n\
         # [subject]\n# command = [\"./server\", \"--port\", \"{{port}}\"]\n\n\
         # [ready]\n# http = \"/health\"   # ready once this answers 200; else once it accepts a connection\n\n\
         [urls]\n"
    );
    let websocket = found.keys().any(|route| route.is_websocket());
    for (scheme, url) in urls {
        let sign = if scheme.starts_with("ws") && !websocket { "# " } else { "" };
        _ = writeln!(out, "{sign}{scheme} = {url:?}");
    }
    if secure {
        out.push_str("\n[tls]\ninsecure = true      # or ca = \"authority.pem\"\n");
    }
    out.push_str("\n# What it offers of the subject contract (docs/subject-contract.md): the more, the more is judged.\n[routes]\n");
    for route in Route::ALL {
        let key =
            if route.is_websocket() { format!("{:?}", route.name()) } else { route.to_string() };
        match found.get(route) {
            Some(path) => _ = writeln!(out, "{key} = {path:?}"),
            None => {
                let why = if HARMFUL.contains(route) { "not asked for" } else { "not found" };
                _ = writeln!(out, "# {key} = {:?}   # {why}", route.default_path());
            }
        }
    }
    out.push_str(
        "\n# What it promises; the harness holds it to that.\n# [limits]\n# first_byte = \"10s\"\n# head = \"10s\"\n# body = \"10s\"\n# keep_alive = \"10s\"\n# handler = \"30s\"\n# ping = \"10s\"\n# pong = \"5s\"\n# write = \"10s\"\n# connections = 500\n\n\
         # Verdicts that are known and accepted.\n# [[deviations]]\n# case = \"http/VER-03\"\n# verdict = \"warn\"\n\
         # reason = \"by policy\"\n# until = \"2027-01-31\"\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_a_profile_and_its_comments_are_too() {
        let found = [(Route::Hello, "/"), (Route::WsEcho, "/ws")].map(|(r, p)| (r, p.to_owned()));
        let urls = [("http", "http://h:1"), ("ws", "ws://h:1")];
        let text = write("h:1", &urls, false, &found.into());
        let profile = Profile::parse(&text).unwrap();
        assert_eq!((&profile.routes[&Route::WsEcho][..], profile.routes.len()), ("/ws", 2));
        // What a reader uncomments must be right as well.
        let is_key =
            |line: &&str| line.starts_with("# ") && (line.contains(" = ") || line.contains("# ["));
        let uncomment = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned();
        let whole: Vec<String> = text
            .lines()
            .map(|line| if is_key(&line) { uncomment(line) } else { line.into() })
            .collect();
        let profile = Profile::parse(&whole.join("\n")).unwrap();
        assert_eq!(profile.routes.len(), Route::ALL.len());
        assert!(profile.subject.is_some() && profile.limits.head.is_some());
    }
}
