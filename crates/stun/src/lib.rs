//! STUN messages (RFC 8489): a borrowed view, a builder into your buffer, integrity, fingerprint, retransmission.
//!
//! # What it owns
//!
//! - [`Message`]: a checked, zero-copy view of one datagram. Typed getters for the attributes of STUN, TURN
//!   (RFC 8656) and ICE (RFC 8445). Nothing is allocated, and reading is linear in the length.
//! - [`MessageBuilder`]: appends one message to a `Vec<u8>` that you keep and re-use.
//! - [`Key`]: a credential with its HMAC state worked out once, so that signing and verifying only clone it.
//! - [`Retransmission`] (feature `std`): when to send a request again and when to give up.
//! - [`Transport`], [`FiveTuple`], [`Transmit`]: how every machine above says what goes where.
//!
//! # What it leaves out
//!
//! Sockets, clocks and randomness (a [`TransactionId`] is yours to draw: make it unguessable), framing over TCP,
//! MESSAGE-INTEGRITY-SHA256, USERHASH, PASSWORD-ALGORITHMS, NAT behaviour discovery (RFC 5780), and the classic
//! messages of RFC 3489 that carry no magic cookie.
//!
//! # Contracts
//!
//! - Nothing that arrives can panic, allocate, or cost more than one pass over it.
//! - Attributes behind MESSAGE-INTEGRITY (but FINGERPRINT) do not exist for a reader (RFC 8489 §14.5). Where an
//!   attribute occurs twice, the first one counts (§14).
//! - A getter gives `None` both when the attribute is absent and when its value is malformed; [`Message::attribute`]
//!   tells them apart.
//! - [`Message::verify_integrity`] compares in constant time. Believe no attribute before it says so.
//!
//! # Example
//!
//! ```
//! use ieum_stun::{Class, Key, Message, MessageBuilder, Method, TransactionId};
//!
//! let key = Key::short_term("the password of the other side");
//! let id = TransactionId(*b"unguessable!");
//!
//! let mut buffer = Vec::new();
//! let length = MessageBuilder::new(&mut buffer, Class::Request, Method::BINDING, id)
//!     .username("theirs:ours")
//!     .priority(1_845_501_695)
//!     .integrity(&key)
//!     .fingerprint()
//!     .finish();
//! assert_eq!(length, buffer.len());
//!
//! let message = Message::parse(&buffer)?;
//! assert_eq!(message.username(), Some("theirs:ours"));
//! assert!(message.verify_integrity(&key).is_ok());
//! assert_eq!(message.has_valid_fingerprint(), Some(true));
//! # Ok::<(), ieum_stun::ParseError>(())
//! ```
#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

mod address;
mod attribute;
mod behaviour;
mod builder;
mod channel_data;
pub mod classic;
pub mod code;
mod error_code;
mod five_tuple;
mod header;
mod icmp;
mod integrity;
mod key;
mod long_term;
mod message;
mod opaque_string;
mod parse_error;
mod password_algorithm;
#[cfg(feature = "std")]
mod retransmission;
mod security_features;
mod stream;
mod uri;

pub use address::Family;
pub use attribute::{Attribute, AttributeType, Attributes};
pub use behaviour::ChangeRequest;
pub use builder::MessageBuilder;
pub use channel_data::ChannelData;
pub use error_code::{AddressError, ErrorCode};
pub use five_tuple::{FiveTuple, Transmit, Transport};
pub use header::{Class, MAGIC_COOKIE, Method, TransactionId, is_stun};
pub use icmp::Icmp;
pub use integrity::{Integrity, IntegrityError};
pub use key::{Key, userhash};
pub use long_term::{AlgorithmError, Challenge, ChallengeError};
pub use message::Message;
pub use opaque_string::{OpaqueStringError, opaque_string};
pub use parse_error::{Expected, ParseError};
pub use password_algorithm::{PasswordAlgorithm, PasswordAlgorithms};
#[cfg(feature = "std")]
pub use retransmission::{Retransmission, Timeout};
pub use security_features::SecurityFeatures;
pub use stream::{Deframer, Frame, StreamError, StreamExpected};
pub use uri::{Host, Scheme, Uri, UriError, UriExpected, UriTransport};
