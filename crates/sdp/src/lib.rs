//! SDP: the text of a session, losslessly, and the WebRTC description that it says.
//!
//! Two layers, each of use alone:
//!
//! - [`Session`] is the text (RFC 8866): every line with its own ending, in order, known or not, borrowed from the input.
//!   What was parsed is written back byte for byte.
//! - [`webrtc::Description`] is what an endpoint needs to know (RFC 9429): m-lines, BUNDLE, ICE, DTLS fingerprints, SCTP,
//!   candidates. It is read from a session and written as text; what it has no field for it keeps by name and in order.
//!
//! It leaves out the state machine of offer and answer (`ieum-peer`), and the grammar of a candidate (`ieum-candidate`).
//! Editing a parsed session, warnings with a strict mode, and typed codecs are not there yet.
//!
//! # Contracts
//!
//! - `no_std` with `alloc`, no `unsafe`, no I/O.
//! - No input panics. Time and memory are linear in the input, and [`Limits`] bound the length of a line and how many lines,
//!   m-lines and candidates there may be.
//! - An error says line, column and what was expected; it holds no text of the peer.
//! - What a description writes, it reads back to an equal description, whichever peer's description it was.
//!
//! # Example
//!
//! ```
//! use ieum_sdp::{Session, webrtc::{Description, MediaKind, Setup}};
//!
//! let offer = "v=0\r\no=- 20518 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n\
//!     m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
//!     a=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\n\
//!     a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n\
//!     a=setup:actpass\r\na=sctp-port:5000\r\na=x-ours:kept\r\n";
//!
//! // The text.
//! let session = Session::parse(offer)?;
//! let section = session.media().next().unwrap();
//! assert_eq!((section.kind(), section.port()), ("application", 9));
//! assert_eq!(section.attribute("x-ours").unwrap().value(), Some("kept"));
//! assert_eq!(session.to_string(), offer);
//!
//! // What it says.
//! let description = Description::from_session(&session)?;
//! assert!(description.trickles());
//! let data = &description.media[0];
//! assert_eq!(data.kind, MediaKind::Application);
//! assert_eq!(data.setup, Some(Setup::ActPass));
//! assert_eq!(data.ice.as_ref().unwrap().ufrag, "ETEn");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![no_std]

extern crate alloc;

mod builder;
mod content;
mod edit;
mod error;
mod grammar;
mod inspect;
mod limits;
mod line;
mod payload_types;
mod scan;
mod section;
mod session;
mod warnings;
pub mod webrtc;

pub use builder::Builder;
pub use content::{Bandwidth, Connection, Content, MediaLine, Origin, Repeat, Timing};
pub use edit::{EditError, SectionMut};
pub use error::{Expected, ParseError, Position, Warning};
pub use ieum_candidate::{Candidate, CandidateLine};
pub use inspect::{Inspection, Said};
pub use limits::Limits;
pub use line::{Attribute, Line};
pub use section::Section;
pub use session::Session;

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
