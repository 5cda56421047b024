//! The faults that can be planted, one name each.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One wrong behaviour. Without any, the subject follows the RFCs strictly.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(crate) enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Fault {
            /// Every fault, in the order of this file.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in `PLANTED_FAULTS`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Whether it is planted before the subject, on the TLS port, and shows nowhere else.
            pub(crate) fn is_of_tls(self) -> bool {
                self.name().starts_with("tls-")
            }

            /// Whether what it fails is whichever case leaks most: `leaks.rs` has more to say.
            pub(crate) fn is_leak(self) -> bool {
                self.name().starts_with("leaks-")
            }
        }
    };
}

faults! {
    // Request line (RFC 9112 §2.3, §3).
    /// Words may be parted by any whitespace, and a fourth one is ignored.
    RequestLineLenient = "request-line-lenient",
    /// A request line without a version is answered.
    Http09Answered = "http09-answered",
    /// An empty line before the request line is refused.
    EmptyLineRefused = "empty-line-refused",
    /// Anything may stand where `HTTP/1.1` belongs.
    AnyVersionAccepted = "any-version-accepted",
    /// HTTP/1.2 is answered 400.
    HigherMinorRefused = "higher-minor-refused",
    /// An HTTP/1.0 request is answered 500.
    Http10Fails = "http10-fails",
    /// An HTTP/1.0 connection stays open unasked.
    Http10KeptOpen = "http10-kept-open",
    /// An HTTP/1.0 connection stays open as asked, but the answer does not say so.
    Http10KeepAliveWithoutField = "http10-keepalive-without-field",
    /// An HTTP/1.0 client gets chunked content.
    Http10Chunked = "http10-chunked",

    // Method (RFC 9110 §9).
    /// `get` is taken for `GET`.
    MethodCaseIgnored = "method-case-ignored",
    /// A method may hold any octet but space.
    MethodNotToken = "method-not-token",
    /// An unknown method is handled as GET.
    UnknownMethodAsGet = "unknown-method-as-get",
    /// An unknown method is answered 400.
    UnknownMethodBadRequest = "unknown-method-bad-request",
    /// A method that may carry content is answered 400 when it does not.
    BodylessMethodRefused = "bodyless-method-refused",
    /// The answer to HEAD carries content.
    HeadWithBody = "head-with-body",
    /// The answer to HEAD has another Content-Length than the one to GET.
    HeadLengthDiffers = "head-length-differs",
    /// HEAD is answered 501.
    HeadUnsupported = "head-unsupported",
    /// `OPTIONS *` is answered 400.
    OptionsStarRefused = "options-star-refused",
    /// 405 comes without Allow.
    NoAllow = "no-allow",
    /// TRACE answers with the request, credentials included.
    TraceEchoes = "trace-echoes",
    /// CONNECT is answered 200, with a Content-Length.
    ConnectAccepted = "connect-accepted",
    /// CONNECT is answered 200 whatever its target is.
    ConnectAnywhere = "connect-anywhere",
    /// TRACE is handled as GET.
    TraceAsGet = "trace-as-get",

    // Request target (RFC 9112 §3.2).
    /// The absolute form is refused.
    AbsoluteFormRefused = "absolute-form-refused",
    /// In the absolute form, too, Host counts, and another host is 404.
    HostBeatsTarget = "host-beats-target",
    /// A query may hold letters, digits and `=`, `&`, `?` only.
    QueryTooStrict = "query-too-strict",
    /// A path ends at its first NUL.
    TargetEndsAtNul = "target-ends-at-nul",
    /// Any octets are taken as a target, and answered 200.
    TargetUnchecked = "target-unchecked",
    /// A target over 4000 octets is answered 414.
    LongTargetRefused = "long-target-refused",
    /// A head over 4000 octets is answered 431.
    LongHeadRefused = "long-head-refused",
    /// Request line, field lines and head are not bounded.
    HeadUnbounded = "head-unbounded",
    /// `..` in a path leads out of the root.
    PathTraversal = "path-traversal",
    /// A path that starts with `//` is answered with a redirect to that host.
    DoubleSlashRedirects = "double-slash-redirects",
    /// The decoded path is written into the head of a 404.
    PathReflected = "path-reflected",

    // Host (RFC 9112 §3.2).
    /// HTTP/1.1 without Host is answered.
    NoHostAccepted = "no-host-accepted",
    /// Of several Host fields the first counts.
    TwoHostsAccepted = "two-hosts-accepted",
    /// The value of Host is not looked at.
    BadHostAccepted = "bad-host-accepted",
    /// Host is looked for among the first ten fields.
    LateHostMissed = "late-host-missed",
    /// Only names and digits make a Host: no IPv6 address, no empty port.
    HostTooStrict = "host-too-strict",

    // Fields (RFC 9112 §5).
    /// Field names are compared with regard to case.
    FieldNameCaseMatters = "field-name-case-matters",
    /// Whitespace between name and colon is dropped.
    SpaceBeforeColonAccepted = "space-before-colon-accepted",
    /// A line that starts with whitespace right after the request line is a field.
    LeadingSpaceAccepted = "leading-space-accepted",
    /// A folded line is appended to the value without a space.
    ObsFoldJoinedBadly = "obs-fold-joined-badly",
    /// A line without a colon is skipped.
    NoColonSkipped = "no-colon-skipped",
    /// A field name may hold any octet, or none at all.
    FieldNameUnchecked = "field-name-unchecked",
    /// A field name may hold letters, digits and `-` only.
    FieldNameTooStrict = "field-name-too-strict",
    /// NUL is taken for an ordinary octet.
    NulAccepted = "nul-accepted",
    /// CR alone ends a line.
    BareCrEndsLine = "bare-cr-ends-line",
    /// CR alone is an ordinary octet.
    BareCrKept = "bare-cr-kept",
    /// LF alone is an ordinary octet.
    BareLfKept = "bare-lf-kept",
    /// LF alone ends a line.
    BareLfEndsLine = "bare-lf-ends-line",
    /// Control octets in a value are kept.
    ControlAccepted = "control-accepted",
    /// Octets above 0x7F in a value are refused.
    ObsTextRefused = "obs-text-refused",
    /// 0x85 and 0xA0 around a value are trimmed as if they were spaces.
    ObsTextTrimmed = "obs-text-trimmed",
    /// An empty value is refused.
    EmptyValueRefused = "empty-value-refused",
    /// Whitespace around a value is kept, save one space behind the colon.
    OwsKept = "ows-kept",
    /// A repeated field replaces the earlier one.
    RepeatedFieldLost = "repeated-field-lost",
    /// `_` in a field name means `-`.
    UnderscoreIsDash = "underscore-is-dash",

    // Content-Length (RFC 9110 §8.6, RFC 9112 §6.3).
    /// A negative length counts as none.
    LengthNegativeAccepted = "length-negative-accepted",
    /// `+` before the digits is skipped.
    LengthPlusAccepted = "length-plus-accepted",
    /// Reading stops at the first octet that is no digit.
    LengthJunkAccepted = "length-junk-accepted",
    /// An empty value means 0.
    LengthEmptyAccepted = "length-empty-accepted",
    /// The number wraps around at 64 bits.
    LengthWraps = "length-wraps",
    /// Of a long number the first ten digits are read.
    LengthCut = "length-cut",
    /// A length of zero is refused.
    ZeroLengthRefused = "zero-length-refused",
    /// A leading zero means octal.
    LengthOctal = "length-octal",
    /// A leading zero is refused.
    LengthZerosRefused = "length-zeros-refused",
    /// Of several lengths the first counts, whether lines or list.
    FirstLengthWins = "first-length-wins",
    /// Of several lengths the last counts, whether lines or list.
    LastLengthWins = "last-length-wins",
    /// GET, HEAD, OPTIONS and DELETE have no content, whatever the fields say.
    ContentIgnored = "content-ignored",
    /// Whatever line resembles a framing field is one, and Transfer-Encoding is obeyed beside Content-Length.
    FramingGuessed = "framing-guessed",
    /// A framing field counts as most clients write it, and not otherwise.
    FramingExact = "framing-exact",
    /// Content cut short by the client's FIN is handled as if it were whole.
    CutContentHandled = "cut-content-handled",
    /// An absurd length makes the server wait for it.
    HugeLengthAwaited = "huge-length-awaited",

    // Transfer-Encoding (RFC 9112 §6.1).
    /// Transfer-Encoding is not known.
    TeIgnored = "te-ignored",
    /// With both framings Transfer-Encoding wins and the connection stays open.
    ClTeAccepted = "cl-te-accepted",
    /// With both framings Content-Length wins and the connection stays open.
    ClBeatsTe = "cl-beats-te",
    /// `Chunked` is not `chunked`.
    TeCaseMatters = "te-case-matters",
    /// A transfer coding other than chunked is passed over.
    TeUnknownIgnored = "te-unknown-ignored",
    /// Any value that contains `chunked` means chunked.
    TeSubstring = "te-substring",
    /// Chunked is taken from HTTP/1.0, and the connection stays open.
    TeInHttp10Accepted = "te-in-http10-accepted",
    /// A field named in Connection does not count.
    ConnectionStripsFields = "connection-strips-fields",
    /// `Content-Encoding: chunked` frames the content.
    ContentEncodingFrames = "content-encoding-frames",

    // Chunks (RFC 9112 §7.1).
    /// `+5` and `-5` are sizes.
    ChunkSizeSignAccepted = "chunk-size-sign-accepted",
    /// `0x5` and `1_0` are sizes.
    ChunkSizePrefixAccepted = "chunk-size-prefix-accepted",
    /// What follows the digits of a size is not looked at, and empty lines are skipped.
    ChunkSizeJunkAccepted = "chunk-size-junk-accepted",
    /// The size wraps around at 32 bits.
    ChunkSizeWraps = "chunk-size-wraps",
    /// A last chunk without one before it is refused.
    LoneLastChunkRefused = "lone-last-chunk-refused",
    /// After a thousand chunks there is no answer.
    ManyChunksHang = "many-chunks-hang",
    /// Sizes are written with small letters or not at all.
    ChunkUppercaseRefused = "chunk-uppercase-refused",
    /// A size with a leading zero is refused.
    ChunkZerosRefused = "chunk-zeros-refused",
    /// A chunk extension is refused.
    ChunkExtensionRefused = "chunk-extension-refused",
    /// What follows the semicolon of an extension is not looked at.
    ChunkExtensionUnchecked = "chunk-extension-unchecked",
    /// LF or CR alone end the lines of a chunked body.
    ChunkLineEndLenient = "chunk-line-end-lenient",
    /// The CRLF after the data of a chunk may be missing.
    ChunkEndOptional = "chunk-end-optional",
    /// What stands between the data of a chunk and the next line end is skipped.
    ChunkSpillSkipped = "chunk-spill-skipped",
    /// Trailer lines are skipped unseen.
    TrailersUnchecked = "trailers-unchecked",
    /// Trailers become fields.
    TrailersMerged = "trailers-merged",
    /// Trailers are refused.
    TrailersRefused = "trailers-refused",
    /// A trailer section that follows the last chunk is left for the next request.
    TrailersUnread = "trailers-unread",

    // Segmentation.
    /// The answer comes after the request line.
    AnswersBeforeHeadEnds = "answers-before-head-ends",
    /// When a request arrives in two reads, the last octet of the first is lost.
    LosesBytesOnSplit = "loses-bytes-on-split",
    /// A head that does not arrive in one read is refused.
    HeadInOneRead = "head-in-one-read",
    /// Content that does not arrive with the head is not waited for.
    BodyInOneRead = "body-in-one-read",

    // Connections (RFC 9112 §9).
    /// Each answer ends the connection.
    ClosesAlways = "closes-always",
    /// After a refused request the connection goes on.
    NoCloseAfter400 = "no-close-after-400",
    /// `Connection: close` is not obeyed.
    ConnectionCloseIgnored = "connection-close-ignored",
    /// `Connection: close` is obeyed when it is the whole value, in small letters.
    ConnectionCloseExact = "connection-close-exact",
    /// The connection is closed without the answer saying so.
    NoCloseField = "no-close-field",
    /// Answers to pipelined requests are swapped.
    PipeliningOutOfOrder = "pipelining-out-of-order",
    /// A request that arrives with another is lost.
    PipeliningLoses = "pipelining-loses",
    /// A close with unread octets resets the connection, and the answer with it.
    CloseResets = "close-resets",
    /// What is refused by its method or path is answered before its content, which is then the next request.
    RefusedContentUnread = "refused-content-unread",
    /// A FIN from the client drops what is being answered.
    HalfCloseDrops = "half-close-drops",
    /// An error response has no length, yet the connection stays open.
    ErrorWithoutLength = "error-without-length",
    /// Every request on a connection but the first is answered 500.
    SecondFails = "second-fails",
    /// After a hundred requests the connection goes silent.
    HundredthIsLast = "hundredth-is-last",

    // Expect and Upgrade (RFC 9110 §10.1.1, §7.8).
    /// No 100 is ever sent, and the content awaited for good.
    ContinueNever = "continue-never",
    /// 100 goes to HTTP/1.0 clients as well.
    ContinueToHttp10 = "continue-to-http10",
    /// `100-Continue` is not `100-continue`.
    ExpectCaseMatters = "expect-case-matters",
    /// After `Expect` the request is answered twice.
    ExpectAnsweredTwice = "expect-answered-twice",
    /// An expectation of another kind is never answered.
    UnknownExpectHangs = "unknown-expect-hangs",
    /// 417 leaves the content in the connection.
    FailedExpectDesyncs = "failed-expect-desyncs",
    /// Any protocol in Upgrade is switched to.
    UpgradeToAnything = "upgrade-to-anything",
    /// The handshake needs no `Connection: upgrade`.
    UpgradeWithoutConnection = "upgrade-without-connection",
    /// HTTP/1.0 can upgrade.
    UpgradeFromHttp10 = "upgrade-from-http10",
    /// 426 comes without Upgrade.
    NoUpgradeIn426 = "no-upgrade-in-426",
    /// 101 comes without 100 though both were asked for.
    NoContinueBeforeSwitch = "no-continue-before-switch",

    // Isolation.
    /// A panic in a handler aborts the process.
    CrashKillsProcess = "crash-kills-process",
    /// A panic in a handler closes all other connections.
    CrashKillsConnections = "crash-kills-connections",
    /// After a panic its connection stays open and silent.
    CrashHangs = "crash-hangs",
    /// After a panic the connection is closed without 500 or 1011.
    CrashClosesSilently = "crash-closes-silently",
    /// After a panic every request is answered 500.
    CrashPoisons = "crash-poisons",
    /// A panic in a handler is answered 200.
    CrashHidden = "crash-hidden",

    // Slow clients.
    /// A client that says nothing is waited for.
    NoFirstByteTimeout = "no-first-byte-timeout",
    /// A connection may wait for its next request for ever.
    NoIdleTimeout = "no-idle-timeout",
    /// A head may take for ever.
    NoHeadTimeout = "no-head-timeout",
    /// Each octet of a head starts its timeout anew.
    HeadTimeoutRestarts = "head-timeout-restarts",
    /// Content may take for ever.
    NoBodyTimeout = "no-body-timeout",
    /// One address may have as many connections as there are in all.
    NoCapPerAddress = "no-cap-per-address",
    /// There is no cap on connections in all.
    NoCapInAll = "no-cap-in-all",
    /// Accepting is tried again at once when there are no descriptors.
    AcceptSpins = "accept-spins",
    /// An accept that fails is the last.
    AcceptStops = "accept-stops",
    /// Connections are served one after the other.
    OneAtATime = "one-at-a-time",

    // Handlers that take their time.
    /// A handler may take for ever.
    NoHandlerTimeout = "no-handler-timeout",
    /// A handler is given up after a fifth of the time that it is promised.
    HandlerTimeoutEarly = "handler-timeout-early",
    /// A handler that was given up sends its answer all the same, once it has one.
    LateAnswerSent = "late-answer-sent",
    /// Handlers run one after the other.
    OneHandler = "one-handler",
    /// Sixty-four handlers run at once; the next request waits for one of them.
    FewHandlers = "few-handlers",
    /// While a handler computes no other runs.
    SpinHoldsAll = "spin-holds-all",
    /// The place of a handler that hung is never free again.
    HungPlacesLost = "hung-places-lost",
    /// The descriptor of a client that left while its handler hung is not closed.
    HungDescriptorsKept = "hung-descriptors-kept",

    // The end.
    /// Told to stop, it ends at once, whatever it was at.
    TermDropsRequests = "term-drops-requests",
    /// Told to stop, it waits until its clients have left.
    TermWaitsForClients = "term-waits-for-clients",
    /// Told to stop, it ends each `WebSocket` without a word.
    TermWithoutClose = "term-without-close",
    /// It does not listen where connections of its forerunner are in TIME-WAIT.
    NoAddressReuse = "no-address-reuse",

    // Refusals.
    /// What would be refused is not answered, and the connection stays open.
    SilentOnRefusal = "silent-on-refusal",
    /// A descriptor is lost with each refusal.
    LeaksDescriptors = "leaks-descriptors",
    /// A thread is lost with each refusal.
    LeaksThreads = "leaks-threads",
    /// Four mebibytes are lost with each refusal.
    LeaksMemory = "leaks-memory",
    /// What would be refused aborts the process.
    DiesOnRefusal = "dies-on-refusal",

    // Routes.
    /// `echo` trims whitespace off the content.
    EchoTrimsBody = "echo-trims-body",
    /// `echo` cuts content at 1 KiB.
    EchoCutsBody = "echo-cuts-body",
    /// `bytes` sends 65535 octets at most.
    BytesCut = "bytes-cut",
    /// `stream` keeps its last piece.
    LastPieceLost = "last-piece-lost",
    /// `health` is answered 500.
    HealthFails = "health-fails",

    // Conditions and ranges (RFC 9110 §13, §14).
    /// No condition is looked at.
    ConditionsIgnored = "conditions-ignored",
    /// Conditions are looked at for GET alone.
    ConditionsOnGetOnly = "conditions-on-get-only",
    /// POST has conditions, too, and is answered 304.
    ConditionsOnAnyMethod = "conditions-on-any-method",
    /// 304 comes without the entity tag.
    NotModifiedWithoutTag = "not-modified-without-tag",
    /// 304 comes with content.
    NotModifiedWithContent = "not-modified-with-content",
    /// If-None-Match must be one tag, or `*`, and nothing else.
    NoneMatchExact = "none-match-exact",
    /// If-None-Match does not match by a weak tag.
    NoneMatchStrong = "none-match-strong",
    /// If-None-Match matches by whatever holds the tag.
    NoneMatchSubstring = "none-match-substring",
    /// `*` in If-None-Match is not known.
    NoneMatchStarUnknown = "none-match-star-unknown",
    /// If-Modified-Since decides, also beside If-None-Match.
    DateBeatsTag = "date-beats-tag",
    /// If-Modified-Since is not looked at.
    ModifiedSinceIgnored = "modified-since-ignored",
    /// Of the three forms of a date one is known.
    OldDatesUnknown = "old-dates-unknown",
    /// What is no date makes a condition false.
    NoDateCounts = "no-date-counts",
    /// If-Match matches by a weak tag.
    MatchWeak = "match-weak",
    /// If-Unmodified-Since is not looked at.
    UnmodifiedSinceIgnored = "unmodified-since-ignored",
    /// If-Unmodified-Since decides, also beside If-Match.
    UnmodifiedSinceBeatsMatch = "unmodified-since-beats-match",
    /// Where a range is asked for no condition is looked at.
    RangeBeatsConditions = "range-beats-conditions",
    /// The last octet of a range is missing.
    RangeOffByOne = "range-off-by-one",
    /// HEAD and POST are answered 206, too.
    RangeOnAnyMethod = "range-on-any-method",
    /// Every unit means octets.
    RangeUnitUnchecked = "range-unit-unchecked",
    /// A range behind the end is answered 206, with nothing.
    RangeBehindEndEmpty = "range-behind-end-empty",
    /// Any number of ranges is sent, however they overlap.
    RangesMultiplied = "ranges-multiplied",
    /// Several ranges are sent without what parts them.
    RangesRunTogether = "ranges-run-together",
    /// If-Range is not looked at.
    IfRangeIgnored = "if-range-ignored",

    // Heads of answers, mostly of those to paths that do not exist (`spoil.rs`).
    /// The status line ends behind the code.
    NoSpaceBehindStatus = "no-space-behind-status",
    /// 404 is one of HTTP/1.2.
    AnswersHttp12 = "answers-http-1.2",
    /// A field of 404 holds a control octet.
    ControlInField = "control-in-field",
    /// The `ETag` has no quotation marks.
    UnquotedEtag = "unquoted-etag",
    /// 404 has two Content-Types.
    TwoContentTypes = "two-content-types",
    /// 404 has two Content-Lengths.
    LengthTwice = "length-twice",
    /// 204 has a Content-Length.
    LengthIn204 = "length-in-204",
    /// 404 has no Date.
    No404Date = "no-404-date",
    /// The content of 404 has no type.
    UntypedErrorPage = "untyped-error-page",
    /// In place of 404, 205 with content.
    ResetWithContent = "reset-with-content",
    /// In place of 404, 206 without Content-Range.
    PartialWithoutRange = "partial-without-range",
    /// A POST with Range is answered 206.
    RangeOfPost = "range-of-post",
    /// Range is answered 416, without Content-Range.
    UnsatisfiedWithoutRange = "unsatisfied-without-range",
    /// In place of 404, 401 without WWW-Authenticate.
    NoChallenge = "no-challenge",
    /// In place of 404, 301 without Location.
    RedirectWithoutLocation = "redirect-without-location",
    /// The answer to HEAD has no Content-Type.
    HeadWithoutType = "head-without-type",
    /// 404 has Strict-Transport-Security, without TLS.
    HstsInTheClear = "hsts-in-the-clear",
    /// 404 is HTML with the decoded path in it.
    PathInHtml = "path-in-html",

    // Opening handshake (RFC 6455 §4.2).
    /// Sec-WebSocket-Accept is made without the GUID.
    WrongAcceptKey = "wrong-accept-key",
    /// Sec-WebSocket-Key is not looked at.
    HandshakeAnyKey = "handshake-any-key",
    /// Sec-WebSocket-Version is not looked at.
    HandshakeAnyVersion = "handshake-any-version",
    /// 426 comes without Sec-WebSocket-Version.
    NoVersionIn426 = "no-version-in-426",
    /// Any method opens a WebSocket.
    HandshakePost = "handshake-post",
    /// The handshake needs no Upgrade field.
    HandshakeWithoutUpgrade = "handshake-without-upgrade",
    /// `Upgrade: WebSocket` and `Connection: Upgrade` are compared with regard to case.
    HandshakeCaseMatters = "handshake-case-matters",
    /// `Connection` must be `Upgrade` and nothing else.
    HandshakeListRefused = "handshake-list-refused",
    /// Content that comes with a handshake is read as frames.
    HandshakeBodyIsFrames = "handshake-body-is-frames",
    /// The first subprotocol on offer is changed to `invented`.
    SubprotocolInvented = "subprotocol-invented",
    /// The first extension on offer, or one of our own, is accepted.
    ExtensionInvented = "extension-invented",
    /// An offer to compress is accepted whatever its parameters are.
    DeflateOfferUnchecked = "deflate-offer-unchecked",
    /// The answer has `client_max_window_bits`, on offer or not.
    DeflateClientBitsUninvited = "deflate-client-bits-uninvited",
    /// 101 carries a Content-Length.
    SwitchWithLength = "switch-with-length",
    /// Frames that arrive together with the handshake are lost.
    HandshakeLosesFrames = "handshake-loses-frames",
    /// `ws.reject` lets everyone in.
    RejectAccepts = "reject-accepts",

    // Compression (RFC 7692).
    /// RSV1 may stand on any frame.
    DeflateAnyRsv1 = "deflate-any-rsv1",
    /// What is not compressed is refused once compression was agreed on.
    DeflateOnly = "deflate-only",
    /// A compressed message without content is refused.
    DeflateEmptyRefused = "deflate-empty-refused",
    /// A stored block is refused.
    DeflateStoredRefused = "deflate-stored-refused",
    /// What stands behind a final block is not looked at.
    DeflateStopsAtFinal = "deflate-stops-at-final",
    /// What cannot be inflated is an empty message.
    DeflateGarbageIgnored = "deflate-garbage-ignored",
    /// Messages are inflated without those before.
    DeflateForgets = "deflate-forgets",
    /// Answers refer to those before, agreed on or not.
    DeflateKeepsContext = "deflate-keeps-context",
    /// Answers use the widest window, whatever was agreed on.
    DeflateWideWindow = "deflate-wide-window",
    /// The end of a flush must be left out.
    DeflateTailRefused = "deflate-tail-refused",
    /// The last octet of a compressed message is lost.
    DeflateLosesOctet = "deflate-loses-octet",

    // Frames in (RFC 6455 §5).
    /// Frames need no mask.
    AcceptUnmasked = "accept-unmasked",
    /// Reserved bits are not looked at.
    AcceptRsv = "accept-rsv",
    /// A frame with a reserved opcode is skipped.
    AcceptReservedOpcode = "accept-reserved-opcode",
    /// FIN of a control frame is not looked at.
    AcceptFragmentedControl = "accept-fragmented-control",
    /// A control frame may be longer than 125 octets.
    AcceptLongControl = "accept-long-control",
    /// A length may take more octets than it needs.
    AcceptNonMinimalLength = "accept-non-minimal-length",
    /// The top bit of a 64-bit length is dropped, and the message waited for.
    AcceptHugeLength = "accept-huge-length",
    /// A length of 126 octets or more is taken for 126 octets.
    LongLengthMisread = "long-length-misread",
    /// A new message may begin inside another, which is dropped.
    AcceptDataInFragment = "accept-data-in-fragment",
    /// A continuation of nothing begins a message.
    AcceptLonelyContinuation = "accept-lonely-continuation",
    /// Control frames between fragments are skipped.
    DropControlInFragments = "drop-control-in-fragments",
    /// A control frame between fragments ends the message.
    ControlEndsMessage = "control-ends-message",
    /// Frames are read only when they arrive whole and alone.
    FrameInOneRead = "frame-in-one-read",

    // Messages.
    /// Text is not checked.
    NoUtf8Check = "no-utf8-check",
    /// Text is checked when the message is whole.
    Utf8Late = "utf8-late",
    /// Text is checked frame by frame, so that no character may cross a boundary.
    Utf8PerFrame = "utf8-per-frame",
    /// Text may hold surrogates.
    SurrogatesAccepted = "surrogates-accepted",
    /// Text may hold no noncharacters.
    NoncharactersRefused = "noncharacters-refused",
    /// Overlong forms of ASCII are taken.
    OverlongAccepted = "overlong-accepted",
    /// An empty message is not echoed.
    EmptyMessageLost = "empty-message-lost",
    /// A message is echoed up to its 100th octet.
    EchoTruncates = "echo-truncates",
    /// Text comes back as binary and binary as text.
    EchoChangesType = "echo-changes-type",
    /// The last fragment of a message is not echoed.
    EchoLosesFragment = "echo-loses-fragment",
    /// A message is echoed twice.
    EchoTwice = "echo-twice",
    /// A connection is closed after 500 messages.
    FewMessagesOnly = "few-messages-only",
    /// A message over 16 KiB is refused with 1009.
    SmallMessagesOnly = "small-messages-only",

    // Ping and Pong (RFC 6455 §5.5).
    /// Ping is not answered.
    PingIgnored = "ping-ignored",
    /// Pong carries nothing.
    PongWrongPayload = "pong-wrong-payload",
    /// Pong is answered by Pong.
    PongsUnsolicited = "pongs-unsolicited",
    /// Pong is refused when it answers no Ping.
    PongRefused = "pong-refused",
    /// Every second Ping is answered.
    PongsHalved = "pongs-halved",

    // Heartbeat (RFC 6455 §5.5.2).
    /// No Ping is ever sent.
    NoPing = "no-ping",
    /// The first Ping is the last.
    PingsOnce = "pings-once",
    /// A Ping that is not answered is followed by the next.
    SilenceForgiven = "silence-forgiven",
    /// No Pong counts as an answer.
    PongForgotten = "pong-forgotten",
    /// Every Pong counts as an answer.
    AnyPongCounts = "any-pong-counts",
    /// A Pong must come in an eighth of the time.
    PongHurried = "pong-hurried",
    /// A client may take nothing for ever.
    NoWriteTimeout = "no-write-timeout",

    // Both ways at once.
    /// What is pushed waits for a client that sends messages.
    PushYields = "push-yields",
    /// While there is something to push, nothing is read.
    PushBlocksReads = "push-blocks-reads",

    // Close (RFC 6455 §5.5.1, §7).
    /// Close is answered by Close 1001, a violation by 1001 as well.
    WrongCloseCode = "wrong-close-code",
    /// Close is not answered; the connection ends.
    NoCloseReply = "no-close-reply",
    /// Close inside a message is refused with 1002.
    CloseInMessageRefused = "close-in-message-refused",
    /// Ping after Close is answered.
    PongAfterClose = "pong-after-close",
    /// Messages after Close are echoed.
    AnswerAfterClose = "answer-after-close",
    /// A second Close is answered.
    CloseTwice = "close-twice",
    /// Any number is a close code.
    AcceptBadCloseCode = "accept-bad-close-code",
    /// Of the close codes only 1000 and 1001 are known.
    RefuseGoodCloseCode = "refuse-good-close-code",
    /// A Close of one octet is taken for 1000.
    AcceptHalfCloseCode = "accept-half-close-code",
    /// The reason in a Close is not checked.
    AcceptBadCloseReason = "accept-bad-close-reason",
    /// A Close without a code is answered by Close 1005.
    SendsReservedCloseCode = "sends-reserved-close-code",
    /// After the closing handshake the connection stays open.
    TcpNotClosed = "tcp-not-closed",

    // Frames out.
    /// The server masks its frames.
    MasksOwnFrames = "masks-own-frames",
    /// The server sets a reserved bit.
    SetsRsv = "sets-rsv",
    /// The server writes every length in 16 bits or more.
    SendsNonMinimalLength = "sends-non-minimal-length",
    /// Ping is answered by a frame of opcode 11.
    SendsReservedOpcode = "sends-reserved-opcode",
    /// Pong is padded to 126 octets.
    LongPong = "long-pong",
    /// Behind each Pong comes a continuation of nothing.
    SendsLonelyContinuation = "sends-lonely-continuation",
    /// Text over 100 octets is echoed with 0xFF as its last.
    SendsBadUtf8 = "sends-bad-utf8",
    /// A panic in a callback ends the connection without 1011.
    No1011 = "no-1011",
    /// `ws.push` waits for a first message.
    PushOnlyAfterRead = "push-only-after-read",

    // TLS (RFC 8446).
    /// The TLS port closes every connection at once.
    TlsNoService = "tls-no-service",
    /// TLS 1.2 and nothing newer.
    Tls12Only = "tls-1.2-only",
    /// A client of TLS 1.0 or 1.1 gets a `ServerHello`.
    TlsOldAccepted = "tls-old-accepted",
    /// A handshake may take for ever.
    TlsNoDeadline = "tls-no-deadline",
    /// Each octet of a handshake buys more time.
    TlsDeadlineRestarts = "tls-deadline-restarts",
    /// The next client is accepted when the handshake of the one before is done.
    TlsOneAtATime = "tls-one-at-a-time",
    /// Sixty-four handshakes at once; who comes then waits, however silent the others are.
    TlsFewSlots = "tls-few-slots",
    /// A handshake that breaks off ends the TLS listener.
    TlsAbortStops = "tls-abort-stops",
    /// The first message must come in one segment.
    TlsHelloInOneRead = "tls-hello-in-one-read",
    /// The first message must come in one record.
    TlsHelloInOneRecord = "tls-hello-in-one-record",
    /// What is no handshake is read for ever.
    TlsGarbageWaits = "tls-garbage-waits",
    /// Plain HTTP is served on the TLS port.
    TlsPlainAnswered = "tls-plain-answered",
    /// The connection ends without `close_notify`.
    TlsNoCloseNotify = "tls-no-close-notify",
    /// A client that ends without `close_notify` is waited for.
    TlsCutWaits = "tls-cut-waits",
    /// The same certificate for whatever name.
    TlsOneCertificate = "tls-one-certificate",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|fault| fault.name() == name);
        found.copied().ok_or_else(|| format!("no fault is named {name:?}"))
    }
}

/// The faults of one subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(BTreeSet<Fault>);

impl Faults {
    /// Whether this fault was planted.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}

impl FromStr for Faults {
    type Err = String;

    /// Reads names parted by commas; an empty text means none.
    fn from_str(names: &str) -> Result<Self, String> {
        names.split(',').filter(|name| !name.is_empty()).map(str::parse).collect()
    }
}
