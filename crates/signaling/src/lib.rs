//! WebRTC signaling over Socket.IO: the server, the client, and what peers say through them.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;
mod signal;

pub use signal::{Connection, DescriptionKind, Incoming, Signal};
