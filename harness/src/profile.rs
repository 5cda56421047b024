//! A profile: everything the harness must know of a subject.
//!
//! Read from TOML (`harness.toml`), or put together from flags. Each key's meaning stands
//! at its field; `docs/profile.md` shows a profile with all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::error::Error;
use crate::limits::Limits;
use crate::route::Route;
use crate::verdict::Outcome;

/// How to start a subject, reach it, and what it offers and promises.
///
/// # Examples
///
/// ```
/// use seawall_harness::{Profile, Route};
///
/// let profile = Profile::parse(
///     r#"
///     name = "mine"
///     [subject]
///     command = ["./server", "--port", "{port}"]
///     [urls]
///     http = "http://127.0.0.1:{port}"
///     [routes]
///     hello = "/"
///     "#,
/// )?;
/// assert_eq!(profile.routes[&Route::Hello], "/");
///
/// let error = Profile::parse("nome = 'mine'").unwrap_err();
/// assert!(error.to_string().contains("unknown field `nome`"));
/// # Ok::<_, seawall_harness::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What reports call the subject.
    #[serde(default)]
    pub name: String,
    /// Which version of it is judged, and what it runs on where that matters: `8.23.0 on Node.js 20.20.2`.
    /// Reports show it; nothing else depends on it.
    pub version: Option<String>,
    /// How to start it; without this section it runs already.
    pub subject: Option<Launch>,
    /// When it is ready to be judged.
    #[serde(default)]
    pub ready: Ready,
    /// Where it listens.
    #[serde(default)]
    pub urls: Urls,
    /// Whose certificates are believed, where a URL speaks TLS.
    #[serde(default)]
    pub tls: Tls,
    /// The routes of the subject contract that it offers, and their paths.
    #[serde(default)]
    pub routes: BTreeMap<Route, String>,
    /// What it promises; the harness holds it to that.
    #[serde(default)]
    pub limits: Limits,
    /// Cases whose verdict is known to deviate, each with the reason.
    #[serde(default)]
    pub deviations: Vec<Deviation>,
    /// The folder that commands run in: the profile's own.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How to start the subject.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// Builds it; run once, before the first start.
    #[serde(default)]
    pub build: Vec<String>,
    /// Program and arguments. `{port}` becomes a free port, `{tls_port}` another. A program with a
    /// slash in its name is looked up from the profile's folder.
    pub command: Vec<String>,
    /// Added to the environment of both; the ports are filled in here as well.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The signal that asks it to stop; SIGTERM by default.
    #[serde(default)]
    pub stop: StopSignal,
    /// How long it may take to stop then, before it is killed; 5 s by default.
    #[serde(default, deserialize_with = "optional_duration")]
    pub grace: Option<Duration>,
}

/// What asks a process to stop.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// SIGTERM
    #[default]
    Term,
    /// SIGINT
    Int,
    /// SIGQUIT
    Quit,
    /// SIGHUP
    Hup,
    /// SIGUSR1
    Usr1,
    /// SIGUSR2
    Usr2,
}

/// When a started subject counts as ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// A path that must answer 200. Without it, an accepted connection is enough.
    pub http: Option<String>,
    /// It must have written a line that holds this, to standard output or standard error.
    pub line: Option<String>,
    /// How long that may take; 10 s by default.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

impl Default for Ready {
    fn default() -> Self {
        Self { http: None, line: None, timeout: Duration::from_secs(10) }
    }
}

/// The subject's URLs, without paths. `{port}` and `{tls_port}` become the ports that were chosen.
///
/// Where there are a plain URL and one over TLS, every case runs over the plain one, and those of the
/// family `tls` over the other; where there is but one, all cases run over that.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Urls {
    /// `http://HOST:PORT`
    pub http: Option<String>,
    /// `https://HOST:PORT`
    pub https: Option<String>,
    /// `ws://HOST:PORT`
    pub ws: Option<String>,
    /// `wss://HOST:PORT`
    pub wss: Option<String>,
}

