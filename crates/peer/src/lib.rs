//! A WebRTC peer: `PeerConnection` with the W3C's names, in two layers.
//!
//! - [`core`] is the protocol logic without I/O: negotiation (JSEP, RFC 9429), the ICE agent, DTLS with the check of the
//!   fingerprint, SCTP, data channels (RFC 8831, RFC 8832), and which datagram is whose (RFC 7983). For your own event
//!   loop: [`core::Connection`]. Offer and answer alone, with audio and video: [`core::jsep::Negotiator`].
//! - [`runtime`] drives it on tokio: one task per connection owns the core by value, its sockets and one timer;
//!   [`PeerConnection`], [`DataChannel`] and [`Events`] are handles to that task. All its names are here, too.
//!
//! ```
//! use ieum_peer::{Configuration, DataChannelInit, Event, Message, PeerConnection};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (a, _a_events) = PeerConnection::new(Configuration::default())?;
//! let (b, mut b_events) = PeerConnection::new(Configuration::default())?;
//! let mut channel = a.create_data_channel("greetings", DataChannelInit::default()).await?;
//!
//! // Here both are in one process; elsewhere the two descriptions go over signaling. With all candidates in them, nothing
//! // else has to; who trickles sends each `Event::IceCandidate` to the other side's `add_ice_candidate` instead.
//! let offer = a.create_offer().await?;
//! a.set_local_description(offer).await?;
//! a.gathering_complete().await;
//! b.set_remote_description(a.local_description().unwrap()).await?;
//! let answer = b.create_answer().await?;
//! b.set_local_description(answer).await?;
//! b.gathering_complete().await;
//! a.set_remote_description(b.local_description().unwrap()).await?;
//!
//! let theirs = loop {
//!     match b_events.next().await {
//!         Some(Event::DataChannel(channel)) => break channel,
//!         Some(_) => {}
//!         None => return Err("closed".into()),
//!     }
//! };
//! theirs.send_text("hello").await?;
//! assert_eq!(channel.recv().await, Some(Message::from("hello")));
//!
//! // Everything sent before arrives; then task and sockets are gone.
//! a.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Contracts
//!
//! **The data path.** In: a socket's GRO batch -> [`core::Connection::handle_datagram`] for each datagram -> the ICE agent,
//! which unwraps what came through a relay and keeps STUN -> the rest by its first byte to DTLS, and out of it to SCTP ->
//! messages. Out: a bounded channel -> SCTP -> DTLS -> the ICE agent, which addresses it -> [`Transmit`]s, whose bytes are
//! appended to a buffer of the caller; equal-sized datagrams leave as one (GSO). SCTP acknowledges once per receive batch,
//! and every layer is polled after every input, never on a tick. There is no lock on the path. Over TCP and TLS messages are
//! framed by the driver; while a connection is congested, data waits in SCTP and only checks go on.
//!
//! **Back-pressure.** [`DataSender::send`] waits while two megabytes are unacknowledged, and [`DataSender::try_send`] says so;
//! [`ChannelEvent::BufferedAmountLow`] tells when there is room. A [`DataReceiver`] that is not
//! read stops reads from SCTP, which closes the peer's window; ICE consent, timers and everything else go on. Unread
//! [`Events`] are kept up to a bound. What the peer can make us hold is bounded: 1024 channels of its
//! own, 4 MiB of unread messages (a message without end is noticed, and ends the association). That window is of the
//! connection: one channel that is not read holds back the others.
//!
//! **DTLS and SCTP are behind traits** ([`core::Dtls`], [`core::Sctp`]), over `dimpl` (versions 1.2 and 1.3, whichever the
//! peer can; no cookie, which ICE makes needless) and `rtc-sctp`. The SCTP trait can carry parts of messages. Nothing
//! is delivered before the peer's certificate has the fingerprint that its description names.
//!
//! **Statistics.** [`PeerConnection::get_stats`] gives the W3C's dictionaries as typed data: what is not measured is not in them.
//!
//! **The observer.** An [`Observer`] is told of every [`Occurrence`], from one place, in order; nothing secret is in it.
//!
//! **Clock and randomness.** The core has neither: `now` is the first argument, and ICE draws from a 32-byte seed given at
//! construction, so that the same inputs give the same outputs; except that the DTLS and SCTP libraries draw their own
//! randomness, and certificates are made from the system's. The runtime takes its seed from the system unless
//! [`Configuration::seed`] gives one.
//!
//! **Buffers.** Receive and send buffers belong to the thread and are borrowed during one receive or one flush: an idle
//! connection holds none.
//!
//! **Channels end** by a reset of their stream, from either side: what the closing side sent before arrives, and what the other
//! side had queued is sent and thrown away. Their numbers are not used again as long as there are others.
//!
//! **Events** are a stream ([`Events`], [`DataChannel::next`]) or callbacks ([`Handlers`], [`ChannelHandlers`]), which a task
//! calls one after another.
//!
//! **Identity.** A [`Certificate`] can be kept, and the peer's be expected
//! ([`Configuration::expected_fingerprints`]): then not even signaling can put another in its place.
//!
//! **Ends.** [`PeerConnection::close`] waits until the peer has what was sent ([`Configuration::close_timeout`] at most), then says goodbye.
//! Dropping the handle says goodbye and ends at once. A peer's goodbye (a DTLS `close_notify`) closes the connection,
//! which is more than the W3C asks; a peer that just goes silent is `Disconnected` and then `Failed`, as
//! [`Configuration::timing`] says. In each case, once it is closed, task and sockets are gone.
//!
//! **Addresses.** IPv4 and IPv6 of every interface that is up, without link-local ones and the bridges of containers; where
//! none is left, loopback, so that two peers on a machine without a network connect. [`Interfaces`] filters them by name,
//! network and family; [`Configuration`] has a range of ports, or a shared one, and external addresses (a NAT that is 1:1). They may come and go: [`PeerConnection::network_changed`]. What cannot be
//! had is a candidate error with the reason.
//!
//! **One port for many.** A [`UdpMux`] is one UDP port of any number of connections ([`Configuration::udp_mux`]); its front page says whose
//! a datagram is. A thread of the port reads it, and hands each connection its batches over a bounded queue; each connection
//! writes by itself. There is no lock that they share.
//!
//! **Names.** A browser hides its addresses behind names, `<uuid>.local`: they are resolved by multicast DNS
//! ([`core::mdns`]), as long as the connection looks for its peer; [`Configuration::hide_host_addresses`] hides ours.
//!
//! **Pacing.** Descriptions say `a=ice-pacing` (RFC 8839 §5.5): two of ours check [`Timing::ta`] apart, 5 ms; with a peer that
//! says nothing, as browsers do, it is 50 ms.
//!
//! # Not supported yet
//!
//! Audio and video (every such section is answered with port 0), TURN over DTLS, domain names in candidates (RFC 8839
//! §5.1: ignored, and counted).

pub mod core;
pub mod runtime;

pub use crate::core::{
    Certificate, ChannelError, ConnectionState, DataChannelInit, DataChannelState, DtlsVersion,
    Fingerprint, IceCandidateInit, IceConnectionState, IceGatheringState, Message, Observer,
    Occurrence, Priority, RemoteError, SdpType, SessionDescription, SignalingState, Stats,
    UsageError,
};
pub use crate::runtime::{
    BundlePolicy, ChannelEvent, ChannelHandlers, Configuration, DataChannel, DataReceiver,
    DataSender, Error, Event, Events, Handlers, IceCandidateError, IceServer, IceTcp,
    IceTransportPolicy, Interfaces, InvalidPem, Network, NotANetwork, PeerConnection, Report,
    RtcpMuxPolicy, TlsRoots, UdpMux, UdpMuxStats,
};
pub use ieum_candidate::{Candidate, Kind};
pub use ieum_ice::{
    AddressMapping, MappingMode, PairReport, PairState, SelectedPair, Timing, Transmit,
};
