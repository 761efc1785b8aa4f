//! TURN, both sides, without I/O (RFC 8656): relayed addresses for peers that cannot reach each other.
//!
//! # What it owns
//!
//! - [`client::Client`]: one allocation on one server, kept alive by itself, with a channel for each peer: of either
//!   address family or both, over UDP, TCP, TLS or DTLS, on its way from base to base (RFC 8016) and from server to
//!   server (ALTERNATE-SERVER).
//! - [`server::Server`]: allocations, permissions, channels, quotas, bandwidth, and which peers may be relayed to; it
//!   answers STUN Binding requests too, with NAT behaviour discovery (RFC 5780) and for clients of RFC 3489; it relays
//!   TCP (RFC 6062), lets clients move (RFC 8016), drains, and takes another configuration while it runs.
//! - [`server::Registry`]: what several servers that share the load have to count together.
//! - [`credentials`]: short-lived ones from a shared secret.
//!
//! # What it leaves out
//!
//! Sockets, clocks, randomness (both take a seed), and the framing of TCP and TLS, which `ieum-stun` has; third-party
//! authorization (RFC 7635); the client's side of TCP relays. What else each side has not got stands on its module's
//! page.
//!
//! # Contracts
//!
//! - Both machines have the same face: `handle_*` takes what came in; `poll_transmit`, `poll_event` and `poll_timeout`
//!   give what goes out. After every input, poll all three until they give nothing.
//! - `now` comes first and never goes backwards.
//! - What arrives can neither panic nor make anything grow past its limit. What is ignored is counted by reason.
//! - The data path does not allocate: a client unwraps by borrowing and wraps in place ([`HEADROOM`] bytes), a server
//!   gives a [`server::Forward`] that borrows what came in.
//!
//! # Example: an allocation and a datagram through it, in memory
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Instant;
//! use ieum_turn::{FiveTuple, HEADROOM, client, credentials, server};
//!
//! let now = Instant::now();
//! let unix_time = 1_800_000_000;
//! let address = |text: &str| text.parse::<SocketAddr>().unwrap();
//! let (base, listener) = (address("198.51.100.1:5000"), address("203.0.113.1:3478"));
//! let (relayed, peer) = (address("203.0.113.1:50000"), address("192.0.2.7:6000"));
//!
//! let config = server::Config::new("example.org", b"the secret", unix_time, [1; 32]);
//! let mut server = server::Server::new(now, config);
//!
//! let issued = credentials::issue(b"the secret", "alice", unix_time + 3600);
//! let way = FiveTuple::udp(base, listener);
//! let config = client::Config::new(way, &issued.username, &issued.password, [2; 32]);
//! let mut client = client::Client::new(now, config);
//! client.bind_channel(now, peer);
//!
//! // Every datagram between the two, until there is none.
//! let mut buffer = Vec::new();
//! while let Some(transmit) = client.poll_transmit(now, &mut buffer) {
//!     assert_eq!(transmit.five_tuple.remote, listener);
//!     server.handle_datagram(now, FiveTuple::udp(listener, base), &buffer);
//!     buffer.clear();
//!     while let Some(event) = server.poll_event() {
//!         if let server::Event::OpenRelay { id, .. } = event {
//!             // Here a driver binds a socket.
//!             server.relay_opened(now, id, Ok(relayed));
//!         }
//!     }
//!     while let Some(_) = server.poll_transmit(now, &mut buffer) {
//!         client.handle_datagram(now, &buffer);
//!         buffer.clear();
//!     }
//! }
//! assert_eq!(client.poll_event(), Some(client::Event::Allocated { relayed, reflexive: base }));
//! assert_eq!(client.poll_event(), Some(client::Event::ChannelBound { peer }));
//!
//! // To the peer: the header is written into the room before the payload.
//! let mut datagram = [&[0; HEADROOM], &b"hello"[..]].concat();
//! assert!(client.wrap(peer, &mut datagram));
//! let forward = server.handle_datagram(now, FiveTuple::udp(listener, base), &datagram).unwrap();
//! assert_eq!((forward.five_tuple.local, forward.five_tuple.remote), (relayed, peer));
//! assert_eq!((forward.header(), forward.payload), (&[][..], &b"hello"[..]));
//! # let server::Side::Relay(id) = forward.from else { panic!() };
//!
//! // And from it.
//! let forward = server.handle_relayed(now, id, peer, b"hi").unwrap();
//! let mut datagram = Vec::new();
//! forward.write_to(&mut datagram);
//! let received = client.handle_datagram(now, &datagram);
//! assert_eq!(received, client::Received::Data { peer, payload: b"hi" });
//! ```

mod channel_data;
pub mod client;
pub mod credentials;
pub mod server;

pub use channel_data::HEADROOM;
pub use ieum_stun::{FiveTuple, Transmit, Transport};
