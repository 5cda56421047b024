//! Crash isolation: a panic in one handler harms no other connection.
//!
//! HTTP-02, HTTP-05, WS-04. Each case provokes a panic and looks at three things: what the
//! client of the crashed request gets, whether those who were connected before notice
//! anything, and whether newcomers are served. That the process lives is asked after every
//! case of every family.

use std::time::Instant;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::{Answer, get, healthy, healthy_on, next_answer};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Read, Source};
use crate::ws::client::{Client, Event};
use crate::ws::frame::opcode;

/// The ways to panic that the contract names; a subject that knows one only panics that way.
const KINDS: &[(&str, &str)] = &[
    ("panic", "An explicit panic"),
    ("match", "A failed match"),
    ("divide", "An integer division by zero"),
    ("index", "An index out of range"),
    ("drop", "A panic in a destructor"),
];

const STREAM: &str = "A panic while the content streams cuts it off visibly";
const HEALTH: &str = "Health after a crash, on a new and on an old connection";

pub(super) fn cases() -> Vec<Case> {
    use Family::Crash;
    let http = [Route::Crash, Route::Hello];
    let health = [Route::Crash, Route::Health, Route::Hello];
    let sleep = [Route::Crash, Route::Hello, Route::Sleep];
    let any = [Route::Hello, Route::Echo, Route::Bytes, Route::WsEcho];
    let ws = [Route::WsCrash, Route::WsEcho];
    let mut cases: Vec<Case> = KINDS
        .iter()
        .map(|&(kind, title)| {
            let id = format!("http-{kind}");
            let title = format!("{title}: 500, and others are served on");
            case(Crash, &id, &title, &http, move |cx| one_crash(cx, kind))
        })
        .collect();
    cases.extend([
        case(Crash, "http-stream", STREAM, &http, crash_in_stream),
        case(Crash, "http-health", HEALTH, &health, health_after),
        case(
            Crash,
            "http-pipelined",
            "A crash between pipelined requests",
            &http,
            crash_in_pipeline,
        ),
        case(
            Crash,
            "http-in-flight",
            "A request in flight is answered",
            &sleep,
            crash_beside_request,
        ),
        case(Crash, "http-hundred", "A hundred crashes at once", &http, hundred_crashes),
        case(Crash, "client-reset", "Clients that reset in the middle", &any, client_resets),
        case(Crash, "ws-code", "A panic in a callback closes with 1011", &ws, websocket_crash),
        case(
            Crash,
            "ws-neighbour",
            "Other WebSockets go on after a crash",
            &ws,
            websocket_neighbour,
        ),
        case(Crash, "ws-fifty", "Fifty WebSockets crash at once", &ws, fifty_websockets),
    ]);
    let section = |id: &str| match id {
        "crash/client-reset" => "RFC 9112 §9.6",
        id if id.starts_with("crash/ws-") => "RFC 6455 §7.4.1",
        _ => "RFC 9110 §15.6.1",
    };
    let ruled = |case: Case| {
        let section = section(&case.id);
        case.rule(section, Strength::Hardening).exclusive()
    };
    cases.into_iter().map(ruled).collect()
}

/// Sends a request that crashes, and judges what its own client gets.
async fn crash(cx: &Context, connection: &mut Connection, kind: &str) -> Verdict {
    connection.send(&get(cx, Route::Crash, &format!("?kind={kind}")), cx.answer_by()).await;
    let answer = next_answer(connection, "GET", cx.answer_by()).await;
    let expected = "the crashed request is answered 500, or its connection closed";
    let outcome = match &answer {
        Answer::Response(response) if response.status == 500 => Outcome::Pass,
        // The client is told nothing, but nothing false either.
        Answer::Closed => Outcome::Warn,
        _ => Outcome::Fail,
    };
    Verdict::new(outcome, expected, answer.describe())
}

async fn one_crash(cx: Context, kind: &str) -> Result<Verdict, Verdict> {
    let mut neighbour = cx.connect(Route::Hello, Source::Victim).await?;
    let stays = healthy_on(&cx, &mut neighbour).await?;
    let mut connection = cx.connect(Route::Crash, Source::Case).await?;
    let verdict = crash(&cx, &mut connection, kind).await;
    // Who closes after each answer has no connection from before.
    if stays {
        healthy_on(&cx, &mut neighbour)
            .await
            .map_err(|v| v.at("on a connection open before the crash"))?;
    }
    healthy(&cx, Source::Victim).await.map_err(|v| v.at("on a new connection"))?;
    Ok(verdict)
}

