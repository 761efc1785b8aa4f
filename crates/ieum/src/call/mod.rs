//! Calls: a signaling channel and peer connections, joined.
//!
//! Follows perfect negotiation (WebRTC 1.0 §10.7) and trickle ICE (RFC 8838):
//!
//! - Candidates that come ahead of their description are held, 64 for each peer; further ones are dropped and counted,
//!   so the first stay: a peer sends its best ones first, and a flood pushes nothing useful out.
//! - When both sides offer at once, the polite one takes its offer back. Who is polite, signaling says (`bePolite`); where it
//!   did not, the smaller id is.
//! - An offer for a call that exists is a renegotiation, if it keeps the session id of its `o=` line (RFC 9429 §5.2.2)
//!   or its ICE user name fragment. With neither it comes from a new connection of that peer, a reloaded page for example: the
//!   old call ends and a new one begins.
//! - A peer that leaves signaling ends a call that is not connected yet. One whose checks are under way has two
//!   seconds to connect, because the other side may be connected already and need signaling no more.
//!
//! - Connected calls need no signaling: an endpoint may [leave](Endpoint::leave) it, and they go on. When one of them has a
//!   description to send (an ICE restart) or its connection is disturbed (the peer may restart), the endpoint joins again by
//!   itself; an offer that found its peer away is sent once more when the peer is back.
//!
//! Signaling goes over any carrier of [`ieum_signaling::client`], which takes a broken connection up again by itself; calls do not
//! notice. It leaves out: ICE restarts of its own accord. A call whose connection has failed ends.

mod endpoint;
mod handle;
mod held;
mod identity;
mod line;
mod options;
mod router;
mod session;
mod voice;

pub use endpoint::{CallError, Endpoint, Error};
pub use handle::{Call, Ended};
pub use options::{MakeConfiguration, Options};
