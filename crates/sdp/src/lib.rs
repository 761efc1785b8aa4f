//! SDP: the text of a session, losslessly, and the WebRTC description that it says.
//!
//! Two layers, each of use alone:
//!
//! - [`Session`] is the text (RFC 8866): every line with its own ending, in order, known or not, borrowed from the input.
//!   What was parsed is written back byte for byte; it can be [changed](Session::media_mut) without re-writing the rest; what
//!   RFC 8866 does not allow is listed by [`warnings`](Session::warnings) and refused by the
//!   [strict reader](Session::parse_strict). [`Line::content`] says what a line of any type says, and [`Builder`] makes a
//!   session in code.
//! - [`webrtc::Description`] is what an endpoint needs to know (RFC 9429): m-lines, BUNDLE, ICE, DTLS fingerprints, SCTP,
//!   candidates, codecs, header extensions, simulcast. It is read from a text or a session and written as text; what it has no
//!   field for it keeps by name and in order.
//!
//! [`Inspection`] puts both together into what a person wants to see.
//!
//! It leaves out the state machine of offer and answer (`ieum-peer`), and the grammar of a candidate (`ieum-candidate`).
//!
//! # Contracts
//!
//! - `no_std` with `alloc`, no `unsafe`, no I/O.
//! - No input panics. Time and memory are linear in the input, and [`Limits`] bound the length of a line and how many lines,
//!   m-lines and candidates there may be. Reading a session allocates at most twice, whatever its length.
//! - An error says line, column and what was expected; it holds no text of the peer.
//! - What a description writes, it reads back to an equal description, whichever peer's description it was.
//!
//! # Example
//!
//! Read an offer, list its codecs and candidates, drop a codec, write it:
//!
//! ```
//! use ieum_sdp::{Session, webrtc::Description};
//!
//! # let offer = include_str!("../tests/samples/browsers/chromium-156-audio-video-data-offer.sdp");
//! let mut session = Session::parse(offer)?;
//!
//! let description = Description::from_session(&session)?;
//! for media in &description.media {
//!     println!("{} {}", media.kind, media.mid.as_deref().unwrap_or("-"));
//!     for codec in &media.codecs {
//!         println!("  {} {} {:?}", codec.payload_type, codec.name().unwrap_or("?"), codec.parameter("profile-level-id"));
//!     }
//!     for candidate in &media.candidates {
//!         println!("  {} {:?}", candidate.kind(), candidate.socket_addr());
//!     }
//! }
//!
//! // VP8 and the rtx that repairs it. All other lines stay as they are, byte for byte.
//! let removed = session.media_mut(1).unwrap().remove_codec("VP8")?;
//! assert_eq!(removed, 2);
//! let text = session.to_string();
//! assert!(text.contains("m=video 41157 UDP/TLS/RTP/SAVPF 102 103 "));
//! assert!(!text.contains("VP8"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! What peers get away with, and where:
//!
//! ```
//! use ieum_sdp::Session;
//!
//! let text = "v=0\r\no=- 1 1  IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nf=invalid:yes\r\n";
//! let warnings: Vec<String> = Session::parse(text)?.warnings().map(|it| it.to_string()).collect();
//! assert_eq!(warnings, ["line 2, column 9: expected a token", "line 5, column 1: expected a line type of RFC 8866"]);
//! assert_eq!(Session::parse_strict(text).unwrap_err().line, 2);
//! # Ok::<(), ieum_sdp::ParseError>(())
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