impl Urls {
    /// Where cases of WebSocket, or of HTTP, run: the key and the URL.
    #[must_use]
    pub fn of(&self, websocket: bool) -> Option<(&'static str, &str)> {
        let urls = if websocket {
            [("ws", &self.ws), ("wss", &self.wss)]
        } else {
            [("http", &self.http), ("https", &self.https)]
        };
        urls.into_iter().find_map(|(scheme, url)| Some((scheme, url.as_deref()?)))
    }
}

/// Whose certificates are believed; the system's authorities if nothing is said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// A PEM file of authorities, looked up from the profile's folder.
    pub ca: Option<PathBuf>,
    /// Anyone's: what is judged is the server, not who it is.
    pub insecure: bool,
    /// Names for each of which it has a certificate, and shows it to who asks for it (SNI).
    pub names: Vec<String>,
}

/// A verdict that is known and accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The id of the case.
    pub case: String,
    /// Its verdict, where it would have been a pass.
    pub verdict: Outcome,
    /// Why that is accepted; reports repeat it.
    pub reason: String,
    /// The last day on which it is accepted, in UTC: `2027-01-31`. For good where there is none.
    #[serde(default)]
    pub until: Option<String>,
}

impl Deviation {
    /// Whether its last day lies before `today`, written like it.
    pub(crate) fn expired(&self, today: &str) -> bool {
        // Written like this, dates are ordered as text is.
        self.until.as_deref().is_some_and(|until| until < today)
    }
}

impl Profile {
    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the file, the line and the allowed values.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|error| {
            Error::Usage(format!(
                "cannot read the profile {}: {error}\n\
                 Name another with --profile FILE, or describe the subject by flags: \
                 harness run --http URL, harness run -- COMMAND",
                file.display()
            ))
        })?;
        let in_file = |error: Error| Error::Usage(format!("{}: {error}", file.display()));
        let mut profile = Self::parse(&text).map_err(in_file)?;
        // Absolute, since commands run in it while their program is looked up from it.
        profile.folder = file
            .canonicalize()
            .ok()
            .and_then(|file| file.parent().map(Path::to_path_buf))
            .unwrap_or_default();
        if profile.name.is_empty() {
            let folder = profile.folder.file_name().unwrap_or("subject".as_ref());
            profile.name = folder.to_string_lossy().into_owned();
        }
        Ok(profile)
    }

    /// Reads a profile from TOML text.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the line and the allowed values.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let profile: Self = toml::from_str(text)
            .map_err(|error| Error::Usage(error.to_string().trim_end().into()))?;
        profile.check()?;
        Ok(profile)
    }

    /// Whether a second instance of the subject can run beside the first: each listens where the harness says.
    pub(crate) fn can_start_twice(&self) -> bool {
        let Urls { http, https, ws, wss } = &self.urls;
        let is_chosen = |url: &String| url.contains("{port}") || url.contains("{tls_port}");
        self.subject.is_some() && [http, https, ws, wss].into_iter().flatten().all(is_chosen)
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] naming the key and the cure.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::Usage(text));
        if let Some(launch) = &self.subject
            && launch.command.is_empty()
        {
            return wrong("subject.command is empty: name the program and its arguments".into());
        }
        if self.ready.line.is_some() && self.subject.is_none() {
            return wrong(
                "ready.line needs a subject that the harness starts: what another one writes is not seen".into(),
            );
        }
        for (route, path) in &self.routes {
            if !path.starts_with('/') {
                return wrong(format!("routes.{route} = {path:?}: a path begins with a slash"));
            }
            if self.urls.of(route.is_websocket()).is_none() {
                let keys = if route.is_websocket() {
                    "urls.ws or urls.wss"
                } else {
                    "urls.http or urls.https"
                };
                return wrong(format!("routes.{route} is offered, but {keys} is missing"));
            }
        }
        if self.tls.insecure && self.tls.ca.is_some() {
            return wrong("tls.ca and tls.insecure contradict each other: give one of them".into());
        }
        for deviation in &self.deviations {
            if deviation.reason.trim().is_empty() {
                return wrong(format!("the deviation of {} gives no reason", deviation.case));
            }
            let is_day = |day: &String| {
                day.len() == 10 && humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).is_ok()
            };
            if let Some(until) = deviation.until.as_ref().filter(|until| !is_day(until)) {
                let case = &deviation.case;
                return wrong(format!(
                    "the deviation of {case}: until = {until:?} is no day: write \"2027-01-31\""
                ));
            }
        }
        Ok(())
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!(
            "{text:?} is no duration ({error}): write \"500ms\" or \"10s\""
        ))
    })
}

