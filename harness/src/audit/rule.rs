//! The rules that everything the subject sends is held to.

use crate::verdict::Strength;

/// What a rule is about, and so what must have been seen to judge it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Of {
    /// Heads of responses.
    Heads,
    /// WebSocket frames.
    Frames,
}

macro_rules! rules {
    ($($variant:ident $of:ident $id:literal $strength:ident $section:literal $title:literal $expected:literal;)*) => {
        /// A rule of the audit.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(crate) enum Rule {
            $(#[doc = $title] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of reports.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// Behind `audit/`.
            pub(crate) fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),* }
            }

            pub(crate) fn of(self) -> Of {
                match self { $(Self::$variant => Of::$of),* }
            }

            pub(crate) fn strength(self) -> Strength {
                match self { $(Self::$variant => Strength::$strength),* }
            }

            pub(crate) fn section(self) -> &'static str {
                match self { $(Self::$variant => $section),* }
            }

            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            pub(crate) fn expected(self) -> &'static str {
                match self { $(Self::$variant => $expected),* }
            }
        }
    };
}

rules! {
    StatusLine Heads "http/status-line" Must "RFC 9112 §4"
        "Status lines" "HTTP-version SP 3DIGIT SP [reason] CRLF; the second space stands there without a reason, too";
    Version Heads "http/version" Must "RFC 9110 §6.2"
        "Versions" "HTTP/1.1 or HTTP/1.0: no version that the server does not conform to, no higher major one";
    Control Heads "http/control-octets" Must "RFC 9112 §2.2, RFC 9110 §5.5"
        "Control octets in heads" "lines end with CRLF, names are tokens, values hold no CR, LF, NUL or other control octet but the tab";
    Grammar Heads "http/grammar" Must "RFC 9110 §2.2"
        "Values of fields" "each value follows the grammar of its field";
    Singletons Heads "http/singletons" Must "RFC 9110 §5.3"
        "Fields that stand alone" "a field that is no list occurs once";
    Lengths Heads "http/lengths" Must "RFC 9112 §6.2, RFC 9110 §8.6"
        "Framing fields" "one Content-Length, or Transfer-Encoding, not both";
    Bodiless Heads "http/1xx-204" Must "RFC 9110 §8.6, RFC 9112 §6.1"
        "Responses that have no content" "1xx and 204, and 2xx to CONNECT, have neither Content-Length nor Transfer-Encoding";
    OldClient Heads "http/chunked-1.0" Must "RFC 9112 §6.1"
        "Transfer-Encoding to HTTP/1.0" "no Transfer-Encoding in answer to HTTP/1.0";
    Framing Heads "http/framing" Must "RFC 9112 §6.3, §7.1"
        "Content and its framing" "chunks are well formed, and behind a response comes the next one or nothing";
    Date Heads "http/date" Must "RFC 9110 §6.6.1, §5.6.7"
        "Date" "2xx, 3xx and 4xx carry a Date, as IMF-fixdate";
    ContentType Heads "http/content-type" Should "RFC 9110 §8.3"
        "Content-Type" "content has a type";
    Reset Heads "http/205" Must "RFC 9110 §15.3.6"
        "205 (Reset Content)" "205 has no content";
    Partial Heads "http/206" Must "RFC 9110 §15.3.7"
        "206 (Partial Content)" "Content-Range, or multipart/byteranges, and not both";
    NotModified Heads "http/304" Must "RFC 9110 §15.4.5, §8.6"
        "304 (Not Modified)" "of ETag, Vary, Cache-Control and Content-Location what 200 has; its Content-Length or none";
    NotAsked Heads "http/post" Must "RFC 9110 §14.2, §13.1.2"
        "206, 304 and 416 to other methods than GET and HEAD" "Range is ignored, and no condition answered 304, where neither is defined for the method";
    Unsatisfied Heads "http/416" Should "RFC 9110 §15.5.17"
        "416 (Range Not Satisfiable)" "Content-Range: bytes */LENGTH";
    Challenge Heads "http/401" Must "RFC 9110 §15.5.2, §15.5.8"
        "401 and 407" "WWW-Authenticate with 401, Proxy-Authenticate with 407";
    Location Heads "http/location" Should "RFC 9110 §15.4"
        "Redirects" "Location with 301, 302, 307 and 308";
    Head Heads "http/head" Should "RFC 9110 §9.3.2, §8.6"
        "HEAD and GET" "the fields of the answer to GET, save those known only from the content; no other length";
    Hsts Heads "http/hsts" Must "RFC 6797 §6.1, §7.1, §7.2"
        "Strict-Transport-Security" "only over TLS, once, with one max-age";
    Reflection Heads "http/reflection" Hardening "RFC 9110 §17"
        "Input in error pages" "what the client sent does not come back as HTML";
    Mask Frames "ws/mask" Must "RFC 6455 §5.1"
        "Masking" "a server's frames are not masked";
    Reserved Frames "ws/reserved-bits" Must "RFC 6455 §5.2"
        "Reserved bits" "0, save where an extension was agreed on that uses them";
    Opcode Frames "ws/opcode" Must "RFC 6455 §5.2"
        "Opcodes" "0 to 2, 8 to 10";
    Length Frames "ws/length" Must "RFC 6455 §5.2"
        "Lengths" "the fewest octets that can say it";
    ControlFrame Frames "ws/control" Must "RFC 6455 §5.5"
        "Control frames" "125 octets at most, not fragmented";
    Fragments Frames "ws/fragments" Must "RFC 6455 §5.4"
        "Fragments" "a continuation continues a message, and no other begins inside one";
    Utf8 Frames "ws/utf8" Must "RFC 6455 §5.6, §8.1"
        "Text" "text messages and close reasons are UTF-8";
    CloseCode Frames "ws/close" Must "RFC 6455 §5.5.1, §7.4"
        "Close frames" "no code, or one that may be sent";
    AfterClose Frames "ws/after-close" Must "RFC 6455 §5.5.1"
        "Silence after Close" "no data behind Close";
}
