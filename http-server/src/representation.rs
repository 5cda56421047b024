//! Content with validators: conditional and range requests (RFC 9110 §13, §14).

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use seawall_codec::http::Status;

use crate::pool::{Busy, Pool};
use crate::range::{self, Wanted};
use crate::validators::{Outcome, SETTLED, Validators, is_entity_tag};
use crate::{BodySender, ClientGone, Request, Response};

/// Content together with what tells its states apart, so that a client can ask whether it has
/// changed, and for a part of it.
///
/// [`respond`](Self::respond) evaluates If-Match, If-Unmodified-Since, If-None-Match,
/// If-Modified-Since and If-Range in the order of RFC 9110 §13.2.2, and one byte range; a request
/// for several at once gets all of the content.
///
/// # Examples
///
/// ```
/// use seawall_http_server::{Representation, Request, Response};
///
/// async fn logo(request: Request) -> Response {
///     Representation::new("image/svg+xml", "<svg/>".as_bytes())
///         .etag("\"logo-1\"")
///         .respond(&request)
/// }
/// ```
pub struct Representation {
    media_type: Cow<'static, str>,
    content: Content,
    validators: Validators,
    fields: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

enum Content {
    Bytes(Cow<'static, [u8]>),
    File(Arc<File>, u64),
}

impl Representation {
    /// Content of this media type.
    pub fn new(
        media_type: impl Into<Cow<'static, str>>,
        content: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        Self::of(media_type.into(), Content::Bytes(content.into()))
    }

    /// The content of a file, read while it is sent; with its validators: the time of its last
    /// change, and an entity tag made of that time and its length. The tag is weak while the file
    /// is so fresh that another change could hide behind the same time.
    ///
    /// The file is to change by replacement: one that shrinks while it is sent is cut off.
    ///
    /// # Errors
    ///
    /// What the system says about its metadata. Blocks for as long as that takes.
    pub fn file(media_type: impl Into<Cow<'static, str>>, file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let len = metadata.len();
        let mut representation = Self::of(media_type.into(), Content::File(Arc::new(file), len));
        if let Ok(modified) = metadata.modified() {
            let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let age = SystemTime::now().duration_since(modified).unwrap_or_default();
            let weak = if age < SETTLED { "W/" } else { "" };
            let tag = format!("{weak}\"{len:x}-{:x}\"", since.as_nanos());
            representation = representation.etag(tag).last_modified(modified);
        }
        Ok(representation)
    }

    fn of(media_type: Cow<'static, str>, content: Content) -> Self {
        Self { media_type, content, validators: Validators::default(), fields: Vec::new() }
    }

    /// Sets the entity tag: quoted, with `W/` before it if it is weak (RFC 9110 §8.8.3).
    ///
    /// # Panics
    ///
    /// If it is no entity tag.
    #[must_use]
    pub fn etag(mut self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        assert!(is_entity_tag(&tag), "{tag:?} is no entity tag (RFC 9110 §8.8.3)");
        self.validators.etag = Some(tag);
        self
    }

    /// Sets when the content changed last. A time to come counts as now (RFC 9110 §8.8.2.1).
    #[must_use]
    pub fn last_modified(mut self, time: SystemTime) -> Self {
        let time = time.min(SystemTime::now());
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = Duration::from_secs(since.as_secs());
        self.validators.last_modified = Some(SystemTime::UNIX_EPOCH + seconds);
        self
    }

    /// Adds a field to the response, also to 206 and 304: `Cache-Control` for instance.
    #[must_use]
    pub fn field(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Octets of the whole content.
    #[expect(clippy::len_without_is_empty, reason = "an empty content is nothing special")]
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(_, len) => *len,
        }
    }

