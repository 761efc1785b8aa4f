//! TURN client and server without I/O (RFC 8656).
mod channel_data;
pub mod client;
pub mod credentials;
pub mod server;

pub use channel_data::HEADROOM;
pub use ieum_stun::{FiveTuple, Transmit, Transport};
