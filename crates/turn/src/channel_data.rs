//! The four bytes before relayed data on a channel (RFC 8656 §12.4).

/// Bytes of a ChannelData header: its number and the length of what follows, 16 bits each.
pub const HEADROOM: usize = 4;

/// The number and the payload. Over UDP padding may follow the payload, and is cut off.
pub(crate) fn parse(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let (header, rest) = datagram.split_first_chunk::<HEADROOM>()?;
    let number = u16::from_be_bytes([header[0], header[1]]);
    let len = u16::from_be_bytes([header[2], header[3]]);
    Some((number, rest.get(..usize::from(len))?))
}

/// The header for `len` bytes; `None` where 16 bits cannot say so.
pub(crate) fn header(number: u16, len: usize) -> Option<[u8; HEADROOM]> {
    let [n0, n1] = number.to_be_bytes();
    let [l0, l1] = u16::try_from(len).ok()?.to_be_bytes();
    Some([n0, n1, l0, l1])
}
