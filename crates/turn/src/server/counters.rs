//! What a server counts.

/// Everything that a server has done, refused and ignored since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// What came in and was dropped without an answer, by reason.
    pub ignored: Ignored,
    /// From clients to peers.
    pub to_peers: Traffic,
    /// From peers to clients.
    pub to_clients: Traffic,
}

/// Relayed datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub packets: u64,
    /// Their payloads, without headers of ours.
    pub bytes: u64,
}

/// Dropped without an answer, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Neither STUN nor ChannelData, or malformed.
    pub malformed: u64,
}