/// The head is out, so no status can tell; the end must not look like a whole answer.
async fn crash_in_stream(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect(Route::Crash, Source::Case).await?;
    connection.send(&get(&cx, Route::Crash, "?kind=stream"), cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "500, or an answer that visibly breaks off";
    healthy(&cx, Source::Victim).await.map_err(|v| v.at("on a new connection"))?;
    Ok(match &answer {
        Answer::Response(response) if response.status == 500 => {
            Verdict::pass(expected, answer.describe())
        }
        Answer::Closed | Answer::Malformed(_) if connection.ended().is_some() => {
            Verdict::pass(expected, answer.describe())
        }
        Answer::Response(response)
            if response.until_close && connection.ended() == Some(Read::Reset) =>
        {
            Verdict::pass(expected, "content that ends with a reset")
        }
        _ => Verdict::fail(expected, answer.describe()),
    })
}

async fn health_after(cx: Context) -> Result<Verdict, Verdict> {
    let mut before = cx.connect(Route::Health, Source::Victim).await?;
    let stays = health(&cx, &mut before).await?;
    let mut connection = cx.connect(Route::Crash, Source::Case).await?;
    let verdict = crash(&cx, &mut connection, "panic").await;
    let mut new = cx.connect(Route::Health, Source::Victim).await?;
    health(&cx, &mut new).await.map_err(|v| v.at("on a new connection"))?;
    if stays {
        health(&cx, &mut before)
            .await
            .map_err(|v| v.at("on a connection open before the crash"))?;
    }
    Ok(verdict)
}

/// Asks for health; whether the connection stays open.
async fn health(cx: &Context, connection: &mut Connection) -> Result<bool, Verdict> {
    connection.send(&get(cx, Route::Health, ""), cx.answer_by()).await;
    let answer = next_answer(connection, "GET", cx.answer_by()).await;
    let expected = serde_json::json!({ "status": "ok" });
    if let Answer::Response(response) = &answer
        && response.status == 200
        && serde_json::from_slice::<serde_json::Value>(&response.content)
            .is_ok_and(|json| json == expected)
    {
        return Ok(!response.announces_close());
    }
    Err(Verdict::fail(format!("200 with {expected}"), answer.describe()))
}

async fn crash_in_pipeline(cx: Context) -> Result<Verdict, Verdict> {
    let hello = get(&cx, Route::Hello, "");
    let mut connection = cx.connect(Route::Crash, Source::Case).await?;
    let requests = [&hello[..], &get(&cx, Route::Crash, ""), &hello].concat();
    connection.send(&requests, cx.answer_by()).await;
    let expected = "2xx, then 500 or a close, then 2xx or a close";
    let mut got = Vec::new();
    for i in 0..3 {
        let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
        got.push(answer.describe());
        let sound = match (i, &answer) {
            (0 | 2, Answer::Response(response)) => (200..300).contains(&response.status),
            (1, Answer::Response(response)) => response.status == 500,
            (1 | 2, Answer::Closed) => true,
            _ => false,
        };
        if !sound {
            return Err(Verdict::fail(expected, got.join("; then ")));
        }
        if answer == Answer::Closed {
            break;
        }
    }
    Ok(Verdict::pass(expected, got.join("; then ")))
}

async fn crash_beside_request(cx: Context) -> Result<Verdict, Verdict> {
    let mut slow = cx.connect(Route::Sleep, Source::Victim).await?;
    slow.send(&get(&cx, Route::Sleep, "?ms=300"), cx.answer_by()).await;
    let mut connection = cx.connect(Route::Crash, Source::Case).await?;
    let verdict = crash(&cx, &mut connection, "panic").await;
    let answer = next_answer(&mut slow, "GET", cx.answer_by()).await;
    if answer.status() != Some(200) {
        return Err(Verdict::fail("the request in flight is answered 200", answer.describe()));
    }
    Ok(verdict)
}

async fn hundred_crashes(cx: Context) -> Result<Verdict, Verdict> {
    let mut neighbour = cx.connect(Route::Hello, Source::Victim).await?;
    let stays = healthy_on(&cx, &mut neighbour).await?;
    let mut connections = Vec::new();
    for _ in 0..100 {
        let mut connection = cx.connect(Route::Crash, Source::Attacker).await?;
        connection.send(&get(&cx, Route::Crash, ""), cx.answer_by()).await;
        connections.push(connection);
    }
    let mut answered = 0;
    for connection in &mut connections {
        match next_answer(connection, "GET", cx.answer_by()).await {
            Answer::Response(response) if response.status == 500 => answered += 1,
            Answer::Closed => {}
            other => return Err(Verdict::fail("each gets 500 or a close", other.describe())),
        }
    }
    if stays {
        healthy_on(&cx, &mut neighbour).await.map_err(|v| v.at("on a connection open before"))?;
    }
    healthy(&cx, Source::Victim).await.map_err(|v| v.at("on a new connection"))?;
    let got = format!("{answered} of 100 got 500, the others a close");
    let outcome = if answered > 0 { Outcome::Pass } else { Outcome::Warn };
    Ok(Verdict::new(outcome, "each gets 500 or a close, and others are served on", got))
}

/// A connection that breaks is no handler's panic, but it is where many servers have one.
async fn client_resets(cx: Context) -> Result<Verdict, Verdict> {
    let request = get(&cx, Route::Hello, "");
    let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
    let content =
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nhalf")
            .into_bytes();
    let halves = [
        (Route::Hello, request[..request.len() / 2].to_vec()),
        (Route::Echo, content),
        (Route::Bytes, get(&cx, Route::Bytes, "?n=4000000")),
    ];
    for _ in 0..10 {
        for (route, octets) in &halves {
            let mut connection = cx.connect(*route, Source::Attacker).await?;
            connection.send(octets, cx.answer_by()).await;
            connection.reset();
        }
        let mut client = Client::open(&cx, Route::WsEcho, Source::Attacker).await?;
        client.connection().send(&[0x81, 0xfe, 0x03], cx.answer_by()).await;
        client.into_connection().reset();
    }
    healthy(&cx, Source::Victim).await?;
    Ok(Verdict::pass("others are served on", "they are, after 40 resets"))
}

/// Makes the callback panic, and judges how the connection ends.
async fn crash_websocket(cx: &Context, client: &mut Client) -> Verdict {
    client.send(opcode::TEXT, "crash", cx.answer_by()).await;
    let expected = "Close 1011, then the end of the connection";
    let event = client.next(cx.answer_by()).await;
    match &event {
        Event::Close { code: Some(1011), .. } => {
            client.send(opcode::CLOSE, 1011_u16.to_be_bytes(), cx.answer_by()).await;
            match client.next(cx.answer_by()).await {
                Event::Ended => Verdict::pass(expected, event.describe()),
                other => other.unexpected(expected),
            }
        }
        // It is over, but the client does not learn that it was the server's fault.
        Event::Ended => Verdict::warn(expected, event.describe()),
        _ => event.unexpected(expected),
    }
}

async fn websocket_crash(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsCrash, Source::Case).await?;
    client.echoes(&cx, "before").await?;
    Ok(crash_websocket(&cx, &mut client).await)
}

