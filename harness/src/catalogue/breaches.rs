//! Frames that no endpoint may accept, each kind of them tried, and frames that announce more than ever comes.

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode, opcode_name};

/// Connections at a time: few enough for any cap.
const WIDTH: usize = 16;

/// Octets that break a rule, and what they are.
type Breach = (String, Vec<u8>);

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Info, Must};
    vec![
        sweep(
            "04",
            "A length whose highest bit is set",
            "RFC 6455 §5.2",
            Must,
            &[1002, 1009],
            highest_bit,
        ),
        sweep(
            "04-large",
            "A frame of a TiB, and of all that a length can say, of which nothing comes",
            "RFC 6455 §10.4",
            Hardening,
            &[1009, 1002, 1008],
            large,
        ),
        case(
            Family::Ws,
            "frames/06",
            "The header of a control frame that is too long",
            &[Route::WsEcho],
            early,
        )
        .rule("RFC 6455 §5.5", Hardening),
        sweep("12", "Reserved bits on frames of every kind", "RFC 6455 §5.2", Must, &[1002], bits),
        sweep("13", "Every reserved kind of frame", "RFC 6455 §5.2", Must, &[1002], kinds),
        case(Family::Ws, "frames/11", "Which close codes are taken", &[Route::WsEcho], codes)
            .rule("RFC 6455 §7.4", Info),
    ]
}

fn sweep(
    number: &str,
    title: &str,
    section: &str,
    strength: Strength,
    codes: &'static [u16],
    breaches: fn() -> Vec<Breach>,
) -> Case {
    let run = move |cx| async move { refuses_all(&cx, breaches(), codes, Outcome::Fail).await };
    case(Family::Ws, &format!("frames/{number}"), title, &[Route::WsEcho], run)
        .rule(section, strength)
}

/// Of a frame that is too long, the payload may be waited for: that costs no more than a frame that is not.
async fn early(cx: Context) -> Result<Verdict, Verdict> {
    refuses_all(&cx, long_control(), &[1002], Outcome::Warn).await
}

/// Sends each breach on a connection of its own. The worst verdict stands, and the trace of the first that fails.
async fn refuses_all(
    cx: &Context,
    breaches: Vec<Breach>,
    codes: &[u16],
    silence: Outcome,
) -> Result<Verdict, Verdict> {
    let spelled: Vec<String> = codes.iter().map(u16::to_string).collect();
    let expected = format!("the subject closes with {}", spelled.join(" or "));
    let mut worst = Verdict::pass(expected, format!("so it did, {} times", breaches.len()));
    for group in breaches.chunks(WIDTH) {
        let verdicts = side_by_side(group.iter().map(|(what, octets)| async move {
            let own = cx.untraced();
            let refused = async {
                let mut client = Client::open(&own, Route::WsEcho, Source::Case).await?;
                client.connection().send(octets, cx.answer_by()).await;
                client.fails_unless_silent(&own, codes, silence).await
            };
            refused.await.map_err(|verdict| (verdict.at(what), own))
        }))
        .await;
        for (verdict, own) in verdicts.into_iter().filter_map(Result::err) {
            if verdict.outcome >= Outcome::Fail {
                cx.trace().adopt(own.trace());
                return Err(verdict);
            }
            worst = worst.worse(verdict);
        }
    }
    Ok(worst)
}

/// A masked header that says it is followed by so many octets. None are.
fn header(opcode: u8, len: u64) -> Vec<u8> {
    [&[0x80 | opcode, 0xff][..], &len.to_be_bytes(), &KEY].concat()
}

fn highest_bit() -> Vec<Breach> {
    let lens = [1 << 63, 1 << 63 | 5, u64::MAX];
    lens.map(|len| (format!("{len:#x}"), header(opcode::BINARY, len))).into()
}

fn large() -> Vec<Breach> {
    let lens = [1 << 40, i64::MAX as u64];
    lens.map(|len| (format!("{len:#x}"), header(opcode::BINARY, len))).into()
}

fn long_control() -> Vec<Breach> {
    let mut breaches = Vec::new();
    for opcode in [opcode::CLOSE, opcode::PING, opcode::PONG] {
        let name = opcode_name(opcode);
        let short = [&[0x80 | opcode, 0xfe, 0, 126][..], &KEY].concat();
        breaches.push((format!("a {name} of 126 octets"), short));
        breaches.push((format!("a {name} of 65536 octets"), header(opcode, 1 << 16)));
    }
    breaches
}

fn bits() -> Vec<Breach> {
    let opcodes = [
        opcode::TEXT,
        opcode::BINARY,
        opcode::CONTINUATION,
        opcode::CLOSE,
        opcode::PING,
        opcode::PONG,
    ];
    let one = |opcode: u8, rsv: u8| {
        let mut octets = Vec::new();
        if opcode == opcode::CONTINUATION {
            let begin = Frame::new(opcode::TEXT, "begin", KEY);
            Frame { fin: false, ..begin }.encode(&mut octets);
        }
        Frame { rsv, ..Frame::new(opcode, "", KEY) }.encode(&mut octets);
        (format!("{} with the bits {rsv:03b}", opcode_name(opcode)), octets)
    };
    opcodes.into_iter().flat_map(|opcode| (1..8).map(move |rsv| one(opcode, rsv))).collect()
}

fn kinds() -> Vec<Breach> {
    let mut breaches = Vec::new();
    for opcode in (3..8).chain(11..16) {
        for fin in [true, false] {
            for payload in ["", "payload"] {
                let octets = Frame { fin, ..Frame::new(opcode, payload, KEY) }.octets();
                let end = if fin { "final" } else { "not final" };
                breaches.push((format!("opcode {opcode}, {end}, {payload:?}"), octets));
            }
        }
    }
    breaches
}

/// Codes at each border of RFC 6455 §7.4 and of IANA's registry, and some from between.
const CODES: [u16; 40] = [
    0, 1, 500, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012,
    1013, 1014, 1015, 1016, 1017, 1100, 1500, 1999, 2000, 2500, 2998, 2999, 3000, 3001, 3008, 3500,
    3999, 4000, 4001, 4999, 5000, 32768, 65535,
];

/// Groups 7.7, 7.9 and 7.13 judge; this one draws the map.
async fn codes(cx: Context) -> Result<Verdict, Verdict> {
    let mut taken = Vec::new();
    for group in CODES.chunks(WIDTH) {
        let answers = side_by_side(group.iter().map(|code| is_taken(&cx, *code))).await;
        for (answer, code) in answers.into_iter().zip(group) {
            if answer.map_err(|verdict| verdict.at(&format!("Close {code}")))? {
                taken.push(code.to_string());
            }
        }
    }
    let expected = "each Close is answered, by its own code, by 1000 or by 1002";
    let got = format!("of {} tried, these are taken: {}", CODES.len(), taken.join(", "));
    Ok(Verdict::new(Outcome::Info, expected, got))
}

async fn is_taken(cx: &Context, code: u16) -> Result<bool, Verdict> {
    let mut client = Client::open(&cx.untraced(), Route::WsEcho, Source::Case).await?;
    client.send(opcode::CLOSE, code.to_be_bytes(), cx.answer_by()).await;
    match client.next(cx.answer_by()).await {
        Event::Close { code: Some(1002), .. } if code != 1002 => Ok(false),
        Event::Close { code: Some(answer), .. } if answer == code || answer == 1000 => Ok(true),
        Event::Close { code: None, .. } => Ok(true),
        Event::Ended => Ok(false),
        event => Err(event.unexpected("its own code, 1000 or 1002")),
    }
}

/// As good as any, where nothing is to be hidden and octets are to be the same in every run.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
