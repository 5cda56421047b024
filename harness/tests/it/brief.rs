//! A server that answers once for each connection, and says so.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use seawall_harness::{Filter, Outcome, Profile, judge};

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
