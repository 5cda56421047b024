//! What a running case may use: the subject's endpoints, its routes, time and randomness.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::audit::{Audit, Tap};
use crate::limits::Limits;
use crate::profile::Profile;
use crate::route::Route;
use crate::subject::{Endpoint, Subject, Target};
use crate::timing::Timing;
use crate::verdict::{Outcome, Verdict};
use crate::wire::tls::{Cut, Pieces, Session, Tls};
use crate::wire::{Connection, Recorder, Source};

/// What the harness calls itself.
pub(crate) const USER_AGENT: &str = concat!("seawall-harness/", env!("CARGO_PKG_VERSION"));

/// Handed to each case when it runs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    shared: Rc<Shared>,
    /// The case's id.
    case: Rc<str>,
    trace: Recorder,
    seed: u64,
    /// What it sends must be its own octets and no more.
    anonymous: bool,
}

/// What all cases of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) routes: BTreeMap<Route, String>,
    pub(crate) limits: Limits,
    pub(crate) timing: Timing,
    pub(crate) audit: Audit,
    /// The subject's process group, where we started it.
    pub(crate) group: Option<u32>,
    /// How another subject of the same kind is started.
    pub(crate) profile: Rc<Profile>,
    /// Nothing is left out to save time.
    pub(crate) thorough: bool,
}

impl Context {
    /// A context for the case `id`, with an empty trace.
    pub(crate) fn new(shared: Rc<Shared>, id: &str) -> Self {
        Self {
            shared,
            case: id.into(),
            trace: Recorder::default(),
            seed: seed(id),
            anonymous: false,
        }
    }

    /// The same, with a trace of its own that nobody will read.
    pub(crate) fn untraced(&self) -> Self {
        Self { trace: self.trace.aside(), ..self.clone() }
    }

    /// The same, with requests that do not say who asks: where each octet matters.
    pub(crate) fn anonymous(&self) -> Self {
        Self { anonymous: true, ..self.clone() }
    }

    /// Fields that say who asks, and for which case: a subject's log can be read beside a report.
    pub(crate) fn signature(&self) -> String {
        if self.anonymous {
            return String::new();
        }
        format!("User-Agent: {USER_AGENT}\r\nHarness-Case: {}\r\n", self.case)
    }

    pub(crate) fn trace(&self) -> &Recorder {
        &self.trace
    }

