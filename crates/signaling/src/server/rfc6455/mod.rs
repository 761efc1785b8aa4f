//! WebSocket (RFC 6455), the server's side, for the two carriers that speak it.
//!
//! Our own, because of what a connection costs that says nothing: the libraries keep a buffer for each direction of each of them.
//! Here bytes are read into a buffer of the thread, and one connection keeps one only while a message of it is half read or half
//! written. Beside `tokio-tungstenite` 0.30 with a read buffer of 1 KiB and none for writing, which relays 1.5 kB and knows nothing of
//! sessions: that one takes 6.1 kB for an idle client (9.1 kB with 4 KiB), and relays 95,000 messages per CPU-second, on a loaded 2-core
//! machine; the whole of our server takes 3.4 kB, and relays 98,000 there. No extensions (section 9): messages of signaling are short.

pub(super) mod frame;
mod handshake;
mod stream;

pub(super) use frame::{Heard, Violation};
pub(super) use handshake::{Upgrade, upgrade};
pub(super) use stream::Stream;
