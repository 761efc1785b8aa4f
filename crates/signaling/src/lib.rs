//! WebRTC signaling: the server, the client, and what peers say through them.
//!
//! Two peers that want to connect must first exchange session descriptions and candidates. Each registers an id with
//! the server, and then speaks to the other by that id, or to everybody.
//!
//! - [`server`] (feature `server`): an axum router that stands in for the common Node.js signaling server, whose clients
//!   (`socket.io-client`, `python-socketio`) work unchanged, with rooms, resumption, signed tokens and several nodes.
//! - [`client`] (feature `client`): a registered peer, over Socket.IO, WebSocket, HTTP or MQTT; broken connections are resumed.
//! - Feature `bridge`: the server joins an MQTT broker, whose peers and its own then reach each other.
//! - [`protocol`]: the frames of the WebSocket and HTTP carriers, the names of errors, the MQTT topics.
//! - [`Signal`]: what is said, and how it looks as JSON. Descriptions and candidates are text here.
//!
//! The protocol is in this crate's README and on the front page of [`protocol`]. The crate relies on nothing else of the project, and knows nothing of WebRTC.
//!
#![cfg_attr(all(feature = "client", feature = "server"), doc = "```")]
#![cfg_attr(not(all(feature = "client", feature = "server")), doc = "```ignore")]
//! use ieum_signaling::client::{Channel, Event, Options};
//! use ieum_signaling::server::{Config, router};
//! use ieum_signaling::Signal;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (router, handle) = router(Config { token: Some("secret".into()), ..Config::default() });
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("http://{}", listener.local_addr()?);
//! tokio::spawn(axum::serve(listener, router).into_future());
//!
//! let with_token = |id: &str| Options { token: Some("secret".into()), ..Options::new(&url, id) };
//! let mut alice = Channel::connect(with_token("alice")).await?;
//! let bob = Channel::connect(with_token("bob")).await?;
//! assert_eq!(bob.peers()[0].peer_id, "alice");
//!
//! bob.send("alice", Signal::offer("v=0...")).await?;
//! while let Some(event) = alice.next().await {
//!     match event {
//!         Event::Message(said) if matches!(said.signal, Signal::Description { .. }) => {
//!             assert_eq!(said.from, "bob");
//!             break;
//!         }
//!         Event::Message(said) => println!("{} came or went: {:?}", said.from, said.signal),
//!         other => panic!("{other:?}"),
//!     }
//! }
//! alice.close().await;
//! bob.close().await;
//! handle.shutdown().await;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "client")]
pub mod client;
pub mod protocol;
#[cfg(any(feature = "client", feature = "server"))]
mod reader;
#[cfg(feature = "server")]
pub mod server;
mod signal;

pub use signal::{Connection, DescriptionKind, Incoming, Signal};
