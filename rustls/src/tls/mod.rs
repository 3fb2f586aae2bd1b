//! rustls: nothing outside of this folder names its types, since its next version changes them.
//!
//! Connections are unbuffered ones (`rustls::unbuffered`): records are decrypted where they lie in the incoming queue
//! and encrypted towards the outgoing one. What the library tells only through its configuration's callbacks (the peer's
//! certificates when it refuses them, sessions, secrets) lands in `Notes`, which are the connection's own: they lie in a
//! variable of the thread while the library works on that connection.

mod catalogue;
mod config;
mod connection;
mod details;
mod drive;
mod early;
mod errors;
mod identity;
mod notes;
mod sessions;
mod verifier;

pub use catalogue::{check, groups, schemes, suites};
pub use config::{Common, Config, ForClient, ForServer};
pub use connection::Connection;
pub use identity::{Callable, ChooseCallback, Identity, held};
pub use sessions::Session;
