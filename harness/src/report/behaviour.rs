//! When two answers are the same behaviour, although their words differ.

use super::Judged;

impl Judged {
    /// What came, without what differs among servers, or from run to run, and says nothing: how long an
    /// answer's content was, how long something took, where chance cut the octets.
    pub(super) fn behaviour(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        let mut rest = self.got.split_whitespace().peekable();
        while let Some(word) = rest.next() {
            let unit = rest.peek().map_or("", |unit| unit.trim_end_matches([',', ';', ':']));
            let measured = is_number(word) && matches!(unit, "octet" | "octets" | "ms" | "s")
                || is_duration(word)
                || is_number(word) && words.last() == Some(&"octet");
            words.push(if measured { "#" } else { word });
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
    }
}
