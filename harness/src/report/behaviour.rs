//! When two answers are the same behaviour, although their words differ.

use std::net::SocketAddr;

use super::Judged;

impl Judged {
    /// What came, without what differs among servers, or from run to run, and says nothing: how long an
    /// answer's content was, how long something took, where chance cut the octets, at which port it listened, its
    /// command and its last words.
    pub(super) fn behaviour(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        let got = self.got.split("\nits command: ").next().unwrap_or_default();
        let mut rest = got.split_whitespace().peekable();
        while let Some(word) = rest.next() {
            let unit = rest.peek().map_or("", |unit| unit.trim_end_matches([',', ';', ':']));
            let measured = is_number(word) && matches!(unit, "octet" | "octets" | "ms" | "s")
                || is_duration(word)
                || is_number(word) && words.last() == Some(&"octet");
            let address = word.trim_end_matches([',', ';', ':']).parse::<SocketAddr>();
            words.push(match (measured, address) {
                (true, _) => "#",
                (false, Ok(_)) => "{address}",
                (false, Err(_)) => word,
            });
        }
        words.join(" ").replace(" with # octets of content", "")
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_end_matches([',', ';', ':']);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `12ms`, `2s`, `250ms,`
fn is_duration(word: &str) -> bool {
    let word = word.trim_end_matches([',', ';', ':', ')']);
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = &word[digits.len()..];
    is_number(digits) && matches!(unit, "ms" | "s" | "m" | "us")
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;

    #[test]
    fn sizes_and_times_are_no_behaviour_but_statuses_are() {
        let behaviour = |got: &str| {
            let mut judged = sample().results.remove(0);
            judged.got = got.into();
            judged.behaviour()
        };
        assert_eq!(
            behaviour("200 with 1293 octets of content, announcing close"),
            "200, announcing close"
        );
        assert_eq!(
            behaviour("the first came after 12 ms, open for 2s, cut behind octet 8: nothing"),
            "the first came after # ms, open for # cut behind octet # nothing"
        );
        assert_ne!(behaviour("400"), behaviour("200"));
        assert_eq!(
            behaviour(
                "it stopped serving: 127.0.0.1:41305: refused\nits command: server 41305\nits last words:\n  | pid 7 panicked"
            ),
            "it stopped serving: {address} refused"
        );
    }
}
