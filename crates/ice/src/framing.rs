//! How datagrams travel on a TCP or TLS connection: pure codecs. The agent gives and takes datagrams; whoever owns the
//! sockets frames them.

use ieum_stun::Frame;

/// How messages are told apart on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Between ICE peers: a length of two bytes before each (RFC 4571 §2, as RFC 6544 §3 asks for).
    Rfc4571,
    /// To a TURN server: STUN messages and ChannelData tell their own length (RFC 8656 §12.5, RFC 8489 §6.2.2).
    Turn,
}

/// Appends a message to what is to be written on a connection. `false`: it is longer than 65535 bytes, and cannot be sent.
///
/// ```
/// use ieum_ice::framing::{Framing, frame};
///
/// let mut out = Vec::new();
/// assert!(frame(Framing::Rfc4571, b"hello", &mut out));
/// assert_eq!(out, b"\x00\x05hello");
/// ```
pub fn frame(framing: Framing, message: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(len) = u16::try_from(message.len()) else {
        return false;
    };
    match framing {
        Framing::Rfc4571 => {
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(message);
        }
        Framing::Turn => {
            out.extend_from_slice(message);
            // RFC 8656 §12.5: ChannelData is padded to a multiple of four; STUN messages are of such a length anyway.
            let padding = message.len().next_multiple_of(4) - message.len();
            out.extend_from_slice(&[0; 3][..padding]);
        }
    }
    true
}

/// Cuts a stream into the messages that it carries, however it was cut on the way.
///
/// What it keeps is less than one frame, at most 65552 bytes, as long as [`next_frame`](Self::next_frame) is asked until
/// it has none left after each [`push`](Self::push).
#[derive(Debug, Clone)]
pub struct Deframer {
    framing: Framing,
    stream: Vec<u8>,
    /// What was given out already.
    read: usize,
}

/// The stream does not carry what it should: nobody knows where the next message begins. Close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream carries neither STUN nor channel data")]
pub struct Broken;

impl Deframer {
    /// Nothing was received yet.
    pub fn new(framing: Framing) -> Self {
        Deframer {
            framing,
            stream: Vec::new(),
            read: 0,
        }
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.drain(..self.read);
        self.read = 0;
        self.stream.extend_from_slice(bytes);
    }

    /// The next whole message; an empty one is given as such. `None`: the rest has not arrived yet.
    ///
    /// # Errors
    /// [`Broken`], by [`Framing::Turn`] only.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, Broken> {
        let rest = &self.stream[self.read..];
        let cut = match self.framing {
            Framing::Rfc4571 => cut_rfc4571(rest),
            Framing::Turn => cut_turn(rest)?,
        };
        let Some((frame, len)) = cut else {
            return Ok(None);
        };
        self.read += len;
        Ok(Some(frame))
    }
}

/// The first message, and how many bytes it takes.
fn cut_rfc4571(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (header, rest) = bytes.split_first_chunk::<2>()?;
    let frame = rest.get(..usize::from(u16::from_be_bytes(*header)))?;
    Some((frame, 2 + frame.len()))
}

fn cut_turn(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Broken> {
    let Some((frame, len)) = Frame::split(bytes).map_err(|_| Broken)? else {
        return Ok(None);
    };
    let without_padding = match frame {
        Frame::Message(message) => message.len(),
        Frame::ChannelData(data) => ieum_turn::HEADROOM + data.data.len(),
    };
    Ok(Some((&bytes[..without_padding], len)))
}

#[cfg(test)]
mod tests {
    use ieum_stun::{Class, MessageBuilder, Method, TransactionId};

    use super::*;

    fn stream(framing: Framing, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for message in messages {
            assert!(frame(framing, message, &mut out));
        }
        out
    }

    fn read(framing: Framing, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut deframer = Deframer::new(framing);
        let mut got = Vec::new();
        for part in parts {
            deframer.push(part);
            while let Some(frame) = deframer.next_frame().unwrap() {
                got.push(frame.to_vec());
            }
        }
        got
    }

    fn turn_messages() -> Vec<Vec<u8>> {
        let mut request = Vec::new();
        let id = TransactionId([1; 12]);
        MessageBuilder::new(&mut request, Class::Request, Method::ALLOCATE, id).fingerprint();
        let channel_data = b"\x40\x00\x00\x05hello".to_vec();
        vec![request, channel_data, b"\x40\x01\x00\x00".to_vec()]
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages() {
        let messages = vec![b"hello".to_vec(), Vec::new(), vec![7; 65535], b"x".to_vec()];
        for (framing, messages) in [
            (Framing::Rfc4571, messages),
            (Framing::Turn, turn_messages()),
        ] {
            let stream = stream(framing, &messages);
            for at in (0..stream.len().min(60)).chain(stream.len() - 5..=stream.len()) {
                assert_eq!(read(framing, &[&stream[..at], &stream[at..]]), messages);
            }
        }
    }

    #[test]
    fn one_byte_at_a_time_keeps_no_more_than_a_frame() {
        let stream = stream(Framing::Rfc4571, &[b"ab".into(), b"cde".into(), vec![]]);
        let mut deframer = Deframer::new(Framing::Rfc4571);
        let mut count = 0;
        for byte in &stream {
            deframer.push(&[*byte]);
            while deframer.next_frame().unwrap().is_some() {
                count += 1;
            }
            assert!(deframer.stream.len() <= 5);
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn channel_data_is_padded_to_a_multiple_of_four() {
        let stream = stream(Framing::Turn, &turn_messages()[1..2]);
        assert_eq!(stream, b"\x40\x00\x00\x05hello\x00\x00\x00");
    }

    #[test]
    fn what_is_too_long_is_not_framed() {
        let mut out = Vec::new();
        assert!(!frame(Framing::Rfc4571, &[0; 65536], &mut out));
        assert!(out.is_empty());
    }

    #[test]
    fn a_stream_to_a_server_that_carries_something_else_is_broken() {
        let mut deframer = Deframer::new(Framing::Turn);
        deframer.push(b"\x16\x03\x01 a TLS record");
        assert_eq!(deframer.next_frame(), Err(Broken));
    }
}
