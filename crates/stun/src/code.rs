//! The error codes of STUN (RFC 8489 §14.8), TURN (RFC 8656 §19; over TCP RFC 6062 §6.3; mobility RFC 8016 §3.4) and ICE
//! (RFC 8445 §16.2).

/// Try another server.
pub const TRY_ALTERNATE: u16 = 300;
/// The request is malformed.
pub const BAD_REQUEST: u16 = 400;
/// No credentials, or wrong ones.
pub const UNAUTHENTICATED: u16 = 401;
/// TURN: the peer's address, or the request, is not allowed.
pub const FORBIDDEN: u16 = 403;
/// TURN: a client may not move here (RFC 8016 §3.4).
pub const MOBILITY_FORBIDDEN: u16 = 405;
/// A comprehension-required attribute is not known.
pub const UNKNOWN_ATTRIBUTE: u16 = 420;
/// TURN: there is no allocation, or there is one already.
pub const ALLOCATION_MISMATCH: u16 = 437;
/// The nonce is no longer valid: repeat with the new one.
pub const STALE_NONCE: u16 = 438;
/// TURN: the address family is not supported.
pub const ADDRESS_FAMILY_NOT_SUPPORTED: u16 = 440;
/// TURN: the allocation belongs to other credentials.
pub const WRONG_CREDENTIALS: u16 = 441;
/// TURN: the transport towards the peer is not supported.
pub const UNSUPPORTED_TRANSPORT_PROTOCOL: u16 = 442;
/// TURN: the peer's address is of another family than the relayed one.
pub const PEER_ADDRESS_FAMILY_MISMATCH: u16 = 443;
/// TURN: there is a connection to this peer already (RFC 6062 §6.3).
pub const CONNECTION_ALREADY_EXISTS: u16 = 446;
/// TURN: the peer did not accept the connection, or not in time (RFC 6062 §6.3).
pub const CONNECTION_TIMEOUT_OR_FAILURE: u16 = 447;
/// TURN: this user has as many allocations as are allowed.
pub const ALLOCATION_QUOTA_REACHED: u16 = 486;
/// ICE: both sides claim the same role.
pub const ROLE_CONFLICT: u16 = 487;
/// The server failed: try again.
pub const SERVER_ERROR: u16 = 500;
/// TURN: the server has no port, or no room, left.
pub const INSUFFICIENT_CAPACITY: u16 = 508;
