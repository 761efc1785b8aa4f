//! STUN (RFC 8489) without I/O: messages read and written, credentials, streams, transactions, URIs.
//!
//! # What it owns
//!
//! - [`Message`]: a checked, zero-copy view of one datagram. Typed getters for every attribute of STUN (RFC 8489), TURN
//!   (RFC 8656, over TCP RFC 6062, mobile RFC 8016), ICE (RFC 8445) and NAT behaviour discovery (RFC 5780); the others
//!   are kept, and those that must be understood are told.
//! - [`MessageBuilder`]: appends one message to a `Vec<u8>` that you keep and re-use.
//! - [`Key`]: a credential, short-term or long-term by MD5 or SHA-256, with its HMAC states worked out once, so that
//!   signing and verifying only clone them. [`Integrity`] tells MESSAGE-INTEGRITY from MESSAGE-INTEGRITY-SHA256.
//! - [`Challenge`]: what a client reads in a 401 or 438 response, and writes into its requests from then on: nonce, user
//!   hash, password algorithms, with the protection against bid-down. [`Message::agreed_password_algorithm`] and
//!   [`SecurityFeatures`] are the server's side of it, [`opaque_string`] prepares names and passwords.
//! - [`Deframer`]: cuts what TCP and TLS bring into messages and [`ChannelData`].
//! - [`Retransmission`] (feature `std`): when to send a request again and when to give up, over UDP or on a stream.
//! - [`Uri`]: `stun:`, `stuns:`, `turn:` and `turns:` (RFC 7064, RFC 7065).
//! - [`classic`]: Binding requests of RFC 3489, and their responses.
//! - [`Transport`], [`FiveTuple`], [`Transmit`]: how every machine above says what goes where.
//!
//! # What it leaves out
//!
//! - Sockets, clocks and randomness: a [`TransactionId`] is yours to draw. Make it unguessable.
//! - Looking up names (RFC 8489 §8): a [`Uri`] says what to look up.
//! - What a server or a client does with a message: TURN is in `ieum-turn`, ICE in `ieum-ice`.
//! - Third-party authorization (RFC 7635) and attributes that no RFC above has: [`Message::attribute`] and
//!   [`MessageBuilder::raw`] take them by number.
//!
//! # Contracts
//!
//! - Nothing that arrives can panic, or cost more than one pass over it for each thing that is asked of it. A message is
//!   read and written without allocating; [`Challenge::read`] keeps what it read, and [`Deframer`] at most one
//!   frame.
//! - Attributes behind MESSAGE-INTEGRITY (but MESSAGE-INTEGRITY-SHA256 and FINGERPRINT) do not exist for a reader
//!   (RFC 8489 §14.5). Where an attribute occurs twice, the first one counts (§14).
//! - A getter gives `None` both when the attribute is absent and when its value is malformed; [`Message::attribute`]
//!   tells them apart.
//! - [`Message::verify_integrity`] compares in constant time. Believe no attribute before it says so.
//! - No key or password is shown by `Debug`.
//!
//! # Example: a connectivity check
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
//!
//! # Example: a server's answer
//!
//! ```
//! use ieum_stun::{Class, Message, MessageBuilder, Method, code};
//!
//! /// What a public STUN server answers to a datagram from `from`; nothing, where it is no Binding request.
//! fn answer(datagram: &[u8], from: std::net::SocketAddr, out: &mut Vec<u8>) -> Option<usize> {
//!     let request = Message::parse(datagram).ok()?;
//!     if (request.class(), request.method()) != (Class::Request, Method::BINDING) {
//!         return None;
//!     }
//!     let unknown = || request.unknown_comprehension_required();
//!     let id = request.transaction_id();
//!     Some(match unknown().next() {
//!         None => MessageBuilder::new(out, Class::Success, Method::BINDING, id)
//!             .xor_mapped_address(from)
//!             .fingerprint()
//!             .finish(),
//!         Some(_) => MessageBuilder::new(out, Class::Error, Method::BINDING, id)
//!             .error_code(code::UNKNOWN_ATTRIBUTE, "Unknown Attribute")
//!             .unknown_attributes(unknown())
//!             .finish(),
//!     })
//! }
//! # let mut request = Vec::new();
//! # let id = ieum_stun::TransactionId(*b"unguessable!");
//! # MessageBuilder::new(&mut request, Class::Request, Method::BINDING, id).software("a client");
//! # let mut out = Vec::new();
//! # let from = "192.0.2.1:4000".parse().unwrap();
//! # assert_eq!(answer(&request, from, &mut out), Some(out.len()));
//! # assert_eq!(Message::parse(&out).unwrap().xor_mapped_address(), Some(from));
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
