//! Names and values of a query or an HTML form.

use std::borrow::Cow;
use std::fmt;

/// What `application/x-www-form-urlencoded` text holds: names and values, in the order received.
///
/// The text is kept as it came, and decoded when it is asked: however many pairs a client sends,
/// they take no more memory than their text. Decoding follows the URL standard of browsers: `+` is
/// a space, `%XX` an octet; what is no encoding stays as it is, what is not UTF-8 is replaced.
///
/// # Examples
///
/// ```
/// use seawall_http_server::Params;
///
/// let params = Params::new("tag=a+b&tag=c%26d&empty");
/// assert_eq!(params.get("tag").as_deref(), Some("a b"));
/// assert_eq!(params.all("tag").collect::<Vec<_>>(), ["a b", "c&d"]);
/// assert_eq!(params.get("empty").as_deref(), Some(""));
/// assert_eq!(params.get("none"), None);
/// ```
#[derive(Clone)]
pub struct Params<'a> {
    text: Cow<'a, [u8]>,
    /// Text of a request's content, not of its target: which status a mistake in it gets.
    #[cfg_attr(
        not(feature = "serde"),
        expect(dead_code, reason = "only typed forms can mismatch")
    )]
    content: bool,
}

impl<'a> Params<'a> {
    /// The parameters of a query, without its `?`.
    #[must_use]
    pub fn new(query: &'a str) -> Self {
        Self { text: Cow::Borrowed(query.as_bytes()), content: false }
    }

    /// Those of a form that was sent as content.
    pub(crate) fn of_content(content: Vec<u8>) -> Params<'static> {
        Params { text: Cow::Owned(content), content: true }
    }

    /// The first value of `name`, decoded.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    /// All values of `name`, decoded.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Cow<'_, str>> + use<'_, 'n, 'a> {
        self.iter().filter(move |(known, _)| known == name).map(|(_, value)| value)
    }

    /// All names and values, decoded.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(&self.text)
    }

    /// The parameters as a type of yours.
    ///
    /// # Errors
    ///
    /// If they do not fit: it makes a 400 for a query, and a 422 for a form.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "serde")] {
    /// use seawall_http_server::{Params, Status};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Page {
    ///     from: u32,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    /// }
    ///
    /// let page: Page = Params::new("from=7&tag=a&tag=b").parse()?;
    /// assert_eq!((page.from, page.tag.len()), (7, 2));
    /// let refused = Params::new("from=x").parse::<Page>().err().unwrap();
    /// assert_eq!(refused.status(), Some(Status::BAD_REQUEST));
    /// # }
    /// # Ok::<(), seawall_http_server::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::Error> {
        use crate::content::Fault;
        serde_html_form::from_bytes(&self.text).map_err(|error| {
            if self.content { Fault::Form(error).into() } else { Fault::Query(error).into() }
        })
    }
}

/// The text as received.
impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.text.escape_ascii())
    }
}
