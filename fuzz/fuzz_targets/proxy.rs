//! A header of the PROXY protocol: read as it asks to be, it ends where it ends when it comes at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::proxy::{MAX_LEN, Parsed, parse};

fuzz_target!(|input: &[u8]| {
    let whole = parse(input);
    let mut len = 0;
    let asked = loop {
        match parse(&input[..len]) {
            Ok(Parsed::Needs(more)) => {
                assert!(more > 0 && len + more <= MAX_LEN);
                if len + more > input.len() {
                    return;
                }
                len += more;
            }
            ended => break ended,
        }
    };
    assert_eq!(asked, whole);
    if let Ok(Parsed::Header { len: end, .. }) = asked {
        assert_eq!(end, len);
    }
});
