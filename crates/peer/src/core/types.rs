//! The W3C's small vocabulary (WebRTC 1.0): states, descriptions, candidates in their wire form, data channel options.

use std::fmt;

use bytes::Bytes;

/// RTCSdpType (WebRTC 1.0 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SdpType {
    /// Proposes a session.
    Offer,
    /// A provisional answer; another answer may follow it.
    Pranswer,
    /// Ends a negotiation.
    Answer,
    /// Takes the last offer back; its SDP is not looked at.
    Rollback,
}

impl SdpType {
    /// The word on the wire: `offer`, `pranswer`, `answer` or `rollback`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Pranswer => "pranswer",
            Self::Answer => "answer",
            Self::Rollback => "rollback",
        }
    }

    /// The type that stands for a word on the wire, `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Offer, Self::Pranswer, Self::Answer, Self::Rollback]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for SdpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCSessionDescription: what goes over signaling as `{ type, sdp }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionDescription {
    /// What it is.
    pub kind: SdpType,
    /// The SDP (RFC 8866), empty in a rollback.
    pub sdp: String,
}

impl SessionDescription {
    /// An offer with this SDP.
    #[must_use]
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self {
            kind: SdpType::Offer,
            sdp: sdp.into(),
        }
    }

    /// An answer with this SDP.
    #[must_use]
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self {
            kind: SdpType::Answer,
            sdp: sdp.into(),
        }
    }

    /// Takes the last offer back.
    #[must_use]
    pub const fn rollback() -> Self {
        Self {
            kind: SdpType::Rollback,
            sdp: String::new(),
        }
    }
}

/// RTCIceCandidateInit: a candidate as it goes over signaling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct IceCandidateInit {
    /// `candidate:...`, with or without `a=` (RFC 8839 §5.1); empty: no more candidates will come.
    pub candidate: String,
    /// The `a=mid` of the media section it belongs to.
    pub sdp_mid: Option<String>,
    /// The number of that section, from 0; looked at where there is no mid.
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment of the generation it belongs to; a candidate of an older generation is ignored.
    pub username_fragment: Option<String>,
}

/// RTCSignalingState (WebRTC 1.0 §4.3.1).
///
/// ```text
///            set local offer            set remote answer
///   Stable ------------------> HaveLocalOffer -----------> Stable
///     |                              | remote pranswer
///     |                              v
///     |                        HaveRemotePranswer -------> Stable
///     | set remote offer             set local answer
///     +----------------------> HaveRemoteOffer ----------> Stable
///                                    | local pranswer
///                                    v
///                              HaveLocalPranswer --------> Stable
/// ```
/// A rollback leads from either offer back to `Stable`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SignalingState {
    /// No negotiation is under way.
    #[default]
    Stable,
    /// An offer of ours waits for its answer.
    HaveLocalOffer,
    /// An offer of the peer waits for our answer.
    HaveRemoteOffer,
    /// We gave a provisional answer.
    HaveLocalPranswer,
    /// The peer gave a provisional answer.
    HaveRemotePranswer,
    /// Closed.
    Closed,
}

impl SignalingState {
    /// Every one of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 6] = [
        Self::Stable,
        Self::HaveLocalOffer,
        Self::HaveRemoteOffer,
        Self::HaveLocalPranswer,
        Self::HaveRemotePranswer,
        Self::Closed,
    ];

    /// The W3C's word, for example `have-local-offer`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::HaveLocalOffer => "have-local-offer",
            Self::HaveRemoteOffer => "have-remote-offer",
            Self::HaveLocalPranswer => "have-local-pranswer",
            Self::HaveRemotePranswer => "have-remote-pranswer",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for SignalingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCIceGatheringState.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum IceGatheringState {
    /// Nothing has been asked for yet.
    #[default]
    New,
    /// Candidates are being found.
    Gathering,
    /// Every server has answered, refused or been given up.
    Complete,
}

impl IceGatheringState {
    /// The W3C's word: `new`, `gathering` or `complete`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gathering => "gathering",
            Self::Complete => "complete",
        }
    }
}

