//! H-10: the connection as a state machine, fed with whatever, in whatever pieces.
//!
//! Everything runs on the thread of the test, over a connection in memory: no clock is waited for,
//! and a failure comes again with the same input.

use std::sync::Arc;

use async_executor::Executor;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future, io};
use proptest::collection::vec;
use proptest::prelude::*;
use seawall_http_server::{
    BodySender, ClientGone, Request, Response, Router, Scope, Server, Status,
};

use crate::pipe;

/// What a client may send next.
#[derive(Clone, Debug)]
enum Step {
    Hello,
    Head,
    Missing,
    /// Content, in chunks of this length if it is not 0; and whether the client waits for 100.
    Echo(Vec<u8>, usize, bool),
    /// Content that nobody reads.
    Ignored(usize),
    /// An answer in pieces.
    Stream(u8),
}

/// How a client ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// It closes its sending side, and reads on.
    HalfClose,
    Close,
    Reset,
}

fn routes() -> Router {
    crate::routes().get("/stream/{n}", async |request: Request| {
        let n: u8 = request.param("n").and_then(|n| n.parse().ok()).unwrap_or(0);
        Response::new(Status::OK).stream("text/plain", move |mut sender: BodySender| async move {
            for n in 0..n {
                sender.send(vec![n; usize::from(n) + 1]).await?;
                future::yield_now().await;
            }
            Ok::<(), ClientGone>(())
        })
    })
}

impl Step {
    fn request(&self) -> Vec<u8> {
        let head = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        match self {
            Self::Hello => head("GET /hello", "").into_bytes(),
            Self::Head => head("HEAD /hello", "").into_bytes(),
            Self::Missing => head("GET /none", "").into_bytes(),
            Self::Stream(n) => head(&format!("GET /stream/{n}"), "").into_bytes(),
            Self::Ignored(len) => {
                let head = head("POST /ignore", &format!("Content-Length: {len}\r\n"));
                [head.into_bytes(), vec![b'x'; *len]].concat()
            }
            Self::Echo(content, chunk, expect) => {
                let expect = if *expect { "Expect: 100-continue\r\n" } else { "" };
                if *chunk == 0 {
                    let fields = format!("{expect}Content-Length: {}\r\n", content.len());
                    return [head("POST /echo", &fields).as_bytes(), content].concat();
                }
                let fields = format!("{expect}Transfer-Encoding: chunked\r\n");
                let mut request = head("POST /echo", &fields).into_bytes();
                for chunk in content.chunks(*chunk) {
                    request.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    request.extend(chunk);
                    request.extend(b"\r\n");
                }
                request.extend(b"0\r\n\r\n");
                request
            }
        }
    }

    fn answer(&self) -> (u16, Vec<u8>) {
        match self {
            Self::Hello => (200, b"hello\n".to_vec()),
            Self::Head => (200, Vec::new()),
            Self::Missing => (404, Vec::new()),
            Self::Echo(content, ..) => (200, content.clone()),
            Self::Ignored(_) => (200, b"ignored\n".to_vec()),
            Self::Stream(n) => (200, (0..*n).flat_map(|n| vec![n; usize::from(n) + 1]).collect()),
        }
    }
}

/// All that the server sends to a client that sends `input` and ends; and how many handlers
/// panicked. Returns when the connection has ended.
fn serve(input: &[u8], sizes: &[usize], ending: Ending) -> (Vec<u8>, u64) {
    let executor = Arc::new(Executor::new());
    let spawner = Arc::clone(&executor);
    let scope = Scope::foreign(move |task| spawner.spawn(task).detach());
    let running = Server::new(routes()).start_without_listener(&scope);
    let (mut client, stream) = pipe::pair(sizes);
    client.reset = matches!(ending, Ending::Reset);
    let serving = running.serve_connection(stream, ([127, 0, 0, 1], 7).into());
    let talking = async {
        let (mut reader, mut writer) = io::split(client);
        let mut output = Vec::new();
        let writing = async {
            // The server may close in the middle of it.
            let _ = writer.write_all(input).await;
            if let Ending::HalfClose = ending {
                let _ = writer.close().await;
            }
        };
        match ending {
            Ending::HalfClose => {
                let reading = reader.read_to_end(&mut output);
                future::zip(writing, reading).await.1.unwrap();
            }
            Ending::Close | Ending::Reset => writing.await,
        }
        output
    };
    let (output, _) = future::block_on(executor.run(future::zip(talking, serving)));
    assert_eq!(running.stats().active, 0);
    (output, running.stats().crashes)
}