    pub(crate) fn timing(&self) -> Timing {
        self.shared.timing
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Whether to leave nothing out to save time.
    pub(crate) fn is_thorough(&self) -> bool {
        self.shared.thorough
    }

    /// What is said of the subject.
    pub(crate) fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// The subject's process group, where we started it.
    pub(crate) fn group(&self) -> Option<u32> {
        self.shared.group
    }

    /// Starts a subject of the case's own, which it may stop, and gives back what asks that one. Dropping the
    /// subject kills it.
    ///
    /// # Errors
    ///
    /// The case is skipped where there can be no second one.
    pub(crate) async fn own_subject(&self) -> Result<(Subject, Self), Verdict> {
        let skip = |why: String| Verdict::new(Outcome::Skip, "a subject of the case's own", why);
        let profile = &self.shared.profile;
        if !profile.can_start_twice() {
            return Err(skip("the harness did not start it on a {port} of its choice".into()));
        }
        let subject = Subject::start(profile).await.map_err(|error| skip(error.to_string()))?;
        let cx = self.of(&subject);
        Ok((subject, cx))
    }

    /// A subject of the case's own where there can be one, else the one that all cases ask; and what asks it.
    ///
    /// # Errors
    ///
    /// The case is skipped where another does not start.
    pub(crate) async fn apart(&self) -> Result<(Option<Subject>, Self), Verdict> {
        if !self.shared.profile.can_start_twice() {
            return Ok((None, self.clone()));
        }
        let (subject, cx) = self.own_subject().await?;
        Ok((Some(subject), cx))
    }

    /// The same, that asks another subject.
    pub(crate) fn of(&self, subject: &Subject) -> Self {
        let shared = subject.shared(&self.shared.profile, &self.shared.audit);
        // A machine that has no time for one subject has none for another.
        let timing = shared.timing.stretched(self.timing().stretch);
        let shared = Shared { timing, thorough: self.shared.thorough, ..shared };
        Self { shared: Rc::new(shared), ..self.clone() }
    }

    /// The same, whose attackers and victims come from other addresses: others for each number.
    pub(crate) fn elsewhere(&self, number: u8) -> Self {
        Self { seed: self.seed ^ u64::from(number) << 8, ..self.clone() }
    }

    /// Whether attackers and victims have addresses of their own at the route.
    pub(crate) fn tells_addresses_apart(&self, route: Route) -> bool {
        Source::Attacker.has_address(self.endpoint(route).address)
    }

    /// Whether the subject offers the route.
    pub(crate) fn offers(&self, route: Route) -> bool {
        self.shared.routes.contains_key(&route)
    }

    /// The route's path.
    ///
    /// # Panics
    ///
    /// If it is not offered: a case names all that it needs, and does not run without.
    pub(crate) fn path(&self, route: Route) -> &str {
        self.shared
            .routes
            .get(&route)
            .unwrap_or_else(|| panic!("the case does not say that it needs {route}"))
    }

    /// Where the route is served.
    pub(crate) fn endpoint(&self, route: Route) -> &Endpoint {
        let target = &self.shared.target;
        let endpoint = if route.is_websocket() { &target.ws } else { &target.http };
        endpoint.as_ref().expect("a profile that offers a route has its URL")
    }

    /// Connects to where the route is served.
    pub(crate) async fn connect(
        &self,
        route: Route,
        source: Source,
    ) -> Result<Connection, Verdict> {
        self.open_audited(self.endpoint(route), source).await
    }

    /// Connects to where the route is served, if that can be had soon: no answer is expected.
    pub(crate) async fn connect_soon(
        &self,
        route: Route,
        source: Source,
    ) -> Result<Connection, Verdict> {
        let endpoint = self.endpoint(route);
        self.open_within(endpoint, endpoint.tls.as_ref(), source, self.timing().quiet).await
    }

    /// Connects to where the route is served, and says nothing, not even what TLS asks for.
    pub(crate) async fn connect_silently(
        &self,
        route: Route,
        source: Source,
    ) -> Result<Connection, Verdict> {
        self.open(self.endpoint(route), None, source).await
    }

    /// Where TLS is judged.
    ///
    /// # Panics
    ///
    /// If there is no such URL: a case says that it needs one, and does not run without.
    pub(crate) fn tls_endpoint(&self) -> &Endpoint {
        let endpoint = &self.shared.target.tls;
        endpoint.as_ref().expect("the case does not say that it runs over TLS")
    }

    /// Connects to where TLS is judged, and shakes hands.
    pub(crate) async fn connect_tls(&self, source: Source) -> Result<Connection, Verdict> {
        self.open_audited(self.tls_endpoint(), source).await
    }

    /// Connects to where TLS is judged, and says nothing.
    pub(crate) async fn connect_raw(&self, source: Source) -> Result<Connection, Verdict> {
        self.open(self.tls_endpoint(), None, source).await
    }

    /// Shakes hands on a connection to where TLS is judged, in pieces.
    pub(crate) async fn secure(
        &self,
        connection: &mut Connection,
        cut: Cut<'_>,
    ) -> Result<(), Verdict> {
        let endpoint = self.tls_endpoint();
        let Some(tls) = &endpoint.tls else { return Ok(()) };
        // A machine that is busy must not make us a slow client.
        let within = self.limits().handshake.unwrap_or(Duration::from_secs(4)) / 4;
        let pieces = Pieces { cut, pause: self.timing().pause, within };
        connection
            .shake_hands(tls, pieces, self.answer_by())
            .await
            .map_err(|why| cannot_connect(endpoint, &io::Error::other(why)))?;
        connection.overhear(Tap::new(&self.shared.audit, &self.case, true));
        Ok(())
    }

    /// Names for which the subject promises a certificate each.
    pub(crate) fn names(&self) -> &[String] {
        &self.shared.profile.tls.names
    }

    /// Shakes hands on a connection to where TLS is judged, and asks for a name there.
    ///
    /// # Errors
    ///
    /// Why it came to nothing, or that the certificate is for another name.
    pub(crate) async fn secure_for(
        &self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<(), String> {
        let Some(tls) = &self.tls_endpoint().tls else { return Ok(()) };
        let tls = tls.asking_for(name)?;
        connection.shake_hands(&tls, Pieces::ONE, self.answer_by()).await?;
        if connection.is_secured_for(&tls) {
            Ok(())
        } else {
            Err("a certificate that is not for this name".into())
        }
    }

    /// The first message of a handshake, to be sent in a case's own way.
    pub(crate) fn hello(&self) -> Result<Vec<u8>, Verdict> {
        let tls = self.tls_endpoint().tls.as_ref();
        let session = tls.map_or_else(|| Err("no TLS".into()), Session::new);
        let ours = |why| Verdict::new(Outcome::Error, "a first message", why);
        session.map(|mut session| session.pending()).map_err(ours)
    }

    /// Connects to an endpoint, unheard by the audit.
    pub(crate) async fn connect_to(
        &self,
        endpoint: &Endpoint,
        source: Source,
    ) -> Result<Connection, Verdict> {
        self.open(endpoint, endpoint.tls.as_ref(), source).await
    }

    /// What is said on it is HTTP, or what follows that, and heard by the audit.
    async fn open_audited(
        &self,
        endpoint: &Endpoint,
        source: Source,
    ) -> Result<Connection, Verdict> {
        let mut connection = self.open(endpoint, endpoint.tls.as_ref(), source).await?;
        let secure = endpoint.tls.is_some();
        connection.overhear(Tap::new(&self.shared.audit, &self.case, secure));
        Ok(connection)
    }

    async fn open(
        &self,
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        source: Source,
    ) -> Result<Connection, Verdict> {
        self.open_within(endpoint, tls, source, self.timing().answer).await
    }

    async fn open_within(
        &self,
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        source: Source,
        patience: Duration,
    ) -> Result<Connection, Verdict> {
        let lane = self.seed as u16;
        Connection::open(endpoint.address, tls, source, lane, &self.trace, patience)
            .await
            .map_err(|error| cannot_connect(endpoint, &error))
    }

    /// The moment after which an answer that must come is late.
    pub(crate) fn answer_by(&self) -> Instant {
        Instant::now() + self.timing().answer
    }

    /// Random numbers that are the same in every run.
    pub(crate) fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }
}

/// FNV-1a: the same case draws the same numbers in every run.
fn seed(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The numbers that the case with this id draws in every run.
pub(crate) fn random(id: &str) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed(id))
}

/// A connection that the subject does not take is a verdict; that we have no socket left is not.
fn cannot_connect(endpoint: &Endpoint, error: &io::Error) -> Verdict {
    let ours =
        matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied)
            || error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error());
    let outcome = if ours { Outcome::Error } else { Outcome::Fail };
    Verdict::new(outcome, "the connection is accepted", format!("{}: {error}", endpoint.authority))
}

/// `duration` in a form that reads well: `1s`, `250ms`.
pub(crate) fn spell(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        return "less than 1ms".into();
    }
    let rounded = if duration >= Duration::from_secs(10) {
        Duration::from_secs(duration.as_secs())
    } else {
        Duration::from_millis(duration.as_millis() as u64)
    };
    humantime::format_duration(rounded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let spelled = [300, 1_250, 2_000_000, 61_234_000].map(Duration::from_micros).map(spell);
        assert_eq!(spelled, ["less than 1ms", "1ms", "2s", "1m 1s"]);
    }
}
