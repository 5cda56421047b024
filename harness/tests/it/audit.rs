//! What the audit says of a subject that is at fault elsewhere.

use seawall_harness::{Filter, Outcome, judge};

use crate::proof::profile;

#[test]
fn who_shakes_hands_wrongly_is_not_accused_of_its_frames() {
    let report = judge(&profile("wrong-accept-key"), &Filter::new(["audit/ws"])).expect("it runs");
    for judged in &report.results {
        assert_eq!(judged.outcome, Outcome::Skip, "{}: {}", judged.id, judged.got);
        assert!(judged.got.contains("Sec-WebSocket-Accept"), "{}: {}", judged.id, judged.got);
    }
}

#[test]
fn a_rule_that_is_broken_in_one_case_is_told_with_that_case() {
    let cases = Filter::new(["http/METH-01", "audit/http/control-octets", "http/RL-01", "ws/2.1"]);
    let report = judge(&profile("control-in-field"), &cases).expect("it runs");
    let found = |id: &str| report.results.iter().find(|judged| judged.id == id).expect("it ran");
    assert_eq!(found("http/RL-01").outcome, Outcome::Pass);
    let audit = found("audit/http/control-octets");
    assert_eq!(audit.outcome, Outcome::Fail);
    assert!(
        audit.got.contains(r#"a control octet in a value: "X-Note: a\x07b\r\n""#),
        "{}",
        audit.got
    );
    assert!(audit.offending.contains("61 07 62"), "{}", audit.offending);
}
