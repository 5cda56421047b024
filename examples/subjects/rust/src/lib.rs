//! What the subjects have in common: none of it is about serving.

use std::time::{Duration, Instant};

pub const HELLO: &str = "hello\n";
pub const HEALTH: &str = r#"{"status":"ok"}"#;

/// The port to listen on, which is the only argument.
pub fn port() -> u16 {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    port.expect("the port as the only argument")
}

/// The query of a request, as routes of the contract know it: names and values without escapes.
#[derive(Clone, Debug, Default)]
pub struct Query(String);

impl Query {
    pub fn new(query: Option<&str>) -> Self {
        Self(query.unwrap_or_default().to_owned())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    }

    pub fn number(&self, name: &str) -> usize {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn ms(&self) -> Duration {
        Duration::from_millis(self.number("ms") as u64)
    }
}

/// The octets of `/bytes`.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

/// The JSON of `/fields`.
pub fn pairs<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let latin1 = |octets: &[u8]| octets.iter().map(|octet| char::from(*octet)).collect::<String>();
    let pairs: Vec<_> = fields.map(|(name, value)| (name, latin1(value))).collect();
    serde_json::to_string(&pairs).expect("text")
}

/// Computes without yielding: for good, if not told for how long.
pub fn spin(query: &Query) {
    let start = Instant::now();
    while query.text("ms").is_none() || start.elapsed() < query.ms() {
        std::hint::spin_loop();
    }
}

/// Panics in the way that `kind` names, save in the middle of a stream.
pub fn crash(kind: Option<&str>) -> String {
    let zero = std::hint::black_box(0); // the compiler would not let an obvious crash pass
    match kind {
        Some("match") => None::<String>.filter(|_| zero == 0).unwrap(),
        Some("divide") => (1 / zero).to_string(),
        Some("index") => [1, 2, 3][zero + 3].to_string(),
        Some("drop") => {
            let _grenade = Grenade;
            String::new()
        }
        _ => panic!("as asked"),
    }
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}
