//! The four bytes before relayed data on a channel (RFC 8656 §12.4, §12.5).

use alloc::vec::Vec;

/// Data that a TURN channel carries: what is neither a STUN message nor as long as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel: 0x4000 to 0x4FFF (RFC 8656 §12), or up to 0x7FFF (RFC 5766 §11).
    pub number: u16,
    /// What is relayed, without its padding; it may be empty.
    pub data: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Bytes of its header: the number and the length of the data, 16 bits each.
    pub const HEADER: usize = 4;

    /// Reads one datagram; what follows the data over UDP is padding, and is cut off (RFC 8656 §12.5). `None` where the
    /// number is not that of a channel, or the data is shorter than announced.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, rest) = datagram.split_first_chunk::<4>()?;
        let number = u16::from_be_bytes([header[0], header[1]]);
        let len = u16::from_be_bytes([header[2], header[3]]);
        let data = rest.get(..usize::from(len))?;
        is_channel(header[0]).then_some(Self { number, data })
    }

    /// The header for `len` bytes of data; `None` where 16 bits cannot say so.
    pub fn header(number: u16, len: usize) -> Option<[u8; 4]> {
        let [n0, n1] = number.to_be_bytes();
        let [l0, l1] = u16::try_from(len).ok()?.to_be_bytes();
        Some([n0, n1, l0, l1])
    }

    /// The zeros that follow `len` bytes of data on TCP and TLS, up to a multiple of 4 (RFC 8656 §12.5). The length in
    /// the header does not count them; over UDP they are not needed.
    pub const fn padding(len: usize) -> &'static [u8] {
        match len % 4 {
            1 => &[0; 3],
            2 => &[0; 2],
            3 => &[0; 1],
            _ => &[],
        }
    }

    /// Appends header, data and padding, as a stream wants them. `None`, and nothing is written, where the data is
    /// longer than 65,535 bytes.
    pub fn write_to_stream(&self, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&Self::header(self.number, self.data.len())?);
        out.extend_from_slice(self.data);
        out.extend_from_slice(Self::padding(self.data.len()));
        Some(())
    }
}

/// By its first byte: the two bits that no STUN message has (RFC 5766 §11: numbers 0x4000 to 0x7FFF). RFC 8656 §12 has
/// kept the first quarter for new channels, but clients of RFC 5766, coturn's among them, use all of them.
pub(crate) const fn is_channel(first: u8) -> bool {
    matches!(first, 0x40..=0x7F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_may_be_padded_or_not_but_not_cut() {
        let whole = [0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
        let expected = ChannelData {
            number: 0x4001,
            data: &[1, 2, 3, 4, 5],
        };
        assert_eq!(ChannelData::parse(&whole), Some(expected));
        assert_eq!(ChannelData::parse(&whole[..9]), Some(expected));
        for len in 0..9 {
            assert_eq!(ChannelData::parse(&whole[..len]), None, "{len}");
        }
    }

    #[test]
    fn only_the_numbers_of_channels_are_read() {
        for (number, is) in [
            (0x3FFFu16, false),
            (0x4000, true),
            (0x7FFF, true),
            (0x8000, false),
        ] {
            let [high, low] = number.to_be_bytes();
            assert_eq!(ChannelData::parse(&[high, low, 0, 0]).is_some(), is);
        }
    }

    #[test]
    fn a_stream_gets_multiples_of_four() {
        for len in 0..9 {
            let data = [7; 9];
            let mut out = Vec::new();
            let channel_data = ChannelData {
                number: 0x4000,
                data: &data[..len],
            };
            channel_data.write_to_stream(&mut out).unwrap();
            assert_eq!(out.len(), 4 + len.next_multiple_of(4));
            assert_eq!(ChannelData::parse(&out), Some(channel_data));
        }
        let data = &std::vec![0; 65_536][..];
        let too_long = ChannelData {
            number: 0x4000,
            data,
        };
        let mut out = Vec::new();
        assert_eq!(too_long.write_to_stream(&mut out), None);
        assert!(out.is_empty());
    }
}
