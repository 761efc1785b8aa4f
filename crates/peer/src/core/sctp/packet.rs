//! SCTP packets as bytes (RFC 9260 §3), for what is done to them before and after the library.

/// RFC 9260 §3.1.
pub(super) const COMMON_HEADER: usize = 12;
/// The types of chunks that are looked at (RFC 9260 §3.2).
pub(super) const DATA: u8 = 0;
pub(super) const SACK: u8 = 3;
/// Of a DATA chunk, what stands before the user's bytes (RFC 9260 §3.3.1); of its flags, that the message ends in it.
pub(super) const DATA_HEADER: usize = 16;
pub(super) const ENDING: u8 = 1;

/// The chunks, without their padding. What is malformed ends them.
pub(super) fn chunks(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packet.get(COMMON_HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let &[_, _, high, low, ..] = rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        // RFC 9260 §3.2: a chunk has a header, and is padded to four bytes, the last one perhaps not.
        let chunk = rest.get(..len).filter(|chunk| chunk.len() >= 4)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(chunk)
    })
}

/// The packet of this one's header and these chunks; `None` where there are none.
pub(super) fn with_chunks<'c>(
    packet: &[u8],
    chunks: impl Iterator<Item = &'c [u8]>,
) -> Option<Vec<u8>> {
    let mut new = packet.get(..COMMON_HEADER)?.to_vec();
    for chunk in chunks {
        new.extend_from_slice(chunk);
        new.resize(new.len().next_multiple_of(4), 0);
    }
    seal(&mut new);
    (new.len() > COMMON_HEADER).then_some(new)
}

/// Writes the checksum (RFC 9260 §6.8).
pub(super) fn seal(packet: &mut [u8]) {
    packet[CHECKSUM..COMMON_HEADER].fill(0);
    let checksum = crc32c::crc32c(packet);
    packet[CHECKSUM..COMMON_HEADER].copy_from_slice(&checksum.to_le_bytes());
}

/// A 32-bit word of a packet or chunk.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

/// Whether a number comes after another (RFC 9260 §1.6: serial number arithmetic).
pub(super) fn is_after(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

const CHECKSUM: usize = 8;
