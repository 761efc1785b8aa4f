//! How machines say what goes where. The bytes themselves are in the caller's buffer.

use core::net::SocketAddr;

/// What carries the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP stream.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// DTLS over UDP (RFC 7350).
    Dtls,
}

impl Transport {
    /// Whether it is a stream, on which nothing is lost or reordered and messages need framing: TCP and TLS.
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }
}

/// A transport and its two ends, seen from here (RFC 8656 §3 calls it the 5-tuple).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FiveTuple {
    /// What carries the bytes.
    pub transport: Transport,
    /// Our end: the address of the socket, not of the interface behind a wildcard.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

impl FiveTuple {
    /// Over UDP from `local` to `remote`.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            local,
            remote,
        }
    }
}

/// What to send: its bytes are the last `len` bytes that the machine appended to the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transmit {
    /// From where to where.
    pub five_tuple: FiveTuple,
    /// Bytes to send.
    pub len: usize,
    /// `Some(n)`: the bytes are equal segments of `n` (the last may be shorter), each a datagram of its own (UDP
    /// GSO). `None`: one datagram.
    pub segment_size: Option<usize>,
}
