//! What client and server say to each other on every carrier but plain Socket.IO, and how Socket.IO clients ask for the same.
//!
//! Owns the frames, the names of errors, the layout of MQTT topics, and the paths. It owns no connection, and does
//! not look into messages: a message is `{ from, target, payload }` (or `message` in place of `payload`), one JSON value that
//! every carrier hands on byte for byte.
//!
//! # Life of a client
//! 1. **Join** a room under a peer id ([`Join`]). The answer is [`Joined`] or [`Refused`]. A token is checked at every join.
//! 2. **Say**: [`ClientFrame::Send`] to the peer that the message names as its `target`, [`ClientFrame::Broadcast`] to
//!    every other one in the room. What carries an `id` is acknowledged ([`Reply`]). An `id` that was accepted is handled once, and
//!    acknowledged alike when it comes again (the last [`REMEMBERED_IDS`] of a session are remembered): after a reconnection, send
//!    again what was not acknowledged. What was refused may be tried again under the same `id`.
//! 3. **Hear**: [`ServerFrame::Message`] and [`ServerFrame::Undelivered`], with a `seq` that counts from 1 in each session. Peers
//!    that come and go are messages too:
//!    `{ from, target: "all", payload: { action: "open", connections, bePolite } }`, `{ ..., payload: { action: "close" } }`.
//!    A resumable client says how far it has read ([`ClientFrame::Received`]), at least once for every 64 messages: the
//!    server keeps what is not confirmed, and once its queue for the client is full, tells further senders so.
//! 4. **Leave** ([`ClientFrame::Leave`]), or be dropped by a [`Goodbye`].
//!
//! # Coming back
//! A join that asks to be resumable (`"resume": true`) is answered with a token. When its connection breaks, the peer keeps
//! its id for [`Joined::resume_for`] seconds, nobody is told that it left, and what is sent to it is kept. A join with `"resume": { "token",
//! "seq" }`, `seq` being the last one that it has read, takes the id over at once, also from a connection that only
//! seems alive (that one gets the goodbye `replaced`), and gets what came after `seq`, in order and once. The answer says
//! `resumed: true`; where the time is over, or the server has restarted, it says `resumed: false`, and it is a new
//! session that counts from 1. A wrong token for an id that is there is refused as `taken`.
//! The token stays the same for the whole session.
//!
//! # Carriers
//! - **WebSocket**, [`WEBSOCKET_PATH`]: one frame in each text message; the first is the [`Join`], with `"type": "join"`. The server
//!   pings. It closes with 1008 after a refusal, 1012 after the goodbye `restart`, 1000 after a leave.
//! - **HTTP**, [`HTTP_PATH`]: `POST /signal` with a [`Join`] (the token may stand in `Authorization: Bearer`) gives a [`Joined`], always
//!   resumable; its resume token names the session in the paths that follow. `GET /signal/{token}/events` is the server-sent
//!   events: each `data` is a server frame, `id` its `seq`; `Last-Event-ID` (or `?seq=`) says what was read. `POST /signal/{token}` with one
//!   client frame gives its [`Reply`]; `DELETE /signal/{token}` leaves. A client with no events request open is away, as one
//!   whose connection broke. Status: 200; 400 malformed; 401 unauthorized, expired; 403 forbidden, forged; 404 for a session that is
//!   not there; 409 taken; 413 too-long; 429 too-fast, too-many; 503 busy, server-full, room-full, restart. A reply
//!   that says that a peer was not reached (`no-such-peer`, `full`) is 200: the request itself was fine.
//! - **Socket.IO**: as ever, and: the handshake's `auth` may carry `room` and `resume` beside `token`; `ready(peerId, peerType,
//!   ack)` gives a [`Joined`] with `ok: true` to the callback, or a [`Reply`] with `ok: false`; `message` and `messageOne` may have a message id
//!   as second argument, and give a [`Reply`] to the callback. A resumable client gets `message(body, seq)`, says `received(seq)`, and
//!   `leave()` before it disconnects for good; it gets the events `undelivered` and `goodbye` with one [`Undelivered`] or
//!   [`Goodbye`]. Clients that ask for none of this see none of it.
//! - **MQTT**: [`mqtt`].
//!
//! # Example
//! ```
//! use ieum_signaling::protocol::{ClientFrame, Code, ServerFrame};
//!
//! let said = r#"{"type":"send","id":"1","message":{"from":"a","target":"b","payload":{"n":1.50}}}"#;
//! let ClientFrame::Send { id, message } = ClientFrame::parse(said)? else { panic!() };
//! assert_eq!(id.as_deref(), Some("1"));
//! assert_eq!(message.get(), r#"{"from":"a","target":"b","payload":{"n":1.50}}"#);
//!
//! let heard = r#"{"type":"ack","id":"1","ok":false,"code":"no-such-peer","error":"b is not connected"}"#;
//! let ServerFrame::Ack { reply, .. } = ServerFrame::parse(heard)? else { panic!() };
//! assert_eq!(reply.code, Some(Code::NoSuchPeer));
//! # Ok::<(), ieum_signaling::protocol::Malformed>(())
//! ```

mod code;
mod frame;
mod join;
pub mod mqtt;

pub use code::Code;
#[cfg(feature = "server")]
pub(crate) use frame::message_frame;
pub use frame::{ClientFrame, Delivery, Goodbye, Malformed, Reply, ServerFrame, Undelivered};
pub use join::{Claim, IceServer, Join, Joined, Refused, Resume};

/// Where the WebSocket carrier is.
pub const WEBSOCKET_PATH: &str = "/ws";

/// Where the HTTP carrier is: `POST` here, then `/signal/{token}` and `/signal/{token}/events`.
pub const HTTP_PATH: &str = "/signal";

/// The server as a sender, and everybody as a target.
pub const EVERYBODY: &str = "all";

/// How many message ids of one session the server remembers.
pub const REMEMBERED_IDS: usize = 256;

/// How long a peer that is away keeps its id, unless the server is configured otherwise.
pub const RESUME_SECONDS: u64 = 30;

/// The longest message, in bytes of JSON, unless the server is configured otherwise.
pub const MESSAGE_BYTES: usize = 64 * 1024;
