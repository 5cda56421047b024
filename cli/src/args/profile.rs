//! The profile that arguments make.

use std::path::{Path, PathBuf};

use seawall_harness::{Error, Launch, Profile, Route};

use super::{DEFAULT_PROFILE, Subject};

impl Subject {
    /// The profile's file, where there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.profile {
            Some(file) => Some(file),
            None if self.describes_subject() => None,
            None => Some(Path::new(DEFAULT_PROFILE)),
        }
    }

    /// Whether flags say where the subject is, so that no profile is needed.
    fn describes_subject(&self) -> bool {
        !self.command.is_empty() || self.http.is_some() || self.ws.is_some()
    }

    /// The profile's file, and the flags laid over it.
    pub(crate) fn profile(&self) -> Result<Profile, Error> {
        let mut profile = match self.file() {
            Some(file) => Profile::load(file)?,
            None => Profile { name: "subject".into(), ..Profile::default() },
        };
        self.lay_launch_over(&mut profile)?;
        self.lay_urls_over(&mut profile)?;
        for (route, path) in &self.route {
            profile.routes.insert(*route, path.clone());
        }
        if let Some(name) = &self.name {
            profile.name.clone_from(name);
        }
        if let Some(path) = &self.ready {
            profile.ready.http = Some(path.clone());
        }
        if let Some(line) = &self.ready_line {
            profile.ready.line = Some(line.clone());
        }
        profile.ready.timeout = self.ready_timeout.unwrap_or(profile.ready.timeout);
        for (name, value) in &self.limit {
            profile.limits.set(name, value).map_err(Error::Usage)?;
        }
        profile.deviations.extend(self.deviation.iter().cloned());
        profile.check()?;
        Ok(profile)
    }

    fn lay_launch_over(&self, profile: &mut Profile) -> Result<(), Error> {
        if !self.command.is_empty() {
            profile.subject = Some(Launch { command: self.command.clone(), ..Launch::default() });
            profile.folder = PathBuf::new();
            if self.http.is_none() && self.ws.is_none() && self.profile.is_none() {
                profile.urls.http = Some("http://127.0.0.1:{port}".into());
                profile.routes.insert(Route::Hello, "/".into());
            }
        }
        match &mut profile.subject {
            Some(launch) => {
                launch.env.extend(self.env.iter().cloned());
                if let Some(build) = &self.build {
                    launch.build = vec!["sh".into(), "-c".into(), build.clone()];
                }
                Ok(())
            }
            None if self.build.is_some() || !self.env.is_empty() => Err(Error::Usage(
                "--build and --env are for a subject that the harness starts: add `-- COMMAND`"
                    .into(),
            )),
            None => Ok(()),
        }
    }

    fn lay_urls_over(&self, profile: &mut Profile) -> Result<(), Error> {
        if let Some(url) = &self.http {
            let (base, path) = split_url(url, "--http")?;
            let secure = base.starts_with("https:");
            (profile.urls.http, profile.urls.https) =
                if secure { (None, Some(base)) } else { (Some(base), None) };
            if let Some(path) = path {
                profile.routes.insert(Route::Hello, path);
            } else if !self.contract {
                profile.routes.entry(Route::Hello).or_insert_with(|| "/".into());
            }
        }
        if let Some(url) = &self.ws {
            let (base, path) = split_url(url, "--ws")?;
            let secure = base.starts_with("wss:");
            (profile.urls.ws, profile.urls.wss) =
                if secure { (None, Some(base)) } else { (Some(base), None) };
            if let Some(path) = path {
                profile.routes.insert(Route::WsEcho, path);
            } else if !self.contract {
                profile.routes.entry(Route::WsEcho).or_insert_with(|| "/".into());
            }
        }
        if self.contract {
            for &route in Route::ALL {
                if profile.urls.of(route.is_websocket()).is_some() {
                    profile.routes.entry(route).or_insert_with(|| route.default_path().into());
                }
            }
        }
        if let Some(file) = &self.ca {
            // A path on the command line begins where that was typed.
            let file = std::path::absolute(file)
                .map_err(|error| Error::Usage(format!("--ca {}: {error}", file.display())))?;
            (profile.tls.ca, profile.tls.insecure) = (Some(file), false);
        } else if self.insecure {
            (profile.tls.ca, profile.tls.insecure) = (None, true);
        }
        Ok(())
    }
}

/// Scheme and authority, and the path if there is one.
fn split_url(url: &str, flag: &str) -> Result<(String, Option<String>), Error> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| {
        Error::Usage(format!("{flag} {url}: expected a URL such as http://127.0.0.1:8080"))
    })?;
    match rest.find('/') {
        Some(slash) if rest[slash..].len() > 1 => {
            Ok((format!("{scheme}://{}", &rest[..slash]), Some(rest[slash..].into())))
        }
        Some(slash) => Ok((format!("{scheme}://{}", &rest[..slash]), None)),
        None => Ok((url.into(), None)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn profile(arguments: &[&str]) -> Result<Profile, Error> {
        let cli = Cli::try_parse_from(["harness", "run"].iter().chain(arguments)).unwrap();
        match cli.command {
            Command::Run(run) => run.subject.profile(),
            _ => unreachable!("asked for run"),
        }
    }

    #[test]
    fn a_url_with_a_path_names_a_route() {
        let found = profile(&["--http", "http://h:1", "--ws", "ws://h:1/chat"]).unwrap();
        assert_eq!(found.urls.ws.as_deref(), Some("ws://h:1"));
        assert_eq!(
            (&found.routes[&Route::Hello][..], &found.routes[&Route::WsEcho][..]),
            ("/", "/chat")
        );
    }

    #[test]
    fn a_url_may_speak_tls() {
        let flags = ["--http", "https://h:1", "--ws", "wss://h:1/chat", "--ca", "ca.pem"];
        let found = profile(&flags).unwrap();
        assert_eq!((found.urls.http, found.urls.https.as_deref()), (None, Some("https://h:1")));
        assert_eq!((found.urls.ws, found.urls.wss.as_deref()), (None, Some("wss://h:1")));
        assert!(found.tls.ca.unwrap().is_absolute());
        assert!(profile(&["--http", "https://h:1", "--insecure"]).unwrap().tls.insecure);
    }

    #[test]
    fn a_command_is_enough() {
        let found = profile(&["--", "./server", "--port", "{port}"]).unwrap();
        assert_eq!(found.subject.unwrap().command, ["./server", "--port", "{port}"]);
        assert_eq!(found.urls.http.as_deref(), Some("http://127.0.0.1:{port}"));
    }

    #[test]
    fn the_contract_offers_what_the_urls_reach() {
        let found = profile(&["--http", "http://h:1", "--contract"]).unwrap();
        assert_eq!(found.routes[&Route::Hello], "/hello");
        assert!(!found.routes.contains_key(&Route::WsEcho));
    }

    #[test]
    fn what_describes_no_subject_is_refused() {
        assert!(profile(&["--http", "h:1"]).unwrap_err().to_string().contains("--http"));
        assert!(
            profile(&["--http", "http://h:1", "--build", "make"])
                .unwrap_err()
                .to_string()
                .contains("COMMAND")
        );
    }
}
