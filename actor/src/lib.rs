//! Actors whose panics stay their own, and the small runtime they stand on.
//!
//! An *actor* is an async function with a [`Mailbox`] of its own. Others know it by its
//! [`Address`]; it ends with an [`ExitReason`], which a [`Monitor`] can await. A panic is caught
//! on every poll and becomes [`ExitReason::Panicked`]: it ends that actor and nothing else.
//!
//! ```
//! use seawall_actor::{Context, ExitReason, Mailbox, Runtime};
//!
//! async fn adder(mut mailbox: Mailbox<u32>, _context: Context) {
//!     let mut sum = 0_u32;
//!     while let Some(n) = mailbox.recv().await {
//!         sum = sum.checked_add(n).expect("the sum fits");
//!     }
//! }
//!
//! let runtime = Runtime::new()?;
//! let address = runtime.scope().spawn(adder);
//! let monitor = address.monitor();
//! let reason = runtime.block_on(async {
//!     address.send(u32::MAX).await.unwrap();
//!     address.send(1).await.unwrap();
//!     monitor.exited().await
//! });
//! assert_eq!(reason.to_string(), "panicked: the sum fits");
//! assert!(runtime.block_on(address.send(2)).is_err()); // gone, and the message comes back
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where to look
//!
//! | file | idea |
//! |---|---|
//! | `address.rs`, `mailbox.rs` | the two ends of an actor's queue of messages |
//! | `context.rs` | what an actor knows about itself |
//! | `exit.rs` | why an actor ended |
//! | `isolate.rs` | catching a panic, on every poll and in destructors |
//! | `signal.rs` | stop and kill, and the news of an exit: the lane beside the mailbox |
//! | `scope.rs`, `spawn.rs` | actors that are stopped together; how one comes to life |
//! | `runtime.rs` | worker threads and the ordered shutdown |
//! | `buffer.rs` | read buffers that idle connections do not hold |
//! | `net.rs`, `time.rs` | sockets and timers: the one place that names the reactor |

#[cfg(panic = "abort")]
compile_error!(
    "seawall-actor isolates crashes by unwinding; with panic = \"abort\" one panic ends the \
     process. Remove `panic = \"abort\"` from the profile."
);

mod address;
mod buffer;
mod context;
mod event;
mod exit;
mod isolate;
mod mailbox;
pub mod net;
mod runtime;
mod scope;
mod signal;
mod spawn;
pub mod time;

pub use address::{Address, SendError, TrySendError};
pub use buffer::Buffer;
pub use context::Context;
pub use event::Event;
pub use exit::{ExitReason, Outcome};
pub use isolate::{Isolated, Panicked, catch, isolate};
pub use mailbox::Mailbox;
pub use runtime::{Builder, Leftover, Runtime};
pub use scope::Scope;
pub use signal::Monitor;
pub use spawn::Spawn;