impl fmt::Display for IceGatheringState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCIceConnectionState.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum IceConnectionState {
    /// No remote candidate is known yet.
    #[default]
    New,
    /// Pairs are being checked.
    Checking,
    /// A pair works; others may still be checked.
    Connected,
    /// A pair is chosen and nothing is left to check.
    Completed,
    /// No pair works, or consent has expired (RFC 7675).
    Failed,
    /// The chosen pair gives no sign of life; it may come back.
    Disconnected,
    /// Closed.
    Closed,
}

impl IceConnectionState {
    /// The W3C's word, for example `checking`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Checking => "checking",
            Self::Connected => "connected",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Disconnected => "disconnected",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for IceConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCPeerConnectionState: ICE and DTLS taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Nothing has begun.
    #[default]
    New,
    /// ICE or DTLS is under way.
    Connecting,
    /// ICE has a pair and DTLS is done.
    Connected,
    /// It was connected, and the pair gives no sign of life.
    Disconnected,
    /// ICE or DTLS has failed. ICE can be restarted; a failed DTLS cannot.
    Failed,
    /// Closed, by this side or by a DTLS `close_notify` of the other.
    Closed,
}

impl ConnectionState {
    /// The W3C's word, for example `connecting`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCDataChannelInit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DataChannelInit {
    /// Whether messages arrive in the order they were sent.
    pub ordered: bool,
    /// How long a message is sent again, in milliseconds; excludes `max_retransmits`. Both `None`: reliable.
    pub max_packet_life_time_ms: Option<u16>,
    /// How often a message is sent again.
    pub max_retransmits: Option<u16>,
    /// A name for what is spoken on the channel; at most 65,535 bytes.
    pub protocol: String,
    /// `true`: both sides create the channel with the same `id`, and nothing is said about it on the wire.
    pub negotiated: bool,
    /// The stream, 0 to 65534; needed where `negotiated`, otherwise chosen where it is `None`.
    pub id: Option<u16>,
    /// How the channel ranks among those of its connection; told to the peer.
    pub priority: Priority,
}

impl Default for DataChannelInit {
    fn default() -> Self {
        Self {
            ordered: true,
            max_packet_life_time_ms: None,
            max_retransmits: None,
            protocol: String::new(),
            negotiated: false,
            id: None,
            priority: Priority::default(),
        }
    }
}

/// RTCPriorityType, for a data channel (RFC 8831 §6.4). Where channels compete for the way to the peer, each sends as many
/// bytes as the number says that stands here, message by message; it is told to the peer, who does the same the other way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// "Below normal": 128.
    VeryLow,
    /// "Normal": 256.
    #[default]
    Low,
    /// "High": 512.
    Medium,
    /// "Extra high": 1024.
    High,
}

impl Priority {
    /// The W3C's word: `very-low`, `low`, `medium` or `high`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The number that stands for it on the wire (RFC 8831 §6.4).
    pub(crate) const fn to_wire(self) -> u16 {
        match self {
            Self::VeryLow => 128,
            Self::Low => 256,
            Self::Medium => 512,
            Self::High => 1024,
        }
    }

    /// The lowest one that covers a number on the wire.
    pub(super) const fn from_wire(priority: u16) -> Self {
        match priority {
            0..=128 => Self::VeryLow,
            129..=256 => Self::Low,
            257..=512 => Self::Medium,
            _ => Self::High,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RTCDataChannelState.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DataChannelState {
    /// Waiting for the transport.
    #[default]
    Connecting,
    /// Messages flow.
    Open,
    /// Being closed: what was sent before is still delivered.
    Closing,
    /// Closed.
    Closed,
}

impl DataChannelState {
    /// The W3C's word, for example `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for DataChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One message of a data channel (RFC 8831 §6.6). Both kinds may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text, in UTF-8.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, whichever kind it is.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

/// The protocol version that a DTLS handshake agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DtlsVersion {
    /// RFC 6347.
    V1_2,
    /// RFC 9147.
    V1_3,
}

impl DtlsVersion {
    /// The number that stands for it on the wire: 0xFEFD or 0xFEFC.
    #[must_use]
    pub const fn to_wire(self) -> u16 {
        match self {
            Self::V1_2 => 0xFEFD,
            Self::V1_3 => 0xFEFC,
        }
    }
}

impl fmt::Display for DtlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}
