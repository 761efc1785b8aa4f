//! An ICE agent without I/O: it finds a way between two peers, and keeps it (RFC 8445, 8838, 7675).
//!
//! # What it owns
//!
//! An [`Agent`] gathers host, server reflexive and relayed candidates, over UDP and TCP (RFC 6544); tells them as they are, under an external
//! address ([`AddressMapping`]) or under a name; forms and checks pairs as candidates trickle in on either side; learns
//! peer reflexive ones; nominates a pair or lets the peer do it; repairs role conflicts; keeps and checks consent; tries
//! the others when the selected pair dies; restarts, at once or when the offer of it is answered
//! ([`Agent::prepare_restart`]); remembers of each pair what was tried and what came of it ([`Agent::report`]). It can be the lite side. One agent is one component: everything is bundled on it and RTCP is
//! multiplexed.
//!
//! # What it leaves out
//!
//! Sockets, interfaces and which of them to use, port ranges, name resolution (it asks by events, and a peer whose name
//! is not resolved is found by its own checks), signaling; opening, reading and writing connections (it asks for them);
//! TCP candidates of simultaneous open and reflexive ones; DTLS to servers; two lite sides; several components.
//!
//! What both sides should signal besides credentials and candidates is [`Options`]: without it, checks are 50 ms apart,
//! and what is found after a nomination is not used before a restart.
//!
//! # Contracts
//!
//! - **Clock and seed.** Time is the first argument of what needs it and must not run backwards. All randomness comes
//!   from [`Config::seed`]: the same inputs give the same outputs. Draw the seed from the operating system.
//! - **After every input, poll**: [`poll_transmit`](Agent::poll_transmit) until `None`, [`poll_event`](Agent::poll_event)
//!   until `None`, then sleep until [`poll_timeout`](Agent::poll_timeout), which is `None` when there is nothing to wait
//!   for: a new, failed or closed agent without relays costs nothing.
//! - **The caller's buffer.** `poll_transmit` appends one message to the buffer that it is given; [`Transmit::len`] says how much, and
//!   [`Transmit::five_tuple`] from where to where. Clear the buffer (or not) and pass it again.
//! - **The agent owns its TURN clients.** Above it nobody knows of relays: their servers' datagrams come in through
//!   [`handle_datagram`](Agent::handle_datagram) like all others. Where a server sends us to another one, it is followed. A
//!   relayed address that is lost in mid-call (the server has started anew, the connection to it broke) is an
//!   [`Event::CandidateError`]; all other pairs are tried at once, and another address is asked for, which is an
//!   [`Event::Candidate`] to be signaled like any other.
//! - **Unwrapped before it is demultiplexed.** What came through a relay is unwrapped first, then STUN is kept, and what
//!   is left, [`Incoming::Application`], is to be told apart by its first byte (RFC 7983).
//! - **Application data** goes out through [`send`](Agent::send), in place: leave [`headroom`](Agent::headroom) bytes
//!   free before each datagram. The headroom changes with the selected pair: ask before every batch. Data can be sent as soon as a pair is valid,
//!   before one is nominated (RFC 8445 §12.1), and is taken from whoever has proven to know a password (§12.2).
//! - **Nothing from the network is an error.** What is of no use is ignored for a [`Reason`], and counted:
//!   [`Counters::ignored`]. Nothing in a check is believed, and nothing is remembered of it, before its integrity. A sender who does not know the password
//!   gets no answer. Everything that a peer can make us keep is bounded by [`Limits`].
//!
//! # TCP and TLS
//!
//! Where UDP is blocked, TCP may get through: between the peers, if one of them is reached at a listening socket
//! ([`Agent::gather_on`] with [`Base`]s), and to TURN servers ([`Server::transport`]). One mechanism serves both:
//!
//! - The agent asks for connections by [`poll_stream`](Agent::poll_stream): [`StreamRequest::Open`] and
//!   [`StreamRequest::Close`]. It is told what came of it: [`stream_opened`](Agent::stream_opened),
//!   [`stream_failed`](Agent::stream_failed), later perhaps [`stream_closed`](Agent::stream_closed). What a listening socket
//!   accepts is told by [`stream_accepted`](Agent::stream_accepted).
//! - Messages on a connection go in and out as datagrams do, with its five-tuple. What goes before each of them on the
//!   stream is up to whoever owns the socket, by the [`framing`] that the request names; what was accepted has
//!   [`Framing::Rfc4571`](framing::Framing::Rfc4571). Where the other end reads too slowly, drop messages: they are datagrams.
//! - A pair of TCP candidates is checked by the side that connects, the active one (RFC 6544 §6.2): a connection is opened when
//!   its first check is due, and a check is sent once ([`Timing::tcp_timeout`]). The other side learns the pair from that check.
//! - UDP is preferred: by priority (RFC 6544 §4.2), and because a TCP pair waits for [`Timing::relay_grace`] before it is nominated.
//! - Who has connected must soon send a check with the right password, or is sent away; there are at most
//!   [`Limits::accepted_streams`] at a time.
//! - When the connection of the selected pair is closed, the agent is [`State::Disconnected`] at once; it connects again
//!   where it is the one that connects, and tries all other pairs as it does after a silence.
//!
//! ```
//! use std::time::Instant;
//! use ieum_ice::{Agent, Base, Config, Event, FiveTuple, Role, StreamRequest, Transport};
//!
//! let now = Instant::now();
//! let mut agents = [
//!     Agent::new(Config::new(Role::Controlling, [1; 32])),
//!     Agent::new(Config::new(Role::Controlled, [2; 32])),
//! ];
//! let bases = [Base::TcpActive("127.0.0.1".parse()?), Base::TcpPassive("127.0.0.1:6000".parse()?)];
//! for side in [0, 1] {
//!     agents[side].gather_on(now, &bases[side..=side], &[]);
//!     let credentials = agents[side].local_credentials().clone();
//!     agents[1 - side].set_remote_credentials(now, credentials);
//!     while let Some(event) = agents[side].poll_event() {
//!         if let Event::Candidate(candidate) = event {
//!             agents[1 - side].add_remote_candidate(now, candidate);
//!         }
//!     }
//! }
//!
//! // The active side asks for a connection, which the passive side accepts.
//! let [active, passive] = &mut agents;
//! let Some(StreamRequest::Open(open)) = active.poll_stream() else { panic!("a connection is due") };
//! let ephemeral = "127.0.0.1:40000".parse()?;
//! assert!(passive.stream_accepted(now, open.remote, ephemeral).is_some());
//! active.stream_opened(now, open.id, ephemeral);
//!
//! // Messages cross it, both ways.
//! let mut buf = Vec::new();
//! while let Some(side) = [0, 1].into_iter().find(|side| agents[*side].headroom().is_none()) {
//!     for side in [side, 1 - side] {
//!         while let Some(transmit) = agents[side].poll_transmit(now, &mut buf) {
//!             let FiveTuple { local, remote, .. } = transmit.five_tuple;
//!             let from = FiveTuple { transport: Transport::Tcp, local: remote, remote: local };
//!             agents[1 - side].handle_datagram(now, from, &buf);
//!             buf.clear();
//!         }
//!     }
//! }
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! # How fast
//!
//! The first check leaves at once, and so does one that the peer's check triggers; others follow [`Timing::ta`] apart.
//! With both descriptions exchanged the agent is connected one round trip later. The controlling side nominates a
//! direct pair at once if no better one is still being tried, else after [`Timing::direct_grace`]; a pair over TCP, or over
//! a relay of either side, gets [`Timing::relay_grace`], so that neither is chosen where a direct one over UDP works. Its
//! consent checks say again which pair is nominated, for a peer that has gone on over another one while that was silent.
//!
//! # An event loop
//!
//! One socket, no threads, no async; it connects to another copy of itself (`examples/event_loop.rs`):
//!
//! ```no_run
#![doc = include_str!("../examples/event_loop.rs")]
//! ```
//!
//! # Example
//!
//! Two agents in one process, connected by a loop that carries their datagrams:
//!
//! ```
//! use std::time::Instant;
//! use ieum_ice::{Agent, Config, Event, FiveTuple, Incoming, Role};
//!
//! let now = Instant::now();
//! let bases = ["127.0.0.1:5000".parse()?, "127.0.0.1:6000".parse()?];
//! let mut agents = [
//!     Agent::new(Config::new(Role::Controlling, [1; 32])),
//!     Agent::new(Config::new(Role::Controlled, [2; 32])),
//! ];
//! for side in [0, 1] {
//!     agents[side].gather(now, &bases[side..=side], &[]);
//!     // Signaling: the credentials in the description, the candidates one by one.
//!     let credentials = agents[side].local_credentials().clone();
//!     agents[1 - side].set_remote_credentials(now, credentials);
//!     while let Some(event) = agents[side].poll_event() {
//!         if let Event::Candidate(candidate) = event {
//!             agents[1 - side].add_remote_candidate(now, candidate);
//!         }
//!     }
//! }
//!
//! let mut buf = Vec::new();
//! while let Some(side) = [0, 1].into_iter().find(|side| agents[*side].headroom().is_none()) {
//!     for side in [side, 1 - side] {
//!         while let Some(transmit) = agents[side].poll_transmit(now, &mut buf) {
//!             let way = transmit.five_tuple;
//!             let from = FiveTuple::udp(way.remote, way.local);
//!             assert_eq!(agents[1 - side].handle_datagram(now, from, &buf), Incoming::Handled);
//!             buf.clear();
//!         }
//!     }
//! }
//!
//! // Connected. Application data, over the selected pair:
//! let mut datagram = b"\x80 hello".to_vec();
//! let transmit = agents[0].send(&mut datagram, None).expect("a pair");
//! let from = FiveTuple::udp(transmit.five_tuple.remote, transmit.five_tuple.local);
//! assert_eq!(agents[1].handle_datagram(now, from, &datagram), Incoming::Application(b"\x80 hello"));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

mod agent;
mod answering;
mod base;
mod candidates;
mod checks;
mod config;
mod consent;
mod counters;
mod credentials;
mod disguise;
mod event;
pub mod framing;
mod gathering;
mod history;
mod incoming;
mod nomination;
mod options;
mod outbox;
mod random;
mod relays;
mod report;
mod server;
mod streams;
mod timers;

pub use agent::Agent;
pub use answering::Proof;
pub use base::Base;
pub use config::{Config, Limits, Timing, TransportPolicy};
pub use counters::Counters;
pub use credentials::Credentials;
pub use disguise::{AddressMapping, MappingMode};
pub use event::{CandidateError, Event, GatheringState, SelectedPair, State};
pub use history::PruneReason;
pub use ieum_candidate::{Candidate, Kind};
pub use ieum_pairing::{PairState, Role};
pub use ieum_stun::{FiveTuple, Transmit, Transport};
pub use incoming::{Incoming, Reason};
pub use options::Options;
pub use report::{DataCounts, PairError, PairReport, PrunedPair, Report, Standing};
pub use server::{Server, ServerKind};
pub use streams::{OpenStream, StreamError, StreamId, StreamRequest};
