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
//! | `address.rs`, `mailbox.rs`, `queue.rs` | the two ends of an actor's queue of messages, and the queue |
//! | `recipient.rs` | an actor by one of the types of message that it takes |
//! | `actor.rs` | sugar: an actor as a value instead of a function |
//! | `error.rs` | messages that could not be sent, given back |
//! | `reply.rs` | the answer to one message |
//! | `context.rs` | what an actor knows about itself, and its ties to others |
//! | `exit.rs` | why an actor ended |
//! | `isolate.rs` | catching a panic, on every poll and in destructors |
//! | `life.rs` | what everyone who knows an actor shares with it: stop, kill, its end |
//! | `signal.rs`, `relations.rs` | links and monitors: the lane beside the mailbox, and OTP's rules |
//! | `monitor.rs` | awaiting an actor's end from anywhere |
//! | `timer.rs` | messages that an actor sends itself later |
//! | `registry.rs`, `group.rs` | names for actors; actors that are sent to together |
//! | `supervisor.rs`, `child.rs`, `intensity.rs` | actors that keep other actors running |
//! | `scope.rs`, `spawn.rs`, `scheduler.rs` | actors that are stopped together; how one comes to life, and where it runs |
//! | `runtime.rs` and below it | worker threads, what keeps them going while actors block, and the ordered shutdown |
//! | `reactor.rs` and below it | readiness of sockets, and timers |
//! | `turn.rs` | how much a task may read and write before others get their turn |
//! | `sync.rs`, `model.rs` | locks that a model checker can take the place of; what it checks |
//! | `sim.rs` | tests in which a seed gives the order and time passes by itself |
//! | `buffer.rs` | read buffers that idle connections do not hold |
//! | `net.rs` and below it, `time.rs` | sockets and timers, as users see them |

#[cfg(panic = "abort")]
compile_error!(
    "seawall-actor isolates crashes by unwinding; with panic = \"abort\" one panic ends the \
     process. Remove `panic = \"abort\"` from the profile."
);

#[cfg(not(any(target_os = "linux", target_os = "android")))]
compile_error!("the reactor of seawall-actor is epoll, so far: it needs Linux");

mod actor;
mod address;
mod buffer;
mod child;
mod context;
mod error;
mod event;
mod exit;
mod group;
mod intensity;
mod isolate;
mod life;
mod mailbox;
#[cfg(all(test, shuttle))]
mod model;
mod monitor;
pub mod net;
mod queue;
mod reactor;
mod recipient;
mod registry;
mod relations;
mod reply;
mod runtime;
mod scheduler;
mod scope;
mod signal;
pub mod sim;
mod spawn;
mod supervisor;
mod sync;
pub mod time;
mod timer;
mod turn;
mod urgent;

pub use actor::{Actor, Flow};
pub use address::{Address, WeakAddress};
pub use buffer::Buffer;
pub use child::{Child, Restart};
pub use context::Context;
pub use error::{CallError, SendError, TrySendError};
pub use event::Event;
pub use exit::{ExitReason, Outcome};
pub use group::{Broadcast, Group};
pub use isolate::{Isolated, Panicked, catch, isolate};
pub use life::ActorId;
pub use mailbox::{Mailbox, Received};
pub use monitor::Monitor;
pub use recipient::Recipient;
pub use registry::{Name, RegisterError, Registry};
pub use reply::Reply;
pub use runtime::{Builder, Leftover, Runtime};
pub use scheduler::Priority;
pub use scope::Scope;
pub use signal::{Reference, Signal};
pub use spawn::Spawn;
pub use supervisor::{AutoShutdown, ChildStatus, Strategy, Supervisor, SupervisorMessage};
pub use urgent::UrgentAddress;
