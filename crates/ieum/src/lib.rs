//! WebRTC connections in Rust: signaling and peer joined, and the libraries under them.
//!
//! An [`Endpoint`] is one peer id, registered with a signaling server. It [calls](Endpoint::call) other peers and
//! [accepts](Endpoint::accept) their calls; a [`Call`] is one connection, with its data channels and the record of how it
//! came about. [`ice_servers`] asks an `ieum` server for its STUN and TURN servers.
//!
//! What this crate leaves out: the protocols themselves. Each is a crate of its own, named here for those who want
//! only that: [`candidate`], [`sdp`], [`stun`], [`turn`], [`ice`], [`signaling`], [`peer`], [`internals`].
//!
//! # Contracts
//! - One task per endpoint owns the signaling channel, one per call owns its negotiation: no state is shared under a
//!   lock. Everything ends when its handle is dropped.
//! - Queues are bounded: candidates ahead of their description (64 per peer, see [`call`]), calls not accepted yet, calls at
//!   once. What exceeds a bound is refused and logged.
//! - Candidates trickle both ways; a peer that puts them all into its description works too, and
//!   [`Options::trickle`] makes this side such a peer.
//! - A connected call outlives signaling.
//!
//! # Example
//!
//! Call the echo peer of a running `ieum up`:
//!
//! ```no_run
//! use ieum::peer::{Configuration, Message};
//! use ieum::{Endpoint, Options};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:3030";
//! let servers = ieum::ice_servers(url, None).await?;
//!
//! let mut options = Options::new(url, "me");
//! options.configuration = Box::new(move || Configuration {
//!     ice_servers: servers.clone(),
//!     ..Configuration::default()
//! });
//! let endpoint = Endpoint::connect(options).await?;
//!
//! let mut call = endpoint.call("ieum").await?;
//! let mut channel = call.channel().await.ok_or("the call ended")?;
//! channel.opened().await?;
//! channel.send_text("hello").await?;
//! assert_eq!(channel.recv().await, Some(Message::from("hello")));
//! println!("{}", call.recording().timeline());
//!
//! call.close().await;
//! endpoint.close().await;
//! # Ok(())
//! # }
//! ```

pub mod call;
mod ice_servers;

pub use call::{Call, CallError, Ended, Endpoint, Error, Options};
pub use ice_servers::{IceServersError, ice_servers, ice_servers_trusting};
#[doc(no_inline)]
pub use {
    ieum_candidate as candidate, ieum_ice as ice, ieum_internals as internals, ieum_peer as peer,
    ieum_sdp as sdp, ieum_signaling as signaling, ieum_stun as stun, ieum_turn as turn,
};
