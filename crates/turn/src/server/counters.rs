//! What a server counts: whatever comes in is counted once, as what it did, or by the reason why it did nothing.

use ieum_stun::code;

/// Everything that a server has done, refused and ignored since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Binding requests answered.
    pub bindings: u64,
    /// Those of them that came from clients of RFC 3489.
    pub classic_bindings: u64,
    /// Allocations made.
    pub allocated: u64,
    /// Second addresses of an allocation (RFC 8656 §7.2, ADDITIONAL-ADDRESS-FAMILY).
    pub second_addresses: u64,
    /// Allocates that were answered again.
    pub repeated: u64,
    /// Allocations refreshed.
    pub refreshed: u64,
    /// Allocations that their clients gave back.
    pub released: u64,
    /// Allocations whose time ran out.
    pub expired: u64,
    /// Allocations whose client's connection was closed.
    pub disconnected: u64,
    /// Allocations that a drain has ended.
    pub drained: u64,
    /// Allocations that were taken to another address (RFC 8016).
    pub moved: u64,
    /// Requests handed to another worker.
    pub steered: u64,
    /// Connections to and from peers that were joined with a client's (RFC 6062).
    pub spliced: u64,
    /// ICMP errors told to clients.
    pub icmp: u64,
    /// CreatePermissions that succeeded.
    pub permissions: u64,
    /// ChannelBinds that succeeded.
    pub channels: u64,
    /// Requests answered with an error, by code.
    pub refused: Refused,
    /// What came in and was dropped without an answer, by reason.
    pub ignored: Ignored,
    /// From clients to peers.
    pub to_peers: Traffic,
    /// From peers to clients.
    pub to_clients: Traffic,
    /// What clients sent to peers over the bandwidth, and was dropped.
    pub to_peers_dropped: Traffic,
    /// What peers sent to clients over the bandwidth, and was dropped.
    pub to_clients_dropped: Traffic,
    /// Answers dropped because the driver had not polled the ones before.
    pub overrun: u64,
}

/// What was relayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub packets: u64,
    /// Their payloads, without headers of ours; and what TCP relays carried.
    pub bytes: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, payload: &[u8]) {
        self.packets += 1;
        self.bytes += payload.len() as u64;
    }
}

/// What there is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauges {
    /// Allocations of clients over UDP.
    pub udp: usize,
    /// Over TCP.
    pub tcp: usize,
    /// Over TLS.
    pub tls: usize,
    /// Over DTLS.
    pub dtls: usize,
    /// Relayed addresses and reserved ports.
    pub relays: usize,
    /// Users who have one.
    pub users: usize,
    /// TCP connections to and from peers (RFC 6062).
    pub connections: usize,
}

/// Requests answered with an error, by code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// 300: to another server, while this one drains.
    pub redirected: u64,
    /// 400: malformed.
    pub bad_request: u64,
    /// 401 to a request without credentials: how every client begins.
    pub challenged: u64,
    /// 401 to a request with wrong ones.
    pub unauthenticated: u64,
    /// 401 to a username whose time is over.
    pub credentials_expired: u64,
    /// 403: a peer that may not be relayed to.
    pub forbidden: u64,
    /// 405: an allocation that may not move.
    pub mobility: u64,
    /// 420: attributes that must be understood and are not.
    pub unknown_attribute: u64,
    /// 437: no allocation, or one already.
    pub allocation_mismatch: u64,
    /// 438: the nonce is too old, or not this client's.
    pub stale_nonce: u64,
    /// 440: no relay of this family.
    pub family: u64,
    /// 441: another user's allocation.
    pub wrong_credentials: u64,
    /// 442: a relay that is not UDP.
    pub transport: u64,
    /// 443: a peer of another family than the relay.
    pub peer_family: u64,
    /// 446: a second connection to the same peer.
    pub connection_exists: u64,
    /// 447: a peer that did not accept a connection.
    pub connection_failed: u64,
    /// 486: one user's relays.
    pub quota: u64,
    /// 508: all relays, one allocation's permissions, channels or connections, or a server that drains.
    pub capacity: u64,
}

impl Refused {
    /// Counts an error by its code; those of [`code::UNAUTHENTICATED`] say themselves which of the three they are.
    pub(super) fn add(&mut self, code: u16) {
        let counter = match code {
            code::TRY_ALTERNATE => &mut self.redirected,
            code::MOBILITY_FORBIDDEN => &mut self.mobility,
            code::CONNECTION_ALREADY_EXISTS => &mut self.connection_exists,
            code::CONNECTION_TIMEOUT_OR_FAILURE => &mut self.connection_failed,
            code::FORBIDDEN => &mut self.forbidden,
            code::UNAUTHENTICATED => &mut self.unauthenticated,
            code::UNKNOWN_ATTRIBUTE => &mut self.unknown_attribute,
            code::ALLOCATION_MISMATCH => &mut self.allocation_mismatch,
            code::STALE_NONCE => &mut self.stale_nonce,
            code::ADDRESS_FAMILY_NOT_SUPPORTED => &mut self.family,
            code::WRONG_CREDENTIALS => &mut self.wrong_credentials,
            code::UNSUPPORTED_TRANSPORT_PROTOCOL => &mut self.transport,
            code::PEER_ADDRESS_FAMILY_MISMATCH => &mut self.peer_family,
            code::ALLOCATION_QUOTA_REACHED => &mut self.quota,
            code::INSUFFICIENT_CAPACITY => &mut self.capacity,
            _ => &mut self.bad_request,
        };
        *counter += 1;
    }
}

/// Dropped without an answer, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Neither STUN nor ChannelData, or malformed.
    pub malformed: u64,
    /// FINGERPRINT is wrong.
    pub fingerprint: u64,
    /// A response, a Binding indication, or a method that no server answers.
    pub unexpected: u64,
    /// A request of a source that has had its share of answers before it has proven who it is.
    pub rate_limited: u64,
    /// An unauthenticated request so short that the answer would have more than three times its bytes.
    pub amplification: u64,
    /// An Allocate that came again while its relay is being opened.
    pub opening: u64,
    /// Data of a client that has no allocation.
    pub no_allocation: u64,
    /// Data on a channel that is not bound.
    pub no_channel: u64,
    /// Data to or from a peer without a permission.
    pub no_permission: u64,
    /// Data to a port of the server's own that is no relay's.
    pub own_port: u64,
    /// A Send indication that lacks something, or asks for what we cannot do.
    pub bad_indication: u64,
    /// What a relay received after it was closed.
    pub no_relay: u64,
    /// More from a peer than an indication or a channel can carry.
    pub too_long: u64,
}
