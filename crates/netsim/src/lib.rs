//! A virtual network with a virtual clock, for tests.
//!
//! It owns the clock, the packets on their way, [`Link`]s (delay and loss) and [`Wire`]s (jitter, reordering,
//! duplication and MTU besides), [`Nat`]s (RFC 4787: mapping, filtering, hairpinning, time-outs, port preservation, one
//! behind another) and [`Firewall`]s. Nodes may have several interfaces, each in a network of its own, and interfaces
//! come and go. It knows nothing of any protocol: what is plugged in is a [`Node`], which has the face that all our
//! machines have. The same seed gives the same run.
//!
//! Streams are reliable and ordered, as TCP has them ([`StreamAction`], [`StreamEvent`]).
//!
//! Left out: bandwidth and queues; what is inside TCP; ICMP, so that what is dropped is dropped in silence.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use ieum_netsim::{Link, Network, Node, Packet};
//!
//! /// Sends back what it gets.
//! struct Echo { address: std::net::SocketAddr, out: Vec<Packet> }
//!
//! impl Node for Echo {
//!     fn owns(&self, address: std::net::SocketAddr) -> bool { address == self.address }
//!     fn handle_packet(&mut self, _now: Instant, packet: &Packet) {
//!         self.out.push(Packet { from: packet.to, to: packet.from, payload: packet.payload.clone() });
//!     }
//!     fn handle_timeout(&mut self, _now: Instant) {}
//!     fn poll_packet(&mut self, _now: Instant) -> Option<Packet> { self.out.pop() }
//!     fn poll_timeout(&self) -> Option<Instant> { None }
//! }
//!
//! let mut network = Network::new(1, Link { delay: Duration::from_millis(10), loss: 0.0 });
//! let [a, b] = ["10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap()];
//! network.add(Echo { address: a, out: vec![Packet { from: a, to: b, payload: vec![1] }] });
//! network.add(Echo { address: b, out: Vec::new() });
//!
//! network.run_for(Duration::from_millis(45));
//! assert_eq!(network.statistics().delivered, 4);
//! ```

mod firewall;
mod link;
mod nat;
mod network;
mod node;
mod routes;
mod streams;

pub use firewall::Firewall;
pub use link::{Link, Wire};
pub use nat::{Nat, Variation};
pub use network::{NatId, Network, NodeId, Statistics};
pub use node::{Node, Packet};
pub use streams::{StreamAction, StreamEvent, StreamId};
