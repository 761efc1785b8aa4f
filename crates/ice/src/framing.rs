//! How datagrams travel on a TCP or TLS connection: pure codecs. The agent gives and takes datagrams; whoever owns the
//! sockets frames them.

/// How messages are told apart on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Between ICE peers: a length of two bytes before each (RFC 4571 §2, as RFC 6544 §3 asks for).
    Rfc4571,
    /// To a TURN server: STUN messages and ChannelData tell their own length (RFC 8656 §12.5, RFC 8489 §6.2.2).
    Turn,
}

/// The length that goes before each datagram on the stream, 2 bytes in network order. `None`: the datagram is longer
/// than 65535 bytes.
///
/// ```
/// assert_eq!(ieum_ice::framing::header(300), Some([1, 44]));
/// ```
pub fn header(len: usize) -> Option<[u8; 2]> {
    u16::try_from(len).ok().map(u16::to_be_bytes)
}

/// Cuts a stream into the datagrams that it carries, however it was cut on the way.
///
/// What it keeps is less than one frame, at most 65536 bytes, as long as [`next_frame`](Self::next_frame) is asked until
/// it says `None` after each [`push`](Self::push).
#[derive(Debug, Clone, Default)]
pub struct Deframer {
    stream: Vec<u8>,
    /// What was given out already.
    read: usize,
}

impl Deframer {
    /// Nothing was received yet.
    pub fn new() -> Self {
        Deframer::default()
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.drain(..self.read);
        self.read = 0;
        self.stream.extend_from_slice(bytes);
    }

    /// The next whole datagram; an empty one is given as such.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        let rest = &self.stream[self.read..];
        let (header, rest) = rest.split_first_chunk::<2>()?;
        let frame = rest.get(..usize::from(u16::from_be_bytes(*header)))?;
        self.read += 2 + frame.len();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(frames: &[&[u8]]) -> Vec<u8> {
        let framed = frames
            .iter()
            .map(|frame| [&header(frame.len()).unwrap(), *frame].concat());
        framed.collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_frames() {
        let long = vec![7; 65535];
        let frames: [&[u8]; 4] = [b"hello", b"", &long, b"x"];
        let stream = stream(&frames);
        for at in (0..20).chain(stream.len() - 5..=stream.len()) {
            let mut deframer = Deframer::new();
            let mut got = Vec::new();
            for part in [&stream[..at], &stream[at..]] {
                deframer.push(part);
                while let Some(frame) = deframer.next_frame() {
                    got.push(frame.to_vec());
                }
            }
            assert_eq!(got, frames, "{at}");
        }
    }

    #[test]
    fn one_byte_at_a_time_keeps_no_more_than_a_frame() {
        let stream = stream(&[b"ab", b"cde", b""]);
        let mut deframer = Deframer::new();
        let mut count = 0;
        for byte in &stream {
            deframer.push(&[*byte]);
            while deframer.next_frame().is_some() {
                count += 1;
            }
            assert!(deframer.stream.len() <= 5);
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn what_is_too_long_has_no_header() {
        assert_eq!(header(65535), Some([0xff; 2]));
        assert_eq!(header(65536), None);
    }
}
