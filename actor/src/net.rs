//! Sockets, with the traits of `futures-io`. They work under any executor.

mod bytes;
mod options;
mod tcp;
mod unix;

pub use options::ListenOptions;
pub use tcp::{TcpListener, TcpStream};
pub use unix::{UnixListener, UnixStream};
