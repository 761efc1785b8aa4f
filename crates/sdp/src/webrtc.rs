//! What a session says to a WebRTC endpoint: RFC 9429, with RFC 8839 (ICE), RFC 8842 (DTLS), RFC 8841 (SCTP), RFC 9143 (BUNDLE).
//!
//! A [`Description`] owns its text. Reading one resolves what is inherited (ICE credentials, fingerprints, setup and direction may
//! stand at session level) into each m-line, and keeps attributes without a field of their own in `other`, in order.
//! Writing one gives CRLF text in one canonical order.
//!
//! Left out: `b=`, `i=`, `k=`, `r=` and `z=` lines and the count of ports are not kept (the session has them), and codecs,
//! header extensions and simulcast stay text in `other`.
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

mod description;
mod error;
mod fingerprint;
mod media;
mod read;
mod write;

pub use description::{Attributes, Description, Origin};
pub use error::DescriptionError;
pub use fingerprint::{Fingerprint, HashFunction};
pub use media::{Credentials, Direction, Media, MediaKind, Setup};