    /// The response to `request`: 200 or 206 with content, 304, 412 or 416.
    #[must_use]
    pub fn respond(self, request: &Request) -> Response {
        let head = request.head();
        let now = SystemTime::now();
        let len = self.len();
        match self.validators.check(&head, now) {
            Outcome::Proceed => {}
            Outcome::NotModified => return self.describe(Response::new(Status::NOT_MODIFIED)),
            Outcome::Failed => return Response::new(Status::PRECONDITION_FAILED),
        }
        let wanted = if self.validators.allow_range(&head, now) {
            range::wanted(&head, len)
        } else {
            Wanted::All
        };
        match wanted {
            Wanted::All => {
                self.describe(Response::new(Status::OK)).octets(self, 0..len, request.pool())
            }
            Wanted::Part(range) => {
                let span = format!("bytes {}-{}/{len}", range.start, range.end - 1);
                let response = Response::new(Status::PARTIAL_CONTENT);
                self.describe(response).field("Content-Range", span).octets(
                    self,
                    range,
                    request.pool(),
                )
            }
            Wanted::Nothing => Response::new(Status::RANGE_NOT_SATISFIABLE)
                .field("Content-Range", format!("bytes */{len}"))
                .field("Accept-Ranges", "bytes"),
        }
    }

    /// Adds the fields that 200, 206 and 304 have in common (RFC 9110 §15.3.7, §15.4.5).
    fn describe(&self, mut response: Response) -> Response {
        response = response.field("Accept-Ranges", "bytes");
        if let Some(etag) = &self.validators.etag {
            response = response.field("ETag", etag.clone());
        }
        if let Some(modified) = self.validators.last_modified {
            response = response.field("Last-Modified", HttpDate::from(modified).to_string());
        }
        let fields = self.fields.iter().cloned();
        fields.fold(response, |response, (name, value)| response.field(name, value))
    }

    /// Reads a short file whole, so that it leaves in one write. Blocks.
    pub(crate) fn fetch_if_short(&mut self) -> io::Result<()> {
        if let Content::File(file, len) = &self.content
            && *len <= PIECE_LEN as u64
        {
            self.content = Content::Bytes(Cow::Owned(read(file, 0, *len as usize)?));
        }
        Ok(())
    }
}

impl Response {
    /// Sets the content to octets of a representation.
    fn octets(
        self,
        representation: Representation,
        range: Range<u64>,
        pool: Option<Arc<Pool>>,
    ) -> Self {
        let media_type = representation.media_type;
        match representation.content {
            Content::Bytes(bytes) => {
                // A range of what is in memory fits.
                let range = range.start as usize..range.end as usize;
                let bytes = match bytes {
                    Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[range]),
                    Cow::Owned(bytes) if range.len() == bytes.len() => Cow::Owned(bytes),
                    Cow::Owned(bytes) => Cow::Owned(bytes[range].to_vec()),
                };
                self.content(media_type, bytes)
            }
            Content::File(file, _) => {
                let len = range.end - range.start;
                self.stream_of(len, media_type, move |sender| send(file, range, sender, pool))
            }
        }
    }
}

/// Octets that are read from a file at once, on a thread that may block.
const PIECE_LEN: usize = 64 * 1024;

/// Sends a part of a file, and reads no faster than the client does.
///
/// A pool that has no room for as long as a client may stand still cuts it off: the alternative is
/// to hold what it has, in the hope of a thread.
async fn send(
    file: Arc<File>,
    range: Range<u64>,
    mut sender: BodySender,
    pool: Option<Arc<Pool>>,
) -> io::Result<()> {
    let Some(pool) = pool else { return Ok(()) };
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(PIECE_LEN as u64) as usize;
        let file = Arc::clone(&file);
        let piece = pool
            .run_patiently(move || read(&file, at, len))
            .await
            .map_err(|Busy| io::ErrorKind::WouldBlock)??;
        at += len as u64;
        if let Err(ClientGone) = sender.send(piece).await {
            break;
        }
    }
    Ok(())
}

/// Reads exactly `len` octets.
fn read(file: &File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; len];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}

impl fmt::Debug for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Representation")
            .field("media_type", &self.media_type)
            .field("len", &self.len())
            .field("validators", &self.validators)
            .finish_non_exhaustive()
    }
}
