//! The tokio runtime: sockets, timers, and the handles that applications hold.

mod command;
mod config;
mod data_channel;
mod data_receiver;
mod driver;
mod error;
mod events;
mod handlers;
mod handles;
mod interfaces;
mod mailbox;
mod multicast;
mod mux;
mod network;
mod peer_connection;
mod ports;
mod report;
mod socket;
mod sockets;
mod streams;
mod tls;
mod urls;
mod wake;

pub use config::{Configuration, IceServer, IceTcp, IceTransportPolicy};
pub use data_channel::{DataChannel, DataSender};
pub use data_receiver::{ChannelEvent, DataReceiver};
pub use error::Error;
pub use events::{Event, Events};
pub use handlers::{ChannelHandlers, Handlers, IceCandidateError};
pub use interfaces::Interfaces;
pub use mux::{UdpMux, UdpMuxStats};
pub use network::{Network, NotANetwork};
pub use peer_connection::PeerConnection;
pub use report::Report;
pub use tls::{InvalidPem, TlsRoots};
