//! ICE candidates as they are written in SDP and sent over signaling.
//!
//! This crate owns the `candidate` attribute and what can be said about one candidate alone:
//!
//! - its grammar ([`CandidateLine`], a view that borrows the line; [`Candidate`], a value), RFC 8839 §5.1, with the
//!   `tcptype` of RFC 6544 §4.5 and the `.local` names of browsers;
//! - its [`priority`] (RFC 8445 §5.1.2.1, RFC 6544 §4.2), the [preferences](local_preferences) of a host's addresses
//!   (RFC 8421 §4) and its [`foundation`] (RFC 8445 §5.1.1.3), and when it is
//!   [redundant](Candidate::is_redundant_to) (RFC 8445 §5.1.3);
//! - the [`Scope`] of an address, whether it may be a candidate ([`usable`], RFC 8445 §5.1.1.1), and which candidates
//!   can be [paired at all](possible) (RFC 8445 §6.1.2.2, RFC 6544 §6.2).
//!
//! It leaves out pairs, check lists and everything that needs time (`ieum-pairing`, `ieum-ice`), and it resolves no names.
//!
//! # Contracts
//!
//! - `no_std` with `alloc`, no `unsafe`, no I/O. Parsing a line with an IP address allocates nothing.
//! - No input panics, and none takes more than linear time; a line over [`MAX_LINE_LEN`] bytes is refused.
//! - An error says the byte offset in the line and what was expected there.
//! - What [`Candidate`]'s `Display` writes parses back to an equal value, if every text in it is one that the grammar
//!   allows (which holds for all that was parsed or made by the constructors).
//!
//! # Example
//!
//! ```
//! use ieum_candidate::{Address, Candidate, CandidateLine, Kind, Transport};
//!
//! let line = "candidate:1467250027 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.2 rport 46154 ufrag EsAw";
//! let view = CandidateLine::parse(line)?;
//! assert_eq!(view.kind(), Kind::ServerReflexive);
//! assert_eq!(view.address(), Address::Ip("203.0.113.7".parse().unwrap()));
//! assert_eq!(view.ufrag(), Some("EsAw"));
//! assert_eq!(view.to_owned().to_string(), line);
//!
//! // A candidate of our own: type, priority and foundation are set by the constructor.
//! let host = Candidate::host("10.0.0.2:5000".parse().unwrap(), Transport::Udp, 1, 65535);
//! assert_eq!(host.priority, 2130706431);
//!
//! // What is wrong, and where.
//! let error = CandidateLine::parse("candidate:1 1 udp 99 10.0.0.2 70000 typ host").unwrap_err();
//! assert_eq!(error.to_string(), "at byte 30: expected a port (0 to 65535)");
//! # Ok::<(), ieum_candidate::ParseError>(())
//! ```

#![no_std]

extern crate alloc;

mod address;
mod common;
mod error;
mod foundation;
mod grammar;
mod kind;
mod line;
mod owned;
mod possible;
mod preference;
mod priority;
mod scope;
mod transport;
mod usable;

pub use address::{Address, OwnedAddress};
pub use error::{Expected, ParseError};
pub use foundation::foundation;
pub use kind::Kind;
pub use line::{CandidateLine, Extensions, MAX_LINE_LEN};
pub use owned::Candidate;
pub use possible::{Obstacle, can_pair, possible};
pub use preference::{local_preference, local_preferences};
pub use priority::priority;
pub use scope::{Scope, scope};
pub use transport::{TcpType, Transport};
pub use usable::{Allowance, Unusable, usable};

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