/// Status and content of each answer, if `output` is nothing but answers, all of them whole.
/// `heads` tells which of them are to HEAD.
fn answers(mut output: &[u8], heads: &[bool]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut answers = Vec::new();
    while !output.is_empty() {
        let end = output.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&output[..end]).ok()?;
        output = &output[end..];
        let status: u16 = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let mut content = Vec::new();
        if status < 200 {
            continue;
        }
        // A refusal of what could not be read has content, be it the beginning of HEAD.
        if status == 200 && heads.get(answers.len()) == Some(&true) {
        } else if field("Transfer-Encoding: chunked").is_some() {
            loop {
                let line = output.windows(2).position(|window| window == b"\r\n")?;
                let size = std::str::from_utf8(&output[..line]).ok()?;
                let size = usize::from_str_radix(size, 16).ok()?;
                content.extend(output.get(line + 2..line + 2 + size)?);
                output = output.get(line + 2 + size..)?.strip_prefix(b"\r\n")?;
                if size == 0 {
                    break;
                }
            }
        } else {
            let len: usize = field("Content-Length: ")?.parse().ok()?;
            content.extend(output.get(..len)?);
            output = &output[len..];
        }
        answers.push((status, content));
    }
    Some(answers)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Hello),
        Just(Step::Head),
        Just(Step::Missing),
        (vec(any::<u8>(), 0..400), 0_usize..50, any::<bool>())
            .prop_map(|(content, chunk, expect)| Step::Echo(content, chunk, expect)),
        (0_usize..5000).prop_map(Step::Ignored),
        (0_u8..20).prop_map(Step::Stream),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::HalfClose), Just(Ending::Close), Just(Ending::Reset)]
}

/// How many octets each call moves; 0 is one that was not ready.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![]),
        vec(prop_oneof![0_usize..4, Just(100), Just(usize::MAX)], 1..8)
            .prop_filter("it must get on", |sizes| sizes.iter().any(|size| *size > 0)),
    ]
}

/// Octets that look like HTTP here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(&b"GET /hello HTTP/1.1\r\n"[..]),
        Just(&b"POST /echo HTTP/1.0\r\n"[..]),
        Just(&b"Host: h\r\n"[..]),
        Just(&b"Content-Length: 5\r\n"[..]),
        Just(&b"Content-Length: 99999999999999999999\r\n"[..]),
        Just(&b"Transfer-Encoding: chunked\r\n"[..]),
        Just(&b"Expect: 100-continue\r\n"[..]),
        Just(&b"Connection: close, upgrade\r\nUpgrade: x\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b"5\r\nhello\r\n"[..]),
        Just(&b"0\r\n\r\n"[..]),
        Just(&b"\0"[..]),
        Just(&b"hello"[..]),
    ];
    let piece = prop_oneof![
        4 => word.prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..20),
        1 => Just(vec![b'a'; 9000]),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each request is answered once, in order and rightly, however it is cut.
    #[test]
    fn requests_get_their_answers_however_they_are_cut(
        steps in vec(step(), 0..8),
        sizes in sizes(),
    ) {
        let input: Vec<u8> = steps.iter().flat_map(Step::request).collect();
        let (output, crashes) = serve(&input, &sizes, Ending::HalfClose);
        prop_assert_eq!(crashes, 0);
        let heads: Vec<_> = steps.iter().map(|step| matches!(step, Step::Head)).collect();
        let expected: Vec<_> = steps.iter().map(Step::answer).collect();
        prop_assert_eq!(answers(&output, &heads), Some(expected));
    }

    /// A client that leaves anywhere ends its connection, and nothing else.
    #[test]
    fn a_client_may_leave_anywhere(
        steps in vec(step(), 0..8),
        at in 0.0..1.0_f64,
        sizes in sizes(),
        ending in ending(),
    ) {
        let input: Vec<u8> = steps.iter().flat_map(Step::request).collect();
        let at = (input.len() as f64 * at) as usize;
        let (output, crashes) = serve(&input[..at], &sizes, ending);
        prop_assert_eq!(crashes, 0);
        if let Ending::HalfClose = ending {
            let heads: Vec<_> = steps.iter().map(|step| matches!(step, Step::Head)).collect();
            let answers = answers(&output, &heads).expect("whole answers");
            prop_assert!(answers.len() <= steps.len());
            // All but the last are right; that one may be about the end.
            for (answer, step) in answers.iter().zip(&steps).take(answers.len().saturating_sub(1)) {
                prop_assert_eq!(answer, &step.answer());
            }
        }
    }

    /// Whatever comes, it ends, with whole answers, and no more of them than heads came.
    #[test]
    fn noise_ends_with_no_more_answers_than_heads(
        before in vec(step(), 0..3),
        noise in noise(),
        sizes in sizes(),
        ending in ending(),
    ) {
        let mut input: Vec<u8> = before.iter().flat_map(Step::request).collect();
        let heads: Vec<_> = before.iter().map(|step| matches!(step, Step::Head)).collect();
        let lines = noise.windows(2).filter(|window| window == b"\r\n").count();
        input.extend(&noise);
        let (output, crashes) = serve(&input, &sizes, ending);
        prop_assert_eq!(crashes, 0);
        if let Ending::HalfClose = ending {
            let answers = answers(&output, &heads).expect("whole answers");
            prop_assert!(answers.len() <= before.len() + lines / 2 + 1, "{:?}", answers);
            for (answer, step) in answers.iter().zip(&before) {
                prop_assert_eq!(answer, &step.answer());
            }
        }
    }
}
