//! What a session says to a WebRTC endpoint: RFC 9429, with RFC 8839 (ICE), RFC 8842 (DTLS), RFC 8841 (SCTP), RFC 9143 (BUNDLE),
//! RFC 8851 and 8853 (simulcast), RFC 8285 (header extensions), RFC 8830 (msid), RFC 5576 (sources).
//!
//! A [`Description`] borrows its texts from what was read, where it was read, and owns those that were set in code;
//! [`into_owned`](Description::into_owned) makes one that lives by itself, a `Description<'static>`. Reading one resolves
//! what is inherited (ICE credentials, fingerprints, setup and direction may stand at session level) into each m-line,
//! gathers what is said of each payload type into a [`Codec`], and keeps attributes without a field of their own in
//! `other`, in order. Writing one gives CRLF text in one canonical order.
//!
//! Left out: `s=`, `i=`, `t=`, `r=`, `z=` and `k=` lines and the count of ports are not kept (the session has them).
//!
//! ```
//! use ieum_sdp::webrtc::{Credentials, Description, Media, Origin, Setup};
//!
//! let mut offer = Description::new(Origin::new(4611731400430051336, 1));
//! offer.bundle.push("0".into());
//! offer.ice_options.push("trickle".into());
//! let mut data = Media::data_channel("0", 262144);
//! data.ice = Some(Credentials { ufrag: "8hhY".into(), pwd: "asd88fgpdd777uzjYhagZg".into() });
//! data.setup = Some(Setup::ActPass);
//! offer.media.push(data);
//!
//! let text = offer.to_string();
//! assert!(text.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
//! assert_eq!(Description::parse(&text)?, offer);
//! # Ok::<(), ieum_sdp::webrtc::DescriptionError>(())
//! ```

mod candidate;
mod codec;
mod description;
mod error;
mod fingerprint;
mod media;
mod owned;
mod read;
mod simulcast;
mod source;
mod write;

use alloc::borrow::Cow;

pub use candidate::MediaCandidate;
pub use codec::{Codec, Extmap, RtpMap};
pub use description::{Attributes, Bandwidth, Description, Group, Origin};
pub use error::DescriptionError;
pub use fingerprint::{Fingerprint, HashFunction};
pub use media::{Credentials, Direction, Media, MediaKind, Setup};
pub use simulcast::{Alternative, Rid, Simulcast, StreamDirection};
pub use source::{Msid, Ssrc, SsrcGroup};

/// A text of a description: borrowed from what was read, or set in code.
pub type Text<'a> = Cow<'a, str>;
