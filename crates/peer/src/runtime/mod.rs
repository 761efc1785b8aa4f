//! The tokio runtime: sockets, timers, and the handles that applications hold.

mod command;
mod config;
mod data_channel;
mod driver;
mod error;
mod events;
mod handles;
mod interfaces;
mod mailbox;
mod peer_connection;
mod report;
mod sockets;
mod streams;
mod tls;
mod urls;
mod wake;

pub use config::{Configuration, IceServer, IceTcp, IceTransportPolicy, Interfaces};
pub use data_channel::{DataChannel, DataReceiver, DataSender};
pub use error::Error;
pub use events::{Event, Events};
pub use peer_connection::PeerConnection;
pub use report::Report;
pub use tls::{InvalidPem, TlsRoots};
