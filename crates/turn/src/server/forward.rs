//! What is relayed: a few bytes of header, and a payload that is borrowed from what came in.

use ieum_stun::FiveTuple;

use super::RelayId;

/// One datagram to send at once. Its bytes are the header, the payload and the padding, one after the other.
///
/// The payload borrows the datagram that came in. A driver that receives into a buffer with
/// [`Forward::MAX_HEADER`] free bytes before the datagram can write the header there and send without copying.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Which socket sends it.
    pub from: Side,
    /// From where to where.
    pub five_tuple: FiveTuple,
    /// What came in.
    pub payload: &'a [u8],
    /// To a peer: with the bit DF set (DONT-FRAGMENT, RFC 8656 §11.2). Only with
    /// [`Abilities::dont_fragment`](super::Abilities::dont_fragment).
    pub dont_fragment: bool,
    header: [u8; MAX_HEADER],
    header_len: u8,
}

/// Which of the driver's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The listening socket with the address `five_tuple.local`, or the client's connection: to the client.
    Listener,
    /// A relay's socket: to a peer.
    Relay(RelayId),
}

impl<'a> Forward<'a> {
    /// The most that a header has: a Data indication from an IPv6 peer.
    pub const MAX_HEADER: usize = MAX_HEADER;

    pub(crate) fn new(from: Side, five_tuple: FiveTuple, header: &[u8], payload: &'a [u8]) -> Self {
        let mut room = [0; MAX_HEADER];
        room[..header.len()].copy_from_slice(header);
        Self {
            from,
            five_tuple,
            payload,
            dont_fragment: false,
            header: room,
            header_len: header.len() as u8,
        }
    }

    /// What goes before the payload: nothing towards a peer, 4 bytes on a channel, 36 or 48 in a Data indication.
    pub fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }

    /// Zero bytes after the payload: 0 to 3 in a Data indication, and on a channel of a client over TCP or TLS
    /// (RFC 8656 §12.5); else none.
    pub fn padding(&self) -> usize {
        match self.header_len {
            0 => 0,
            1..=4 if !self.five_tuple.transport.is_stream() => 0,
            _ => self.payload.len().wrapping_neg() % 4,
        }
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.header().len() + self.payload.len() + self.padding()
    }

    /// Whether there is nothing to send but an empty datagram.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends all bytes to `buf`.
    pub fn write_to(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(self.header());
        buf.extend_from_slice(self.payload);
        buf.extend_from_slice(&[0; 3][..self.padding()]);
    }
}

/// A STUN header, XOR-PEER-ADDRESS with an IPv6 address, and the header of DATA.
const MAX_HEADER: usize = 20 + 24 + 4;
