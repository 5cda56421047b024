//! The server under judgement: started or only reached, watched, and started again.

mod alarm;
mod far_end;
mod guard;
mod patience;
mod process;
mod service;
mod shortage;
mod signals;
mod target;
mod vitals;

use std::future::pending;
use std::net::{IpAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;
use rustix::process::Signal;

use crate::audit::Audit;
use crate::context::{Shared, USER_AGENT, spell};
use crate::error::Error;
use crate::http::exchange::next_answer;
use crate::profile::{Launch, Profile, StopSignal};
use crate::timing::Timing;
use crate::wire::{Connection, Recorder, Source};

pub(crate) use alarm::Alarm;
pub(crate) use far_end::FarEnd;
pub(crate) use patience::{Account, Spent};
use process::Process;
pub(crate) use service::{Unserved, probe};
pub(crate) use shortage::Shortage;
pub use signals::is_ignored;
use target::Ports;
pub(crate) use target::{Endpoint, Target};
pub(crate) use vitals::Vitals;

/// Between two looks whether the subject is ready yet.
const POLL: Duration = Duration::from_millis(10);
/// How long a subject may take to stop when asked; then it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// Requests that measure the subject's latency.
const CALIBRATION: usize = 10;

/// A subject that is ready to be judged.
#[derive(Debug)]
pub(crate) struct Subject {
    process: Option<Process>,
    /// Where we had it listen.
    ports: Option<Ports>,
    target: Target,
    timing: Timing,
    /// Where its time goes.
    account: Rc<Account>,
    stop: Signal,
    grace: Duration,
}

/// Builds the subject, where the profile says how.
///
/// # Errors
///
/// [`Error::Subject`] when that fails.
pub(crate) async fn build(profile: &Profile) -> Result<(), Error> {
    match &profile.subject {
        Some(launch) => process::build(launch, &profile.folder).await,
        None => Ok(()),
    }
}

impl Subject {
    /// Starts the subject, or looks for the one that runs, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Error::Subject`] with its command, its end and its last words, or with what it did
    /// in place of answering.
    pub(crate) async fn start(profile: &Profile) -> Result<Self, Error> {
        let Some(launch) = &profile.subject else {
            let target = Target::resolve(profile, None)?;
            return Self::reach(profile, target, None).await;
        };
        let (ports, target) = Self::choose_ports(profile)?;
        Self::launch(profile, launch, ports, target).await
    }

    /// Starts another one where this one has listened.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub(crate) async fn start_in_place_of(&self, profile: &Profile) -> Result<Self, Error> {
        match (&profile.subject, self.ports) {
            (Some(launch), Some(ports)) => {
                Self::launch(profile, launch, ports, self.target.clone()).await
            }
            _ => Self::start(profile).await,
        }
    }

    async fn launch(
        profile: &Profile,
        launch: &Launch,
        ports: Ports,
        target: Target,
    ) -> Result<Self, Error> {
        let process = Process::start(
            launch,
            &profile.folder,
            ports,
            profile.ready.line.as_deref().unwrap_or(""),
        )?;
        Self::reach(profile, target, Some((process, ports))).await
    }

    /// Ports on which nobody listens, and where the subject then will.
    fn choose_ports(profile: &Profile) -> Result<(Ports, Target), Error> {
        /// A free port may be taken before we look again; several in a row are no chance.
        const TRIES: usize = 5;
        let mut authority = String::new();
        for _ in 0..TRIES {
            let ports = Ports::choose()?;
            let target = Target::resolve(profile, Some(ports))?;
            let any = target.any();
            if TcpStream::connect_timeout(&any.address, Duration::from_secs(1)).is_err() {
                return Ok((ports, target));
            }
            authority.clone_from(&any.authority);
        }
        Err(Error::Subject(format!(
            "{authority} is in use already, before the subject is started: stop what listens \
             there, or write {{port}} in place of the port to have a free one chosen"
        )))
    }

    async fn reach(
        profile: &Profile,
        target: Target,
        started: Option<(Process, Ports)>,
    ) -> Result<Self, Error> {
        let launch = profile.subject.as_ref();
        let (process, ports) = started.unzip();
        let account = Account::open(process.as_ref().map(Process::group));
        let mut subject = Self {
            account: account.into(),
            process,
            ports,
            target,
            timing: Timing::calibrated(Duration::ZERO, None),
            stop: launch.map_or(Signal::TERM, |launch| launch.stop.into()),
            grace: launch.and_then(|launch| launch.grace).unwrap_or(GRACE),
        };
        subject.wait_until_ready(profile).await?;
        subject.calibrate(profile).await?;
        Ok(subject)
    }

    async fn wait_until_ready(&self, profile: &Profile) -> Result<(), Error> {
        let deadline = Instant::now() + profile.ready.timeout;
        let mut last = None;
        loop {
            let attempt = async { Some(self.attempt(profile, deadline).await) };
            let gone = async {
                self.gone().await;
                None
            };
            let why = match attempt.or(gone).await {
                Some(Ok(())) => return Ok(()),
                Some(Err(why)) => why,
                None => return Err(self.failed("ended before it was ready", "")),
            };
            if Instant::now() >= deadline {
                let within = format!("was not ready within {}", spell(profile.ready.timeout));
                // The last look was cut short by the deadline; the one before says more.
                return Err(self.failed(&within, &last.unwrap_or(why)));
            }
            last = Some(why);
            Timer::after(POLL).await;
        }
    }

    /// One look whether it is ready; says what it did if not.
    async fn attempt(&self, profile: &Profile, deadline: Instant) -> Result<(), String> {
        if let (Some(line), Some(process)) = (&profile.ready.line, &self.process)
            && !process.has_said_it()
        {
            return Err(format!("it has written no line that holds {line:?}"));
        }
        let endpoint = self.target.any();
        let trace = Recorder::default();
        let left = deadline.saturating_duration_since(Instant::now());
        let tls = endpoint.tls.as_ref();
        let mut connection = Connection::open(endpoint.address, tls, Source::Case, 0, &trace, left)
            .await
            .map_err(|error| format!("{}: {error}", endpoint.authority))?;
        let Some(path) = &profile.ready.http else { return Ok(()) };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {USER_AGENT}\r\nConnection: close\r\n\r\n",
            endpoint.authority
        );
        connection.send(request.as_bytes(), deadline).await;
        let answer = next_answer(&mut connection, "GET", deadline).await;
        match answer.status() {
            Some(200) => Ok(()),
            _ => Err(format!("GET {path}: {}", answer.describe())),
        }
    }

    /// Measures the latency of a healthy request, which also proves that the subject answers
    /// at all.
    async fn calibrate(&mut self, profile: &Profile) -> Result<(), Error> {
        let mut slowest = Duration::ZERO;
        for _ in 0..CALIBRATION {
            let start = Instant::now();
            let shared = self.shared(profile, &Audit::default());
            if let Err(unserved) = self.serves(shared, false).await {
                return Err(self.failed("does not answer a plain request", &unserved.to_string()));
            }
            slowest = slowest.max(start.elapsed());
        }
        self.timing = Timing::calibrated(slowest, profile.limits.shortest());
        Ok(())
    }

    /// What cases need to know of it; the audit hears what they say.
    pub(crate) fn shared(&self, profile: &Profile, audit: &Audit) -> Shared {
        Shared {
            target: self.target.clone(),
            routes: profile.routes.clone(),
            limits: profile.limits.clone(),
            timing: self.timing,
            audit: audit.clone(),
            group: self.group(),
            profile: Rc::new(profile.clone()),
            thorough: false,
        }
    }

    /// Its address, where that is neither loopback nor private: others may need the server.
    pub(crate) fn far(&self) -> Option<IpAddr> {
        let Target { http, ws, tls } = &self.target;
        let addresses = [http, ws, tls].into_iter().flatten().map(|endpoint| endpoint.address.ip());
        addresses.into_iter().find(|address| !target::is_near(*address))
    }

    /// Ends when its process has; never for a subject that we did not start.
    pub(crate) async fn gone(&self) {
        match &self.process {
            Some(process) => process.gone().await,
            None => pending().await,
        }
    }

    /// How its process ended, once it has.
    pub(crate) fn end(&self) -> Option<String> {
        self.process.as_ref().and_then(Process::status).map(process::describe)
    }

    /// Its command, end and last words, where we started it.
    pub(crate) fn obituary(&self) -> String {
        self.process.as_ref().map_or_else(String::new, Process::obituary)
    }

    /// Its process group, where we started it.
    pub(crate) fn group(&self) -> Option<u32> {
        self.process.as_ref().map(Process::group)
    }

    /// Where its time goes.
    pub(crate) fn account(&self) -> &Rc<Account> {
        &self.account
    }

    /// What it wrote that no server should write.
    pub(crate) fn alarms(&self) -> Vec<Alarm> {
        self.process.as_ref().map_or_else(Vec::new, Process::alarms)
    }

    /// Asks it to stop, as the profile says; gives back the moment at which it is to be gone.
    pub(crate) fn tell_to_stop(&self) -> Instant {
        if let Some(process) = &self.process {
            process.tell(self.stop);
        }
        Instant::now() + self.grace
    }

    /// How long it may take to stop.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    /// Whether its process has ended, and said that all went well.
    pub(crate) fn ended_well(&self) -> bool {
        self.process.as_ref().and_then(Process::status).is_some_and(|status| status.success())
    }

    /// Stops it; one that we did not start is left alone.
    pub(crate) async fn stop(self) {
        if let Some(process) = self.process {
            process.stop(self.stop, self.grace).await;
        }
    }

    fn failed(&self, what: &str, detail: &str) -> Error {
        let mut text = format!("the subject {what}");
        if !detail.is_empty() {
            text.push_str(": ");
            text.push_str(detail);
        }
        if let Some(process) = &self.process {
            text.push('\n');
            text.push_str(&process.obituary());
        }
        Error::Subject(text)
    }
}

impl From<StopSignal> for Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Term => Self::TERM,
            StopSignal::Int => Self::INT,
            StopSignal::Quit => Self::QUIT,
            StopSignal::Hup => Self::HUP,
            StopSignal::Usr1 => Self::USR1,
            StopSignal::Usr2 => Self::USR2,
        }
    }
}
