//! What a subject promises: spans and counts that the harness then holds it to.

use std::time::Duration;

use serde::Deserialize;

use crate::profile::optional_duration;

/// Promised limits. What is not promised is not judged, or only by its effect on others.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use seawall_harness::Limits;
///
/// let mut limits = Limits::default();
/// limits.set("head", "10s")?;
/// limits.set("connections", "500")?;
/// assert_eq!((limits.head, limits.connections), (Some(Duration::from_secs(10)), Some(500)));
/// # Ok::<_, String>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A client that says nothing for this long after it connected is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub first_byte: Option<Duration>,
    /// A head that is not complete this long after its first octet is answered 408 or closed.
    #[serde(deserialize_with = "optional_duration")]
    pub head: Option<Duration>,
    /// Content that stops or drips is answered 408 or closed after this long.
    #[serde(deserialize_with = "optional_duration")]
    pub body: Option<Duration>,
    /// A connection that waits this long for its next request is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub keep_alive: Option<Duration>,
    /// A handler that has not answered for this long is given up: 504, 503 or 500, or the connection is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub handler: Option<Duration>,
    /// A client that has not finished its TLS handshake this long after it connected is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub handshake: Option<Duration>,
    /// A silent WebSocket client is sent a Ping this long after it opened, or after the Ping before.
    #[serde(deserialize_with = "optional_duration")]
    pub ping: Option<Duration>,
    /// A WebSocket client that has not answered a Ping after this long is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub pong: Option<Duration>,
    /// A WebSocket client that takes nothing of what waits for it for this long is closed.
    #[serde(deserialize_with = "optional_duration")]
    pub write: Option<Duration>,
    /// So many connections are served at once; what comes beyond waits, or is refused.
    pub connections: Option<usize>,
    /// So many connections from one address are served at once.
    pub connections_per_address: Option<usize>,
}

impl Limits {
    /// Sets the limit with this name in a profile.
    ///
    /// # Errors
    ///
    /// What is wrong with the name or the value, and what would be right.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let count = || value.parse().map_err(|error| format!("{error}: write {name}=500"));
        let span = match name {
            "first_byte" => &mut self.first_byte,
            "head" => &mut self.head,
            "body" => &mut self.body,
            "keep_alive" => &mut self.keep_alive,
            "handler" => &mut self.handler,
            "handshake" => &mut self.handshake,
            "ping" => &mut self.ping,
            "pong" => &mut self.pong,
            "write" => &mut self.write,
            "connections" => return count().map(|count| self.connections = Some(count)),
            "connections_per_address" => {
                return count().map(|count| self.connections_per_address = Some(count));
            }
            _ => return Err(format!("no such limit; there are {}", Self::NAMES.join(", "))),
        };
        let parsed = humantime::parse_duration(value);
        *span = Some(parsed.map_err(|error| format!("{error}: write {name}=10s"))?);
        Ok(())
    }

    /// The names of all limits.
    pub const NAMES: [&str; 11] = [
        "first_byte",
        "head",
        "body",
        "keep_alive",
        "handler",
        "handshake",
        "ping",
        "pong",
        "write",
        "connections",
        "connections_per_address",
    ];

    /// The shortest promise about requests: what a case does to a healthy end must take less.
    #[must_use]
    pub fn shortest(&self) -> Option<Duration> {
        let of_requests = [self.first_byte, self.head, self.body, self.keep_alive, self.handler];
        of_requests.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_limit_of_its_own_by_flag_and_in_a_profile() {
        let mut seen = Vec::new();
        for name in Limits::NAMES {
            let mut limits = Limits::default();
            let is_count = limits.set(name, "7s").is_err();
            let value = if is_count { "7" } else { "'7s'" };
            if is_count {
                limits.set(name, "7").unwrap();
            }
            let limits = format!("{limits:?}");
            let profile: Limits = toml::from_str(&format!("{name} = {value}")).unwrap();
            assert_eq!(limits, format!("{profile:?}"));
            assert!(!seen.contains(&limits), "{name}");
            seen.push(limits);
        }
    }

    #[test]
    fn what_is_wrong_is_met_with_what_would_be_right() {
        let refused = |name, value| Limits::default().set(name, value).unwrap_err();
        assert!(refused("hed", "1s").contains("first_byte, head"));
        assert!(refused("head", "1").ends_with("write head=10s"));
        assert!(refused("connections", "1s").ends_with("write connections=500"));
    }

    #[test]
    fn the_shortest_is_about_requests() {
        let mut limits = Limits::default();
        for (name, value) in [("handshake", "1s"), ("head", "9s"), ("keep_alive", "2s")] {
            limits.set(name, value).unwrap();
        }
        assert_eq!(limits.shortest(), Some(Duration::from_secs(2)));
    }
}
