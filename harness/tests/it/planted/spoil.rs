//! Faults of answers that are right up to here.

use super::fault::{Fault, Faults};
use super::head::Head;
use super::response::{Content, Response};

/// The answer with the planted faults.
pub(super) fn spoil(mut response: Response, head: &Head, faults: &Faults) -> Response {
    let asks = |name| head.values(name).next().is_some();
    if head.target.path == "/file" {
        if faults.has(Fault::UnsatisfiedWithoutRange) && asks("Range") {
            return without_content(416);
        }
        if faults.has(Fault::UnquotedEtag) {
            replace(&mut response, "ETag", "planted-1");
        }
    }
    if faults.has(Fault::RangeOfPost) && head.method == "POST" && asks("Range") {
        response.status = 206;
        return response.with("Content-Range", "bytes 0-4/5");
    }
    if faults.has(Fault::HeadWithoutType) && head.method == "HEAD" {
        remove(&mut response, "Content-Type");
    }
    if faults.has(Fault::LengthIn204) && response.status == 204 {
        return response.with("Content-Length", "0");
    }
    if response.status == 404 { spoil_404(response, head, faults) } else { response }
}

fn spoil_404(mut response: Response, head: &Head, faults: &Faults) -> Response {
    let statuses = [
        (Fault::ResetWithContent, 205),
        (Fault::PartialWithoutRange, 206),
        (Fault::NoChallenge, 401),
        (Fault::RedirectWithoutLocation, 301),
    ];
    if let Some((_, status)) = statuses.iter().find(|(fault, _)| faults.has(*fault)) {
        response.status = *status;
    }
    if faults.has(Fault::UntypedErrorPage) {
        remove(&mut response, "Content-Type");
    }
    if faults.has(Fault::PathInHtml) {
        replace(&mut response, "Content-Type", "text/html");
        response.content = Content::Whole(format!("<p>no {}", head.target.path).into());
    }
    let fields = [
        (Fault::ControlInField, "X-Note", "a\x07b"),
        (Fault::TwoContentTypes, "Content-Type", "text/html"),
        (Fault::LengthTwice, "Content-Length", "14"),
        (Fault::HstsInTheClear, "Strict-Transport-Security", "max-age=1"),
    ];
    for (_, name, value) in fields.iter().filter(|(fault, ..)| faults.has(*fault)) {
        response = response.with(name, *value);
    }
    response
}

fn without_content(status: u16) -> Response {
    Response { status, fields: Vec::new(), content: Content::Whole(Vec::new()) }
}

fn remove(response: &mut Response, name: &str) {
    response.fields.retain(|(field, _)| *field != name);
}

fn replace(response: &mut Response, name: &'static str, value: &str) {
    remove(response, name);
    response.fields.push((name, value.to_owned()));
}
