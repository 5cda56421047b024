//! The routes of the subject contract (`docs/subject-contract.md`).

use serde::{Deserialize, Serialize};

macro_rules! routes {
    ($($variant:ident $name:literal $path:literal $doc:literal;)*) => {
        /// A resource of the subject contract.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum Route {
            $(
                #[doc = $doc]
                #[serde(rename = $name)]
                $variant,
            )*
        }

        impl Route {
            /// Every route, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name that profiles and catalogues use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Where the contract puts it, for subjects that follow it to the letter.
            #[must_use]
            pub fn default_path(self) -> &'static str {
                match self { $(Self::$variant => $path),* }
            }
        }
    };
}

routes! {
    Hello "hello" "/hello" "Answers 200 with a short, constant text.";
    Health "health" "/health" "Answers 200 with `{\"status\":\"ok\"}`.";
    Echo "echo" "/echo" "Answers with the request's content.";
    Fields "fields" "/fields" "Answers with the request's fields as JSON.";
    Crash "crash" "/crash" "Panics before it answers.";
    Hang "hang" "/hang" "Never answers.";
    Spin "spin" "/spin" "Computes without yielding.";
    Sleep "sleep" "/sleep" "Answers after a while.";
    Bytes "bytes" "/bytes" "Answers with as much content as asked.";
    Stream "stream" "/stream" "Answers piece by piece.";
    File "file" "/file" "A constant resource with validators.";
    WsEcho "ws.echo" "/ws/echo" "Sends each message back.";
    WsCrash "ws.crash" "/ws/crash" "Panics on the text `crash`.";
    WsPush "ws.push" "/ws/push" "Sends messages unasked.";
    WsReject "ws.reject" "/ws/reject" "Refuses every opening handshake.";
}

impl Route {
    /// The route of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|route| route.name() == name)
    }

    /// Whether it is reached by a WebSocket opening handshake.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        self.name().starts_with("ws.")
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_document_lists_every_route() {
        let document = include_str!("../../docs/subject-contract.md");
        for route in Route::ALL {
            let row = format!("| `{route}` | `{}", route.default_path());
            assert!(document.contains(&row), "docs/subject-contract.md lacks {row}");
            assert_eq!(Route::from_name(route.name()), Some(*route));
        }
    }
}