async fn websocket_neighbour(cx: Context) -> Result<Verdict, Verdict> {
    let mut same_route = Client::open(&cx, Route::WsCrash, Source::Victim).await?;
    let mut other_route = Client::open(&cx, Route::WsEcho, Source::Victim).await?;
    same_route.echoes(&cx, "before").await?;
    other_route.echoes(&cx, "before").await?;
    let mut client = Client::open(&cx, Route::WsCrash, Source::Case).await?;
    let verdict = crash_websocket(&cx, &mut client).await;
    same_route.echoes(&cx, "after").await.map_err(|v| v.at("on the same route"))?;
    other_route.echoes(&cx, "after").await.map_err(|v| v.at("on another route"))?;
    let mut new = Client::open(&cx, Route::WsCrash, Source::Victim).await?;
    new.echoes(&cx, "new").await.map_err(|v| v.at("on a new connection"))?;
    Ok(verdict)
}

async fn fifty_websockets(cx: Context) -> Result<Verdict, Verdict> {
    let mut neighbour = Client::open(&cx, Route::WsEcho, Source::Victim).await?;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(Client::open(&cx, Route::WsCrash, Source::Attacker).await?);
    }
    for client in &mut clients {
        client.send(opcode::TEXT, "crash", cx.answer_by()).await;
    }
    let deadline: Instant = cx.answer_by();
    let mut told = 0;
    for client in &mut clients {
        match client.next(deadline).await {
            Event::Close { code: Some(1011), .. } => told += 1,
            Event::Ended => {}
            other => return Err(other.unexpected("each is closed, with 1011")),
        }
    }
    neighbour.echoes(&cx, "after").await.map_err(|v| v.at("on a connection open before"))?;
    let outcome = if told == clients.len() { Outcome::Pass } else { Outcome::Warn };
    let got =
        format!("{told} of {} were closed with 1011, the others without a word", clients.len());
    Ok(Verdict::new(outcome, "each is closed with 1011, and others are served on", got))
}
