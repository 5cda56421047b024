//! Cases written as data.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::case;
use crate::case::{Case, Family};
use crate::http::{self, conditional::Row as ConditionalRow, row::Row as HttpRow};
use crate::route::Route;
use crate::verdict::Strength;
use crate::ws::{self, row::Row as WsRow};

/// The files of a family, with their names for messages.
type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../catalogue/", $name)))),*]
    };
}

const HTTP: Files = files!(
    "http-request-line.toml",
    "http-methods.toml",
    "http-target.toml",
    "http-host.toml",
    "http-fields.toml",
    "http-content-length.toml",
    "http-transfer-encoding.toml",
    "http-connection.toml",
    "http-limits.toml",
);

/// Conditions and ranges.
const CONDITIONAL: Files = files!("http-conditional.toml");

const WEBSOCKET: Files = files!(
    "ws-1-framing.toml",
    "ws-2-ping.toml",
    "ws-3-reserved-bits.toml",
    "ws-4-opcodes.toml",
    "ws-5-fragments.toml",
    "ws-6-utf8.toml",
    "ws-7-close.toml",
    "ws-frames.toml",
);

/// HTTP rows whose route is a WebSocket's.
const HANDSHAKE: Files = files!("ws-handshake.toml");

/// A file of the catalogue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<R> {
    case: Vec<R>,
}

/// A generated group: payloads that are, or are not, UTF-8.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Utf8 {
    group: Vec<Utf8Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Utf8Group {
    id: String,
    title: String,
    /// `+` or `-` (is it UTF-8?), then the octets.
    vectors: Vec<String>,
}

fn rows<R: DeserializeOwned>(files: Files) -> impl Iterator<Item = R> {
    files.iter().flat_map(|(name, text)| {
        let file: File<R> = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        file.case
    })
}

/// HTTP conformance.
pub(super) fn http_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = rows(HTTP).map(|row| http_case(Family::Http, row)).collect();
    cases.extend(rows(CONDITIONAL).map(conditional_case));
    cases
}

/// WebSocket conformance.
pub(super) fn websocket_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = rows(HANDSHAKE).map(|row| http_case(Family::Ws, row)).collect();
    cases.extend(rows(WEBSOCKET).map(websocket_case));
    cases.extend(utf8_rows().into_iter().map(websocket_case));
    cases
}

fn http_case(family: Family, row: HttpRow) -> Case {
    assert_eq!(row.flaw(), None, "{}", row.id);
    let row = Rc::new(row);
    let shown = Rc::clone(&row);
    let run = {
        let row = Rc::clone(&row);
        move |cx| {
            let row = Rc::clone(&row);
            async move { Ok(http::judge::run(&row, &cx).await) }
        }
    };
    case(family, &row.id, &row.title, &row.needs(), run)
        .rule(&row.section, row.strength)
        .shown_by(move || shown.script())
}

fn conditional_case(row: ConditionalRow) -> Case {
    assert_eq!(row.flaw(), None, "{}", row.id);
    let row = Rc::new(row);
    let shown = Rc::clone(&row);
    let run = {
        let row = Rc::clone(&row);
        move |cx| {
            let row = Rc::clone(&row);
            async move { row.run(&cx).await }
        }
    };
    case(Family::Http, &row.id, &row.title, &[Route::File], run)
        .rule(&row.section, row.strength)
        .shown_by(move || shown.script())
}

fn websocket_case(row: WsRow) -> Case {
    assert_eq!(row.flaw(), None, "{}", row.id);
    let row = Rc::new(row);
    let shown = Rc::clone(&row);
    let run = {
        let row = Rc::clone(&row);
        move |cx| {
            let row = Rc::clone(&row);
            async move { Ok(ws::judge::run(&row, &cx).await) }
        }
    };
    let id = format!("ws/{}", row.id);
    case(Family::Ws, &row.id, &row.title, &[Route::WsEcho], run)
        .rule(&row.section, row.strength)
        .shown_by(move || shown.script(&id))
}

/// Groups 6.5 to 6.23: each vector is one unfragmented text message.
fn utf8_rows() -> Vec<WsRow> {
    let file: Utf8 = toml::from_str(include_str!("../../catalogue/ws-6-vectors.toml"))
        .unwrap_or_else(|error| panic!("ws-6-vectors.toml: {error}"));
    let mut rows = Vec::new();
    for group in file.group {
        for (i, vector) in group.vectors.iter().enumerate() {
            let (sign, hex) = vector.split_at(1);
            let valid = match sign {
                "+" => true,
                "-" => false,
                _ => panic!("{}: {vector:?} begins with + or -", group.id),
            };
            let id = format!("{}.{}", group.id, i + 1);
            rows.push(WsRow::utf8(id, group.title.clone(), hex, valid, Strength::Must));
        }
    }
    rows
}
