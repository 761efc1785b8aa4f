//! The policies of RTCConfiguration.

/// RTCIceTransportPolicy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum IceTransportPolicy {
    /// Every candidate.
    #[default]
    All,
    /// Relayed candidates only: the peer does not learn this machine's addresses.
    Relay,
}

/// RTCBundlePolicy. Whatever its name, everything goes over one transport, as the W3C's `max-bundle` has it: offers bundle all
/// sections, and an answer accepts those that share the transport of the first. So the three do the same here, and a
/// program that names one of them gets what it asked for, or fewer transports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum BundlePolicy {
    /// The W3C's default: one transport per kind of media, for a peer that does not bundle.
    Balanced,
    /// One transport per section, for a peer that does not bundle.
    MaxCompat,
    /// One transport.
    #[default]
    MaxBundle,
}

/// RTCRtcpMuxPolicy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RtcpMuxPolicy {
    /// RTCP on a port of its own, for a peer that wants it. Not supported: a connection with it is a `NotSupportedError`, as
    /// the W3C has it (WebRTC 1.0 §4.4.1.1).
    Negotiate,
    /// RTP and RTCP on one port (RFC 5761). A section without it is rejected.
    #[default]
    Require,
}

/// Which TCP candidates are offered (RFC 6544). UDP is preferred wherever it works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum IceTcp {
    /// None, and the peer's are not connected to.
    Off,
    /// Connects to the peer's passive candidates, as browsers do.
    #[default]
    Active,
    /// Listens on every address too. For a side that others reach: where they block UDP, a browser connects to it.
    Passive,
}
