//! WebSocket (RFC 6455), the server's side, for the two carriers that speak it.
//!
//! Our own, because of what a connection costs that says nothing: the libraries keep a buffer for each direction of each of them.
//! Here bytes are read into a buffer of the thread, and one connection keeps one only while a message of it is half read or half
//! written. No extensions (section 9): messages of signaling are short.

pub(super) mod frame;
mod handshake;
mod stream;

pub(super) use frame::{Heard, Violation};
pub(super) use handshake::{Upgrade, upgrade};
pub(super) use stream::Stream;