pub(crate) fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Profile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_profile() {
        let profile = Profile::parse(
            r#"
            name = "mine"
            version = "1.2 on Node.js 20"
            [subject]
            build = ["make"]
            command = ["./server", "{port}"]
            env = { LOG = "off" }
            stop = "INT"
            grace = "1s"
            [ready]
            http = "/health"
            line = "listening"
            timeout = "3s"
            [urls]
            http = "http://127.0.0.1:{port}"
            ws = "ws://127.0.0.1:{port}"
            [routes]
            hello = "/"
            "ws.echo" = "/echo"
            [limits]
            head = "1s"
            [[deviations]]
            case = "http/VER-03"
            verdict = "warn"
            reason = "by policy"
            "#,
        )
        .unwrap();
        assert_eq!(profile.version.as_deref(), Some("1.2 on Node.js 20"));
        assert_eq!(profile.ready.timeout, Duration::from_secs(3));
        assert_eq!(profile.ready.line.as_deref(), Some("listening"));
        let launch = profile.subject.unwrap();
        assert_eq!((launch.stop, launch.grace), (StopSignal::Int, Some(Duration::from_secs(1))));
        assert_eq!(profile.routes[&Route::WsEcho], "/echo");
        assert_eq!(profile.limits.head, Some(Duration::from_secs(1)));
        assert_eq!(profile.limits.body, None);
        assert_eq!(profile.deviations[0].verdict, Outcome::Warn);
    }

    #[test]
    fn a_wrong_key_or_value_is_named_with_its_line_and_what_is_allowed() {
        let error = refused("name = 'x'\n[subject]\ncomand = ['x']");
        assert!(
            error.contains("line 3") && error.contains("comand") && error.contains("`command`"),
            "{error}"
        );
        let error = refused("[routes]\nhallo = '/'");
        assert!(error.contains("line 2") && error.contains("`hello`"), "{error}");
        let error = refused("[limits]\nhead = '5'");
        assert!(error.contains("line 2") && error.contains("500ms"), "{error}");
        let error = refused("[[deviations]]\ncase = 'x'\nverdict = 'bad'\nreason = 'y'");
        assert!(error.contains("line 3") && error.contains("`fail`"), "{error}");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(refused("[routes]\nhello = '/'").contains("urls.http"));
        assert!(refused("[tls]\nca = 'x'\ninsecure = true").contains("contradict"));
        assert!(refused("[urls]\nhttp = 'http://h'\n[routes]\nhello = 'x'").contains("slash"));
        assert!(refused("[subject]\ncommand = []").contains("subject.command"));
        assert!(refused("[ready]\nline = 'x'").contains("ready.line"));
        assert!(refused("[subject]\ncommand = ['x']\nstop = 'KILL'").contains("`TERM`"));
        let deviation = "[[deviations]]\ncase='x'\nverdict='fail'\nreason=";
        assert!(refused(&format!("{deviation}' '")).contains("reason"));
        let error = refused(&format!("{deviation}'y'\nuntil='2027-02-30'"));
        assert!(error.contains("2027-02-30") && error.contains("no day"), "{error}");
    }
}
