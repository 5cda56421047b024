//! Why an actor ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why an actor ended: a value that monitors receive, not an error of theirs.
#[derive(Clone, Debug)]
pub enum ExitReason {
    /// Its function returned.
    Normal,
    /// Its function returned after it was told to stop.
    Shutdown,
    /// It was killed: its future was dropped where it stood.
    Killed,
    /// Its function returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// It panicked; the text is the panic's message.
    Panicked(Arc<str>),
    /// It had ended before it was linked or monitored: OTP's *noproc*. What a signal says, never
    /// what [`Monitor`](crate::Monitor) says, which knows the reason.
    NoProcess,
}

impl ExitReason {
    /// Whether the actor's own code failed: by an error or a panic.
    #[must_use]
    pub fn is_abnormal(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Panicked(_) => true,
            Self::Normal | Self::Shutdown | Self::Killed | Self::NoProcess => false,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Killed => f.write_str("killed"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::NoProcess => f.write_str("noproc"),
        }
    }
}

/// What an actor's function may return.
///
/// Nothing, a `Result` whose error becomes [`ExitReason::Failed`], or an exit reason itself.
pub trait Outcome {
    /// The exit reason that this value stands for.
    fn into_reason(self) -> ExitReason;
}

impl Outcome for () {
    fn into_reason(self) -> ExitReason {
        ExitReason::Normal
    }
}

impl Outcome for ExitReason {
    fn into_reason(self) -> ExitReason {
        self
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> Outcome for Result<(), E> {
    fn into_reason(self) -> ExitReason {
        match self {
            Ok(()) => ExitReason::Normal,
            Err(error) => ExitReason::Failed(Arc::from(error.into())),
        }
    }
}
