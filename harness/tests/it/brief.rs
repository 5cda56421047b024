//! Servers that serve little at a time, and say so, are not accused of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use seawall_harness::{Filter, Outcome, Profile, judge};

use crate::proof::profile;

#[test]
fn who_serves_one_at_a_time_is_not_crowded_while_other_cases_ask() {
    let mut profile = profile("one-at-a-time");
    profile.limits.connections = Some(1);
    let cases = Filter::new(["slow/silence", "http/RL-01", "http/CL-01"]);
    let report = judge(&profile, &cases).expect("it runs");
    assert_eq!(report.results.len(), 3);
    for judged in report.results.iter().filter(|judged| judged.id.starts_with("http/")) {
        assert_eq!(judged.outcome, Outcome::Pass, "{}: {}", judged.id, judged.got);
    }
}

#[test]
fn who_closes_after_each_answer_has_no_connection_from_before_a_crash() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(client));
        }
    });
    let profile = format!(
        r#"
        [urls]
        http = "http://{address}"
        [routes]
        hello = "/hello"
        health = "/health"
        crash = "/crash"
        "#
    );
    let profile = Profile::parse(&profile).expect("the profile is right");
    let cases = Filter::new(["crash/http-panic", "crash/http-health", "crash/http-hundred"]);
    let report = judge(&profile, &cases).expect("it runs");
    assert_eq!(report.results.len(), 3);
    for judged in &report.results {
        assert_eq!(judged.outcome, Outcome::Pass, "{}: {}", judged.id, judged.got);
    }
}

fn answer(mut client: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
    let request = lines.next()?;
    lines.find(String::is_empty)?;
    let (status, content) = match request.split(' ').nth(1)?.split('?').next()? {
        "/hello" => ("200 OK", "hello"),
        "/health" => ("200 OK", r#"{"status":"ok"}"#),
        _ => ("500 Internal Server Error", ""),
    };
    let length = content.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}"
    )
    .ok()
}
