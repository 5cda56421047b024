//! The `Date` field (RFC 9110 §6.6.1), formatted once a second for each thread.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;

/// An IMF-fixdate, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type Text = [u8; 29];

struct Cached {
    /// The date is right from here on, for one second.
    from: SystemTime,
    text: Text,
}

thread_local! {
    static CACHED: RefCell<Cached> =
        const { RefCell::new(Cached { from: SystemTime::UNIX_EPOCH, text: [b' '; 29] }) };
}

/// The current date in the form that RFC 9110 §5.6.7 asks of senders.
pub(crate) fn now() -> Text {
    let now = SystemTime::now();
    CACHED.with_borrow_mut(|cached| {
        // A clock that was set back gives an error, and a new date.
        let fresh = now.duration_since(cached.from).is_ok_and(|age| age < Duration::from_secs(1));
        if !fresh {
            let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            cached.from = SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs());
            // As long as the text, whenever that is.
            let _ = write!(&mut cached.text[..], "{}", HttpDate::from(now));
        }
        cached.text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_now() {
        let text = now();
        let date = httpdate::parse_http_date(std::str::from_utf8(&text).unwrap()).unwrap();
        let off = SystemTime::now().duration_since(date).unwrap();
        assert!(off < Duration::from_secs(2), "{off:?}");
    }
}
